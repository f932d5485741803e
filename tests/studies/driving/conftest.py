"""What tests of the driving study share."""

import pytest
import tensorflow as tf


@pytest.fixture
def eager():
    """Runs TensorFlow's functions without compilation, which takes longer than a few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
