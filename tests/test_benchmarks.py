"""The benchmarks' own loops still fit the environment and the agent that they measure."""

import numpy as np
import pandas as pd
import pytest

import models
from benchmarks import evaluation_count, evaluation_error, rounds, scaling
from config import Config


def test_an_episode_of_scaling_learns(dataset):
    environment, agent = scaling.build(10, 2, dataset)
    assert [len(scaling.episode(environment, agent, number)) for number in (1, 2)] == [scaling.ROUNDS] * 2
    assert agent.minibatches == 1  # after the second, when there are enough transitions


def test_evaluations_are_counted_of_every_round_and_of_initial_weights(dataset):
    config = Config(nodes=3, pca_components=3, samples_per_node=40, round_limit=2, policy="random")
    rows = evaluation_count.count(config, dataset, 3)
    table = pd.DataFrame(rows, columns=["split", "seed", "episode", "round", "float32", "fused-checked"])
    assert table[["episode", "round"]].to_numpy().tolist() == [[1, 0], [1, 1], [1, 2], [2, 0], [2, 1]]
    assert (table["float32"] == table["fused-checked"]).all()
    assert table["float32"].between(1, 299).all()


def test_errors_are_measured_against_float64(dataset, monkeypatch):
    """Those of float32 are about its precision, 6e-8; those of the compiled code are some times larger."""
    monkeypatch.setattr(evaluation_error, "WEIGHTS", (("initial", 1e-3, (0,)), ("early", 1e-3, (1,))))
    rows = evaluation_error.measure(Config(samples_per_node=40), dataset, 1)
    assert [row[:3] for row in rows] == [("initial", 0, 0), ("early", 0, 1)]
    for *_, fused, float32, together, _doubtful in rows:
        assert 1e-8 < float32 < 1e-5
        assert float32 < fused < 5e-5
        assert max(float32, fused) < together <= float32 + fused


def test_a_round_of_plain_keras_is_ours(dataset, monkeypatch):
    for name in ("local_foundation_model", "q_network"):  # plain Keras keeps a network for every node
        monkeypatch.setattr(models, name, getattr(models, name).__wrapped__)
    config = Config(pca_components=10, samples_per_node=40, evaluation="float32")
    ours = rounds.Ours(config, dataset)
    plain = rounds.PlainKeras(config, dataset, ours.weights(), ours.agent.weights.numpy())
    for node in (3, 3, 0):
        order = ours.next_order(node)
        assert ours.round(node, order)[2] == pytest.approx(plain.round(node, order)[2])
    np.testing.assert_allclose(ours.weights(), plain.weights(), atol=1e-5)
