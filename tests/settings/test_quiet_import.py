"""Settings of Keras and Matplotlib that a user has change no number and no figure."""

import os
import subprocess
import sys

import pytest
from helpers import PROJECT, start

from runs.comparison import equal

pytestmark = pytest.mark.slow


def test_figures_are_the_same_under_foreign_settings(finished, tmp_path):
    """A matplotlibrc for LaTeX, a font that is missing, and a backend that does not exist."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.family: No Such Font\nsavefig.dpi: 20\n")
    command = [sys.executable, str(PROJECT / "plots.py"), str(finished), "--out", str(tmp_path / "figures")]
    environment = os.environ | {"MPLBACKEND": "QtAggg", "MATPLOTLIBRC": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    for path in (finished / "figures").iterdir():
        assert path.read_bytes() == (tmp_path / "figures" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        ('{"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_first"}', {"KERAS_BACKEND": "torch"}),
        ('{"backend": "theano", "image_dim_ordering": "th"}', {"KERAS_MAX_EPOCHS": "many"}),
    ],
)
def test_foreign_settings_of_keras_change_nothing(settings, variables, finished, tiny, tmp_path):
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text(settings)
    environment = os.environ | {"KERAS_HOME": str(tmp_path / "keras")} | variables
    process = start(*tiny, "--run-dir", tmp_path / "run", env=environment)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert equal(finished, tmp_path / "run")


def test_refused_settings_of_keras_are_one_line(tiny, tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float3"}')
    process = start(*tiny, "--run-dir", tmp_path / "run", env=os.environ | {"KERAS_HOME": str(tmp_path)})
    _, errors = process.communicate()
    assert process.returncode == 2
    assert "Keras or Matplotlib refuses a setting" in errors
    assert "correct your keras.json" in errors
    assert errors.count("\n") == 1
