"""A sweep whose runs are tasks of Ray."""

import json
import os
import signal
import subprocess
import sys
import time

from helpers import PROJECT, same


def sweep_flags(tiny, out, *more):
    own = {"--episodes", "--figure-every"}
    shared = [text for pair in zip(tiny[::2], tiny[1::2], strict=True) if pair[0] not in own for text in pair]
    flags = ["--policies", "dqn,random", "--seeds", "0-1", "--episodes", "12", "--control-episodes", "2"]
    return [sys.executable, "sweep.py", *flags, "--out", str(out), *map(str, more), *shared]


def experiments():
    """Returns the numbers of all processes that run an experiment for a Ray sweep."""
    listed = subprocess.run(["pgrep", "-f", "ray::run_experiment"], capture_output=True, text=True).stdout
    return set(map(int, listed.split()))


def test_sweep_on_ray_survives_the_loss_of_a_worker(cluster, tiny, tmp_path):
    """Its files are those of the local sweep, though one of its workers is killed on the way."""
    on_ray = sweep_flags(tiny, tmp_path / "ray", "--engine", "ray", "--ray-address", cluster.address)
    others = experiments()
    process = subprocess.Popen(on_ray, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "ray" / "dqn-disjoint-seed0" / "checkpoint.npz"
    most = 0
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()
        most = max(most, len(experiments() - others))
        time.sleep(0.05)
    # All of the cluster's processors, whatever this machine has; a task that ends overlaps with the next one.
    assert most >= 4
    started = experiments() - others
    assert started
    for number in started:
        os.kill(number, signal.SIGKILL)
    local = subprocess.Popen(sweep_flags(tiny, tmp_path / "local"), cwd=PROJECT, stdout=subprocess.DEVNULL)
    output, errors = process.communicate()
    assert process.returncode == 0, output + errors
    assert output.count("finished: ") == 4
    assert json.loads((tmp_path / "ray" / "dqn-disjoint-seed0" / "run.json").read_text())["resumed"]
    assert local.wait() == 0
    for name in ("dqn-disjoint-seed0", "dqn-disjoint-seed1", "random-disjoint-seed0", "random-disjoint-seed1"):
        assert same(tmp_path / "ray" / name, tmp_path / "local" / name)


def test_an_interrupted_sweep_on_ray_leaves_no_run_behind(cluster, tiny, tmp_path):
    """Those on their way finish their round, those that wait never start."""
    more = ["--engine", "ray", "--ray-address", cluster.address, "--seeds", "0-7", "--policies", "dqn"]
    others = experiments()
    command = [*sweep_flags(tiny, tmp_path, *more), "--episodes", "1000"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("*/checkpoint.npz")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate()
    assert errors == "sweep.py: interrupted; the same command goes on\n"
    assert process.returncode == 130
    assert not experiments() - others
    assert len(list(tmp_path.glob("dqn-*"))) <= 4
    stopped = next(tmp_path.glob("*/checkpoint.npz")).parent.name
    assert "interrupted" in (tmp_path / "logs" / f"{stopped}.txt").read_text()
