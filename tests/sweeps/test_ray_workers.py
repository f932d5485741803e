"""A sweep whose runs are tasks of Ray."""

import json
import os
import signal
import subprocess
import time

import pytest
from helpers import finish, same, start, sweep_flags, wait_for

pytestmark = pytest.mark.slow


def experiments(cluster):
    """Returns the numbers of the processes of this cluster that run an experiment."""
    raylets = [str(node.all_processes["raylet"][0].process.pid) for node in cluster.list_all_nodes()]
    command = ["pgrep", "-P", ",".join(raylets), "-f", "ray::run_experiment"]
    return set(map(int, subprocess.run(command, capture_output=True, text=True).stdout.split()))


def test_sweep_on_ray_survives_the_loss_of_a_worker(cluster, tiny, tmp_path):
    """Its files are those of the local sweep, though one of its workers is killed on the way."""
    on_ray = {"episodes": 12, "engine": "ray", "ray-address": cluster.address}
    process = start(*sweep_flags(tiny, tmp_path / "ray", **on_ray), program="sweep.py")
    checkpoint = tmp_path / "ray" / "dqn-disjoint-seed0" / "checkpoint.npz"
    most = 0
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()
        most = max(most, len(experiments(cluster)))
        time.sleep(0.05)
    # All of the cluster's processors, whatever this machine has; a task that ends overlaps with the next one.
    assert most >= 4
    started = experiments(cluster)
    assert started
    for number in started:
        os.kill(number, signal.SIGKILL)
    local = start(*sweep_flags(tiny, tmp_path / "local", episodes=12), program="sweep.py")
    code, output, errors = finish(process)
    assert code == 0, output + errors
    assert output.count("finished: ") == 4
    assert json.loads((tmp_path / "ray" / "dqn-disjoint-seed0" / "run.json").read_text())["resumed"]
    assert finish(local)[0] == 0
    for name in ("dqn-disjoint-seed0", "dqn-disjoint-seed1", "random-disjoint-seed0", "random-disjoint-seed1"):
        assert same(tmp_path / "ray" / name, tmp_path / "local" / name)


def test_an_interrupted_sweep_on_ray_leaves_no_run_behind(cluster, tiny, tmp_path):
    """Those on their way finish their round, those that wait never start."""
    options = {"policies": "dqn", "seeds": "0-7", "episodes": 1000, "engine": "ray", "ray-address": cluster.address}
    process = start(*sweep_flags(tiny, tmp_path, **options), program="sweep.py")
    wait_for(tmp_path, "*/checkpoint.npz", process)
    process.send_signal(signal.SIGTERM)
    code, _, errors = finish(process)
    assert errors == "sweep.py: interrupted; the same command goes on\n"
    assert code == 130
    assert not experiments(cluster)
    assert len(list(tmp_path.glob("dqn-*"))) <= 4
    stopped = next(tmp_path.glob("*/checkpoint.npz")).parent.name
    assert "interrupted" in (tmp_path / "logs" / f"{stopped}.txt").read_text()
