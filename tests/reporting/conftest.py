"""Runs that tests of the report share."""

import pytest
from helpers import write_run


@pytest.fixture
def folder(tmp_path):
    """Five seeds: DQN's last 20 episodes need 10, 12, 11, 10, 12 rounds at half the cost of random's 20, 24, ..."""
    for seed, rounds in enumerate([10, 12, 11, 10, 12]):
        write_run(tmp_path, "dqn", seed, [30] * 5 + [rounds] * 20, [1.0] * 5 + [0.4] * 20)
        write_run(tmp_path, "random", seed, [2 * rounds - 1, 2 * rounds + 1], [0.9, 0.7])
        write_run(tmp_path, "standalone", seed, [36, 36], [0, 0])
    return tmp_path
