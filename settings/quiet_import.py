"""Imports TensorFlow and Keras with the settings of this program."""

import os
import sys

from settings.errors import UsageError

# Variables that concern other programs, and that could end the import of Keras, which imports Matplotlib.
FOREIGN = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "MPLBACKEND")


def import_tensorflow_quietly():
    """Imports TensorFlow and Keras with the settings of this program, whatever the user's other projects need.

    TensorFlow's start-up notes, which it writes past Python's stderr, are dropped. oneDNN is on everywhere, also on
    processors without neural-network instructions, where TensorFlow leaves it off though it is faster. Packages that
    Keras imports where they are installed, for features that nothing here uses, are not imported with it: they take a
    third of the time. Raises UsageError where Keras with TensorFlow is not available.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ |= {"TF_ENABLE_ONEDNN_OPTS": "1", "KERAS_BACKEND": "tensorflow"}
    foreign = {name: os.environ.pop(name, None) for name in FOREIGN}
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    hidden = {"matplotlib", "pandas", "scipy", "sklearn"} - set(sys.modules)
    sys.modules.update(dict.fromkeys(hidden))  # None: an import raises ImportError, for which Keras is prepared
    try:
        import tensorflow  # noqa: F401, I001, first: it imports Keras in its own order

        import keras
    except (ValueError, AssertionError) as error:
        reason = str(error) or "it does not say which"
        files = "keras.json (in ~/.keras or KERAS_HOME) or matplotlibrc"
        raise UsageError(f"Keras or Matplotlib refuses a setting ({reason}); correct your {files}") from error
    finally:
        os.environ |= {name: value for name, value in foreign.items() if value is not None}
        for name in hidden:
            del sys.modules[name]
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
    if keras.backend.backend() != "tensorflow":
        raise UsageError(f"Keras runs on {keras.backend.backend()} in this process; start a new process")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
