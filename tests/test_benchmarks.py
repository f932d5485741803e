"""The benchmarks' own loops still fit the environment and the agent that they measure."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import evaluation_dtype, rounds, scaling
from config import Config


def test_an_episode_of_scaling_learns(dataset):
    environment, agent = scaling.build(10, 2, dataset)
    assert [len(scaling.episode(environment, agent, number)) for number in (1, 2)] == [scaling.ROUNDS] * 2
    assert agent.minibatches == 1  # after the second, when there are enough transitions


def test_arithmetics_are_counted_in_every_round(dataset):
    config = Config(nodes=3, pca_components=3, samples_per_node=40, round_limit=2, policy="random")
    rows = evaluation_dtype.measure(config, dataset, 3, ["float32", "winograd-checked"])
    table = pd.DataFrame(rows, columns=["split", "episode", "round", "float32", "winograd-checked"])
    assert table[["episode", "round"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1]]
    assert (table["float32"] == table["winograd-checked"]).all()


def test_a_round_of_plain_keras_is_ours(dataset):
    config = Config(pca_components=10, samples_per_node=40, evaluation_dtype="float32")
    ours = rounds.Ours(config, dataset)
    plain = rounds.PlainKeras(config, dataset, ours.weights(), ours.agent.weights.numpy())
    for node in (3, 3, 0):
        order = ours.next_order(node)
        assert ours.round(node, order)[2] == pytest.approx(plain.round(node, order)[2])
    np.testing.assert_allclose(ours.weights(), plain.weights(), atol=1e-5)
