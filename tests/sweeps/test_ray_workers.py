"""A sweep whose runs are tasks of Ray."""

import json
import os
import signal
import subprocess

import pytest
from helpers import assert_same_model, finish, run, start, sweep_flags, wait_for

from runs.comparison import equal

pytestmark = pytest.mark.slow


def experiments(cluster):
    """Returns the numbers of the processes of this cluster that run an experiment."""
    raylets = [str(node.all_processes["raylet"][0].process.pid) for node in cluster.list_all_nodes()]
    command = ["pgrep", "-P", ",".join(raylets), "-f", "ray::run_experiment"]
    return set(map(int, subprocess.run(command, capture_output=True, text=True).stdout.split()))


def test_sweep_on_ray_survives_the_loss_of_a_worker(cluster, tiny, tmp_path):
    """Its files are those of runs in this process, though its workers are killed on the way; saved models too."""
    options = {"episodes": 30, "save-model": "last.keras"}
    on_ray = {"policies": "dqn", **options, "engine": "ray", "ray-address": cluster.address}
    process = start(*sweep_flags(tiny, tmp_path, **on_ray), program="sweep.py")
    wait_for(tmp_path, "dqn-disjoint-seed0/checkpoint.npz", process)
    started = experiments(cluster)
    assert started
    for number in started:
        os.kill(number, signal.SIGKILL)
    code, output, errors = finish(process)
    assert code == 0, output + errors
    assert output.count("finished: ") == 2
    assert json.loads((tmp_path / "dqn-disjoint-seed0" / "run.json").read_text())["resumed"]
    for seed in (0, 1):
        there, here = tmp_path / f"dqn-disjoint-seed{seed}", tmp_path / "here" / str(seed)
        run(*tiny, "--episodes", 30, "--save-model", "last.keras", "--seed", seed, "--run-dir", here)
        assert equal(there, here)
        assert_same_model(there / "last.keras", here / "last.keras")


def test_an_interrupted_sweep_on_ray_leaves_no_run_behind(cluster, tiny, tmp_path):
    """All of the cluster's processors work. Those on their way finish their round, those that wait never start."""
    options = {"policies": "dqn", "seeds": "0-7", "episodes": 1000, "engine": "ray", "ray-address": cluster.address}
    process = start(*sweep_flags(tiny, tmp_path, **options), program="sweep.py")
    wait_for(tmp_path, "*/checkpoint.npz", process)
    while len(experiments(cluster)) < 4:  # of the cluster, whatever this machine has
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    code, _, errors = finish(process)
    assert errors == "sweep.py: interrupted; the same command goes on\n"
    assert code == 130
    assert not experiments(cluster)
    assert len(list(tmp_path.glob("dqn-*"))) <= 4
    stopped = next(tmp_path.glob("*/checkpoint.npz")).parent.name
    assert "interrupted" in (tmp_path / "logs" / f"{stopped}.txt").read_text()
