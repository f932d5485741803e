"""Nodes as Ray actors: the same logs as in one process, images that stay where they are."""

import dataclasses
import gc
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import weakref

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, refuse, same, start

import data
import sweep
from config import Config
from nodes.local import LocalEngine
from settings.errors import UsageError

# Ray replaces 127.0.0.1 by the machine's own address unless it is told that it runs on one machine alone.
# Without RAY_AUTH_MODE it may write a token to the home folder. RAY_ADDRESS points nowhere, and must not matter.
os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
os.environ["RAY_ADDRESS"] = "127.0.0.1:1"
ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")

from nodes import ray_cluster  # noqa: E402
from nodes.ray_actors import Nodes, RayEngine  # noqa: E402
from nodes.ray_cluster import connect  # noqa: E402

FEW = ["--nodes", 3, "--pca-components", 3, "--episodes", 3, "--threads", 1]


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of two nodes with two processors each on this machine, on the loopback address."""
    from ray.cluster_utils import Cluster

    settings = {"num_cpus": 2, "node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=settings | {"include_dashboard": False})
    cluster.add_node(**settings)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_same_logs_as_in_one_process(cluster, tiny, tmp_path):
    """With one node and with two a round, one node and several an actor; what really moved is logged beside what is
    modelled, and is less where nodes share an actor."""
    flags = [*tiny, *FEW, "--observation", "pca,node-models,holder", "--nodes-per-round", 2]
    ways = {
        "local": [],
        "apart": ["--engine", "ray", "--ray-address", cluster.address],  # by default an actor a node
        "shared": ["--engine", "ray", "--ray-address", "auto", "--ray-actors", 2],
    }
    processes = [start(*flags, *way, "--run-dir", tmp_path / name) for name, way in ways.items()]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert same(tmp_path / "local", tmp_path / "apart")
    assert same(tmp_path / "local", tmp_path / "shared")
    apart, shared = (pd.read_csv(tmp_path / name / "transfers.csv") for name in ("apart", "shared"))
    assert len(apart) == len(shared) == len(pd.read_csv(tmp_path / "apart" / "rounds.csv"))
    assert (apart["bytes_moved"] == apart["bytes_sent"]).all()
    assert (shared["bytes_moved"] <= shared["bytes_sent"]).all()
    assert apart["bytes_moved"].sum() > shared["bytes_moved"].sum() >= 134_320
    assert not (tmp_path / "local" / "transfers.csv").exists()


def test_no_actor_tells_its_images_and_the_driver_holds_none(cluster, tiny, monkeypatch):
    """All that an actor answers is small or weights; the driver never loads the data set."""
    load = data.load_dataset
    monkeypatch.setattr(data, "load_dataset", lambda config: pytest.fail("the driver loaded the data set"))
    connect(cluster.address)
    config = Config(dataset="fashion-mnist", data_path=str(tiny[3]), samples_per_node=40, nodes=3, pca_components=2)
    engine = RayEngine(config, actors=2)
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
    local = LocalEngine(config, load(config))
    np.testing.assert_array_equal(answers["label_counts"], local.label_counts())
    for name, answer in answers.items():
        assert len(pickle.dumps(answer)) < 28 * 28, name  # less than one image
    public = {name for name in vars(Nodes) if not name.startswith("_")}
    assert public == {*answers, "start", "train", "mean", "inputs"}
    actor = engine._actors[0]
    assert not [name for name in dir(actor) if "image" in name or ("engine" in name and not name.startswith("__"))]
    holding = [name for name, value in vars(engine).items() if isinstance(value, np.ndarray) and value.size > 40]
    assert not holding
    ray.kill(engine._actors[1])
    with pytest.raises(ConnectionError, match="a process of the nodes was lost"):
        engine.judge(1, fresh)
    assert engine.judge(2, fresh) == engine.judge(0, fresh)  # nodes of the other actor


def test_an_actor_keeps_the_images_of_its_own_nodes_only(dataset, monkeypatch):
    """What it loaded the data set for is gone when it is ready; what is left is what its nodes were dealt."""
    loaded = dataclasses.replace(dataset, x_train=dataset.x_train.copy())
    theirs, config = weakref.ref(loaded.x_train), Config(samples_per_node=40, nodes=3, pca_components=2)
    copies = [loaded]
    del loaded
    monkeypatch.setattr(data, "load_dataset", lambda config: copies.pop())
    nodes = Nodes(config, 0, [0, 2])
    nodes.load()
    gc.collect()
    assert theirs() is None
    dealt = data.partition(dataset.y_train, config)[[0, 2]]
    np.testing.assert_array_equal(nodes._engine.held, np.unique(dealt))
    assert len(nodes._engine.train_images) == len(np.unique(dealt))


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


def test_what_cannot_be_run_on_ray_is_refused(capfd):
    with pytest.raises(UsageError, match="one model travel"):
        RayEngine(Config(policy="fedavg"), "auto")
    with pytest.raises(UsageError, match=r"--ray-actors must be from 1 to --nodes \(10\), not 11"):
        RayEngine(Config(), "auto", 11)
    assert "need --engine ray" in refuse(capfd, "--ray-actors", 2)
    assert "need --engine ray" in refuse(capfd, "--ray-address", "auto")


@pytest.fixture
def alone(monkeypatch):
    """A process that is on no cluster yet; returns what `ray.init` is called with, which as Ray's takes SIGTERM."""
    calls = []

    def init(address, **settings):
        calls.append(settings | {"address": address, "hang-up": signal.getsignal(signal.SIGHUP)})
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    return calls


def test_a_new_ray_is_started_here_whatever_the_environment_says(alone, monkeypatch):
    """With the processors that this process may use, deaf to the end of the terminal; signals stay the process' own."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    may_use = os.sched_getaffinity(0)
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    os.sched_setaffinity(0, {min(may_use)})
    try:
        connect(None)
        assert sweep.LocalWorkers().jobs == 1
    finally:
        os.sched_setaffinity(0, may_use)
    assert (alone[0]["address"], alone[0]["num_cpus"]) == ("local", 1)
    assert alone[0]["hang-up"] is signal.SIG_IGN
    assert "RAY_ADDRESS" not in os.environ
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == handlers


def test_a_ray_that_does_not_start_is_told_in_one_line(alone, monkeypatch):
    def fail(*arguments, **settings):
        raise ModuleNotFoundError("No module named 'hook'\nin two lines")

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(
        UsageError, match=r"^Ray does not start here \(ModuleNotFoundError: No module named 'hook'\); .*$"
    ):
        connect(None)


def test_a_cluster_that_does_not_answer_is_told_in_time(alone, monkeypatch):
    """Nobody there, somebody who says nothing, no address at all."""
    monkeypatch.setattr(ray_cluster, "PATIENCE", 3)
    started = time.perf_counter()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(UsageError, match=f"no Ray cluster at 127.0.0.1:{port} .*no answer within 3 seconds"):
            connect(f"127.0.0.1:{port}")
    with pytest.raises(UsageError, match=f"no Ray cluster at 127.0.0.1:{port} .*refused.*start one first"):
        connect(f"127.0.0.1:{port}")
    assert time.perf_counter() - started < 15
    monkeypatch.setattr(ray_cluster, "PATIENCE", 60)
    with pytest.raises(UsageError, match=r"no Ray cluster at nonsense .*Invalid address"):
        connect("nonsense")
    assert not alone


def test_a_process_is_on_one_cluster_only(cluster):
    connect(cluster.address)
    assert connect("auto") is connect(None) is ray
    with pytest.raises(UsageError, match=f"this process is on the Ray cluster at {cluster.address}"):
        connect("127.0.0.1:1")


def test_the_end_of_a_cluster_is_noticed(cluster, monkeypatch):
    connect(cluster.address)
    pulse, nodes = ray_cluster.Pulse(ray), ray.nodes()
    monkeypatch.setattr(pulse, "EVERY", 0)
    pulse.check()
    monkeypatch.setattr(ray, "nodes", lambda: [node | {"Alive": False} for node in nodes])
    with pytest.raises(ConnectionError, match="this machine is no part of the Ray cluster"):
        pulse.check()
    pulse._address = "127.0.0.1:1"
    with pytest.raises(ConnectionError, match=r"the Ray cluster at 127\.0\.0\.1:1 is gone"):
        pulse.check()


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
