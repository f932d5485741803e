"""What several test files share: a tiny data set, and TensorFlow as a run starts it."""

import numpy as np
import pytest

import models
from data import ARRAYS, Dataset


def pytest_configure():
    models.start_tensorflow(threads=2)


@pytest.fixture(scope="session")
def dataset():
    """Random images with balanced labels: 3,000 for training, 300 for testing."""
    rng = np.random.default_rng(7)
    arrays = []
    for size in (3000, 300):
        labels = rng.permutation(np.arange(size) % 10).astype(np.uint8)
        images = rng.integers(0, 100, (size, 28, 28))
        images[np.arange(size), labels * 2 + 2] += 120  # a bright row tells the class
        arrays += [images.astype(np.uint8), labels]
    return Dataset("tiny", **dict(zip(ARRAYS, arrays, strict=True)))
