"""The bounds of observations; tests/test_environment.py has their values."""

import numpy as np

from config import Config
from environment import HomogeneousLearningEnv
from policies.observation import bounds


def test_bounds_by_hand():
    """Principal components have none. A node that trains in every round has ten times an equal share of the visits."""
    parts = "holder,pca,visits,last-visit,distances,round,accuracy"
    low, high = bounds(Config(nodes=3, pca_components=2, observation=parts))
    infinite = [np.inf] * 6
    np.testing.assert_array_equal(low, [0, 0, 0, *np.negative(infinite), 0, 0, 0, -1, -1, -1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(high, [1, 1, 1, *infinite, 3, 3, 3, 0, 0, 0, 1, 1, 1, 1, 1])
    assert low.dtype == high.dtype == np.float32


def test_observations_lie_in_the_space_and_reach_its_ends(dataset):
    parts = "pca,holder,visits,last-visit,distances,round,accuracy"
    config = Config(observation=parts, goal=1.0, round_limit=7, samples_per_node=40, evaluation_batch=300)
    environment = HomogeneousLearningEnv(config, dataset)
    observation, _ = environment.reset(seed=0)
    assert environment.observation_space.contains(observation)
    for _ in range(7):
        observation, *_ = environment.step(0)
        assert environment.observation_space.contains(observation)
    assert observation[110] == environment.observation_space.high[110] == 10  # node 0's visits
    assert observation[141 - 1] == 1 == environment.observation_space.high[140]  # the round
