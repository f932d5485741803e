"""Nodes as Ray actors: the same logs as in one process, images that stay where they are."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, same, start

import data
from config import Config, UsageError

# Ray replaces 127.0.0.1 by the machine's own address unless it is told that it runs on one machine alone.
os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")

from ray_engine import Node, RayEngine, connect  # noqa: E402

FEW = ["--nodes", 3, "--pca-components", 3, "--episodes", 3, "--threads", 1]


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of two nodes on this machine, on the loopback address."""
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=settings | {"include_dashboard": False})
    cluster.add_node(**settings)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_same_logs_as_in_one_process(cluster, tiny, tmp_path):
    """With one node and with two a round; what really moved is logged beside what is modelled."""
    flags = [*tiny, *FEW, "--observation", "pca,node-models,holder", "--nodes-per-round", 2]
    ray_flags = ["--engine", "ray", "--ray-address", cluster.address]
    processes = [
        start(*flags, "--run-dir", tmp_path / "local"),
        start(*flags, *ray_flags, "--run-dir", tmp_path / "ray"),
    ]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert same(tmp_path / "local", tmp_path / "ray")
    moved = pd.read_csv(tmp_path / "ray" / "transfers.csv")
    assert len(moved) == len(pd.read_csv(tmp_path / "ray" / "rounds.csv"))
    assert (moved["bytes_moved"] == moved["bytes_sent"]).all()
    assert moved["bytes_moved"].max() >= 134_320
    assert not (tmp_path / "local" / "transfers.csv").exists()


def test_no_actor_tells_its_images_and_the_driver_holds_none(cluster, tiny, monkeypatch):
    """All that an actor answers is small or weights; the driver never loads the data set."""
    monkeypatch.setattr(data, "load_dataset", lambda config: pytest.fail("the driver loaded the data set"))
    connect(cluster.address)
    config = Config(dataset="fashion-mnist", data_path=str(tiny[3]), samples_per_node=40, nodes=2, pca_components=2)
    engine = RayEngine(config)
    fresh = engine.start(0, 1)
    (parcel,), losses = engine.train([1], [fresh], (0, 1, 1))
    weights = ray.get(parcel).weights
    assert weights.shape == (33_580,)
    assert len(losses) == 1
    answers = {
        "load": engine._get(engine._actors[0].load.remote()),
        "judge": engine.judge(1, parcel),
        "label_counts": engine.label_counts(),
        "update_scores": engine.update_scores([1], fresh, [parcel]),
        "model_scores": engine.model_scores({1: parcel}, fresh),
        "plane": engine._get(engine._actors[0].plane.remote(parcel, parcel)),
    }
    for name, answer in answers.items():
        assert len(pickle.dumps(answer)) < 28 * 28, name  # less than one image
    public = {name for name in vars(Node) if not name.startswith("_")}
    assert public == {*answers, "start", "train", "mean", "inputs"}
    actor = engine._actors[0]
    assert not [name for name in dir(actor) if "image" in name or ("engine" in name and not name.startswith("__"))]
    holding = [name for name, value in vars(engine).items() if isinstance(value, np.ndarray) and value.size > 40]
    assert not holding


def sweep_flags(tiny, out, *more):
    own = {"--episodes", "--figure-every"}
    shared = [text for pair in zip(tiny[::2], tiny[1::2], strict=True) if pair[0] not in own for text in pair]
    flags = ["--policies", "dqn,random", "--seeds", "0-1", "--episodes", "12", "--control-episodes", "2"]
    return [sys.executable, "sweep.py", *flags, "--out", str(out), *map(str, more), *shared]


def test_data_that_nodes_cannot_have_are_refused_with_the_reason(cluster, tiny, monkeypatch):
    connect(cluster.address)
    with pytest.raises(UsageError, match=r"nowhere\.npz"):
        RayEngine(Config(data_path="nowhere.npz", nodes=2, pca_components=2))
    told = [{"name": "mnist", "sha256": "a"}, {"name": "digits-stand-in", "sha256": "b"}]
    monkeypatch.setattr(RayEngine, "_get", lambda self, references: told)
    with pytest.raises(UsageError, match="node 1 would train on digits-stand-in, other data than node 0's mnist"):
        RayEngine(Config(dataset="fashion-mnist", data_path=str(tiny[3]), nodes=2, pca_components=2))


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
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
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


def test_references_and_missing_clusters_are_refused(tiny, capfd):
    with pytest.raises(UsageError, match="one model travel"):
        RayEngine(Config(policy="fedavg"), "auto")


def test_without_ray_the_flag_says_how_to_install_it(tiny, tmp_path):
    """A module of that name that cannot be imported stands for a missing one."""
    (tmp_path / "ray.py").write_text("raise ImportError('not here')")
    flags = [*map(str, tiny), "--engine", "ray", "--run-dir", str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import main; sys.exit(main.main())"
    command = [sys.executable, "-c", program, *flags]
    ended = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 2
    assert (
        ended.stderr == "main.py: error: --engine ray needs Ray; install it with: pip install -r requirements-ray.txt\n"
    )
