"""The trainings that Homogeneous Learning is compared with, by hand on few nodes."""

import numpy as np
import pandas as pd
import pytest
from helpers import run

from baselines.references import REFERENCES, Gossip, RingGossip, make_environment, mixing_matrix
from config import Config
from environment import HomogeneousLearningEnv
from reporting import run_figures
from settings import names

SMALL = {"samples_per_node": 40, "goal": 1.0, "evaluation_batch": 300}
BYTES = 33_580 * 4


def make(policy, dataset, nodes=2, **changes):
    environment = make_environment(Config(policy=policy, nodes=nodes, pca_components=2, **SMALL | changes), dataset)
    environment.reset(seed=0)
    return environment


def trained_alone(dataset, nodes):
    """Lets each node train the first weights on its own, in an environment in which nobody averages."""
    config = Config(nodes=nodes, pca_components=2, **SMALL)
    results = []
    for node in range(nodes):
        alone = HomogeneousLearningEnv(config, dataset)
        alone.reset(seed=0)
        alone.round = 1
        (trained,), _ = alone.nodes.train([node], [alone.weights], alone.when())
        results.append(trained.numpy())
    return results


def test_fedavg_of_two_nodes_by_hand(dataset):
    """The mean of both nodes' models; the model goes from 0 to 1 and comes back."""
    environment = make("fedavg", dataset)
    *_, info = environment.step(0)
    np.testing.assert_allclose(environment.weights, np.mean(trained_alone(dataset, 2), axis=0), atol=1e-7)
    assert info["distance"] == pytest.approx(2 * environment.distances[0, 1])
    assert (info["node"], info["bytes_sent"], info["gradient_steps"]) == ((0, 1), 2 * BYTES, 4)
    assert info["visits"].tolist() == [1, 1]


def test_swarm_learns_as_fedavg_while_the_leader_changes(dataset):
    swarm, fedavg = make("swarm", dataset, nodes=3), make("fedavg", dataset, nodes=3)
    for leader in (0, 1, 2, 0):
        *_, info = swarm.step(0)
        fedavg.step(0)
        assert info["node"][0] == leader
        assert info["distance"] == pytest.approx(2 * swarm.distances[leader].sum())
        np.testing.assert_allclose(swarm.weights, fedavg.weights, atol=1e-5)


def test_gossip_on_the_complete_graph_by_hand(dataset):
    """After mixing all nodes hold the mean, as with FedAvg; every node sends its model to every other."""
    environment = make("gossip-complete", dataset, nodes=3)
    *_, info = environment.step(0)
    mean = np.mean(trained_alone(dataset, 3), axis=0)
    for weights in environment.trained:
        np.testing.assert_allclose(weights, mean, atol=1e-6)
    assert info["bytes_sent"] == 6 * BYTES
    assert info["distance"] == pytest.approx(environment.distances.sum())


def test_gossip_on_the_ring_by_hand(dataset):
    """Each node's model becomes the mean of its own and its two neighbours'; the accuracy is the mean model's."""
    environment = make("gossip-ring", dataset, nodes=5)
    *_, info = environment.step(0)
    alone = trained_alone(dataset, 5)
    for node, weights in enumerate(environment.trained):
        expected = (alone[node - 1] + alone[node] + alone[(node + 1) % 5]) / 3
        np.testing.assert_allclose(weights, expected, atol=1e-6)
    np.testing.assert_allclose(environment.weights, np.mean(alone, axis=0), atol=1e-6)
    ring = sum(environment.distances[node, (node + 1) % 5] for node in range(5))
    assert info["distance"] == pytest.approx(2 * ring)
    assert info["bytes_sent"] == 10 * BYTES


@pytest.mark.parametrize("kind", [Gossip, RingGossip])
@pytest.mark.parametrize("nodes", [2, 3, 10])
def test_mixing_matrices_are_doubly_stochastic(kind, nodes, dataset):
    environment = kind(Config(nodes=nodes, pca_components=2, **SMALL), dataset)
    weights = mixing_matrix(environment.adjacency())
    np.testing.assert_allclose(weights.sum(0), 1)
    np.testing.assert_allclose(weights.sum(1), 1)
    assert (weights >= 0).all()
    np.testing.assert_array_equal(weights > 0, environment.adjacency() | np.eye(nodes, dtype=bool))


def test_mixing_matrix_of_a_path_by_hand():
    """Metropolis weights: 1 / (1 + the larger degree) between neighbours, the rest stays."""
    path = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)
    np.testing.assert_allclose(mixing_matrix(path) * 3, [[2, 1, 0], [1, 1, 1], [0, 1, 2]])


def test_centralized_sees_every_image_once_an_epoch(dataset, monkeypatch):
    seen = []
    environment = make("centralized", dataset, nodes=3)
    nodes, train = environment.nodes, environment.nodes.train

    def noting(trainers, starts, when, images):
        assert trainers == (0,)
        seen.append(nodes.held[images[0]])
        return train(trainers, starts, when, images)

    monkeypatch.setattr(nodes, "train", noting)
    infos = [environment.step(0)[4] for _ in range(6)]
    for epoch in (seen[:3], seen[3:]):
        assert sorted(np.concatenate(epoch)) == sorted(nodes.partition.ravel())
    assert not np.array_equal(seen[0], seen[3])
    assert [info["bytes_sent"] for info in infos] == [2 * 40 * 785, 0, 0, 0, 0, 0]
    assert infos[0]["distance"] == pytest.approx(environment.distances[0].sum())
    assert infos[1]["distance"] == 0
    assert [info["gradient_steps"] for info in infos] == [2] * 6


@pytest.mark.slow
def test_every_reference_runs_and_repeats(tiny, tmp_path, unrendered):
    for policy in REFERENCES:
        flags = [*tiny, "--policy", policy, "--episodes", 1]
        run(*flags, "--figure-every", 0, "--run-dir", tmp_path / policy)
        run(*flags, "--run-dir", tmp_path / "again" / policy)
        one, two = (pd.read_csv(folder / policy / "rounds.csv") for folder in (tmp_path, tmp_path / "again"))
        assert set(one["policy"]) == {policy}
        assert one["accuracy"].equals(two["accuracy"]), policy
        assert len(list((tmp_path / policy / "figures").iterdir())) == 2 * len(run_figures.FIGURES)


def test_the_names_are_those_of_the_configuration():
    assert set(REFERENCES) == set(names.REFERENCES)
