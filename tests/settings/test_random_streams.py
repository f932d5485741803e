"""The keys of the random streams."""

import numpy as np

from settings.random_streams import PURPOSES, generator


def test_keys_of_old_purposes_stay_and_new_ones_count(monkeypatch):
    """NumPy pads keys with zeros, so that (5,) and (5, 0) are one; what was drawn by them must not change."""
    np.testing.assert_array_equal(generator(5, "weights").random(3), np.random.default_rng([5, 2]).random(3))
    np.testing.assert_array_equal(generator(5, "order", 1, 0).random(3), np.random.default_rng([5, 3, 1, 0]).random(3))
    monkeypatch.setitem(PURPOSES, "a new one", max(PURPOSES.values()) + 1)
    keys = [(), (0,), (0, 0), (1,), (1, 0), (0, 1)]
    assert len({generator(5, "a new one", *counters).random() for counters in keys}) == len(keys)
    assert generator(5, "a new one", 1).random() == generator(5, "a new one", 1).random()
