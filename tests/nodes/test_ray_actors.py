"""Nodes as Ray actors: the same logs as in one process, images that stay where they are."""

import dataclasses
import gc
import os
import pickle
import shutil
import subprocess
import sys
import weakref

import numpy as np
import pandas as pd
import pytest
from helpers import PROJECT, assert_same_model, refuse, start

import data
from config import Config
from nodes.local import LocalNodes
from settings.errors import UsageError

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-ray.txt")

from nodes.ray_actors import NodeActor, RayNodes  # noqa: E402
from nodes.ray_cluster import connect  # noqa: E402
from nodes.round import RoundRequest  # noqa: E402
from runs.comparison import equal  # noqa: E402

FEW = ["--nodes", 3, "--pca-components", 3, "--episodes", 3, "--threads", 1]


@pytest.mark.slow
def test_same_logs_as_in_one_process(cluster, tiny, tmp_path):
    """With one node and with two a round, one node and several an actor; what really moved is logged beside what is
    modelled, and is less where nodes share an actor. The saved model is the same too."""
    flags = [*tiny, *FEW, "--nodes-per-round", 2]
    flags += ["--save-model", "last.keras"]
    ways = {
        "local": [],
        "apart": ["--engine", "ray", "--ray-address", cluster.address],  # by default an actor a node
        "shared": ["--engine", "ray", "--ray-address", "auto", "--ray-actors", 2],
    }
    processes = [start(*flags, *way, "--run-dir", tmp_path / name) for name, way in ways.items()]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert equal(tmp_path / "local", tmp_path / "apart")
    assert equal(tmp_path / "local", tmp_path / "shared")
    for name in ("apart", "shared"):
        assert_same_model(*(tmp_path / folder / "last.keras" for folder in ("local", name)))
    apart, shared = (pd.read_csv(tmp_path / name / "transfers.csv") for name in ("apart", "shared"))
    assert len(apart) == len(shared) == len(pd.read_csv(tmp_path / "apart" / "rounds.csv"))
    assert apart["bytes_moved"].tolist() == apart["bytes_sent"].tolist()
    assert (shared["bytes_moved"] <= apart["bytes_moved"]).all()
    assert apart["bytes_moved"].sum() > shared["bytes_moved"].sum() >= 134_320
    assert not (tmp_path / "local" / "transfers.csv").exists()


@pytest.mark.slow
def test_a_users_folder_may_have_modules_of_the_same_names(tiny, tmp_path):
    """Actors find the project's modules nevertheless, and in the folder the user's learner and data."""
    for name in ("config", "data", "nodes"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "their_layers.py").write_text(
        "from learners import dense\n\nclass Small(dense.LocalLearner):\n    variants = ('64', '8')\n"
    )
    shutil.copy(tiny[3], tmp_path / "tiny.npz")
    own = ["--learner", "their_layers:Small", "--learner-variant", "8", "--data-path", "tiny.npz"]
    process = start(*tiny, *FEW, *own, "--engine", "ray", "--ray-actors", 1, "--run-dir", "run", cwd=tmp_path)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert len(pd.read_csv(tmp_path / "run" / "episodes.csv")) == 3


@pytest.mark.slow
def test_no_actor_tells_its_images_and_the_driver_holds_none(cluster, tiny, monkeypatch):
    """All that an actor answers is small or weights; the driver never loads the data set."""
    load = data.load_dataset
    monkeypatch.setattr(data, "load_dataset", lambda config: pytest.fail("the driver loaded the data set"))
    connect(cluster.address)
    config = Config(dataset="fashion-mnist", data_path=str(tiny[3]), samples_per_node=40, nodes=3, pca_components=2)
    nodes = RayNodes(config, actors=2)
    fresh = nodes.start(0, 1)
    request = RoundRequest((0, 1, 1), (1, 2), (fresh, fresh), 1, ("pca", "node-models"), fresh=fresh)
    result = nodes.round(request)
    assert [ray.get(model.weights).shape for model in (*result.trained, result.model)] == [(33_580,)] * 3
    assert result.bytes_moved == 134_320  # node 2's model came to node 1
    answers = {
        "load": nodes._get(nodes._actors[0].load.remote()),
        "label_counts": nodes.label_counts(),
        "pca_2d": nodes._get(nodes._actors[0].pca_2d.remote(result.trained)),
        "round": dataclasses.replace(result, trained=(), model=None),
    }
    local = LocalNodes(config, load(config))
    np.testing.assert_array_equal(answers["label_counts"], local.label_counts())
    for name, answer in answers.items():
        assert len(pickle.dumps(answer)) < 28 * 28, name  # less than one image
    public = {name for name in vars(NodeActor) if not name.startswith("_")}
    assert public == {*answers, "start", "train", "model_file"}
    actor = nodes._actors[0]
    assert not [name for name in dir(actor) if "image" in name or ("nodes" in name and not name.startswith("__"))]
    holding = [name for name, value in vars(nodes).items() if isinstance(value, np.ndarray) and value.size > 40]
    assert not holding
    ray.kill(nodes._actors[1])
    with pytest.raises(ConnectionError, match="a process of the nodes was lost"):
        nodes.round(request)
    alone = dataclasses.replace(request, nodes=(2,), starts=(fresh,), leader=2)
    assert nodes.round(alone).trained[0].actor == 0  # the other actor, which goes on


def test_an_actor_keeps_the_images_of_its_own_nodes_only(dataset, monkeypatch):
    """What it loaded the data set for is gone when it is ready; what is left is what its nodes were dealt."""
    loaded = dataclasses.replace(dataset, x_train=dataset.x_train.copy())
    theirs, config = weakref.ref(loaded.x_train), Config(samples_per_node=40, nodes=3, pca_components=2)
    copies = [loaded]
    del loaded
    monkeypatch.setattr(data, "load_dataset", lambda config: copies.pop())
    actor = NodeActor(config, 0, [0, 2])
    actor.load()
    gc.collect()
    assert theirs() is None
    dealt = data.partition(dataset.y_train, config)[[0, 2]]
    np.testing.assert_array_equal(actor._nodes.held, np.unique(dealt))
    assert len(actor._nodes.train_images) == len(np.unique(dealt))


@pytest.mark.slow
def test_data_that_nodes_cannot_have_are_refused_with_the_reason(cluster, tiny, monkeypatch):
    connect(cluster.address)
    with pytest.raises(UsageError, match=r"nowhere\.npz"):
        RayNodes(Config(data_path="nowhere.npz", nodes=2, pca_components=2), actors=1)
    loaded = [{"name": "mnist", "sha256": "a"}, {"name": "digits-stand-in", "sha256": "b"}]
    monkeypatch.setattr(RayNodes, "_get", lambda self, references: loaded)
    with pytest.raises(UsageError, match="node 1 would train on digits-stand-in, other data than node 0's mnist"):
        RayNodes(Config(dataset="fashion-mnist", data_path=str(tiny[3]), nodes=2, pca_components=2), actors=1)


def test_what_cannot_be_run_on_ray_is_refused(capfd):
    with pytest.raises(UsageError, match="one model travel"):
        RayNodes(Config(policy="fedavg"), "auto")
    with pytest.raises(UsageError, match=r"--ray-actors must be from 1 to --nodes \(10\), not 11"):
        RayNodes(Config(), "auto", 11)
    assert "need --engine ray" in refuse(capfd, "--ray-actors", 2)
    assert "need --engine ray" in refuse(capfd, "--ray-address", "auto")


@pytest.mark.slow
def test_a_learner_that_cannot_be_saved_is_refused_in_one_line(cluster, tiny, tmp_path, capfd):
    flags = ["--learner", "attention-seeking", "--save-model", "last.keras", "--run-dir", tmp_path]
    line = refuse(capfd, *tiny, *flags, "--engine", "ray", "--ray-address", cluster.address, "--ray-actors", 1)
    assert "--learner attention-seeking has layers that Keras alone cannot load; leave out --save-model" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
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
