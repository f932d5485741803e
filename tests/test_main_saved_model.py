"""The model that a run keeps: plain Keras loads it and finds the logged accuracy, and a resume keeps the same."""

import subprocess
import sys

import pandas as pd
import pytest
from helpers import assert_same_model, refuse, run

from learners import VARIANTS, make_learner
from models import refuse_own_layers
from settings.errors import UsageError

PLAIN_KERAS = """
import sys, keras, numpy as np
assert not any("learners" in name or "config" == name for name in sys.modules)
with np.load(sys.argv[2]) as data:
    images, labels = data["x_test"][..., None].astype("float32") / 255, data["y_test"]
model = keras.models.load_model(sys.argv[1])
print((model.predict(images, verbose=0).argmax(1) == labels).sum() / len(labels))
"""


def accuracy(model, data, folder):
    """Returns what a process without this project finds, started in another folder."""
    command = [sys.executable, "-I", "-c", PLAIN_KERAS, str(model), str(data)]
    return float(subprocess.check_output(command, cwd=folder, text=True, stderr=subprocess.DEVNULL).splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["best.keras", "last.keras"])
def test_plain_keras_finds_the_logged_accuracy(tiny, tmp_path, name):
    """After a resume too, whose model is that of a run in one go."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    tiny = [*tiny, "--round-limit", 8, "--save-model", name]
    run(*tiny, "--run-dir", whole)
    run(*tiny, "--episodes", 2, "--run-dir", parts)
    run("--resume", "--run-dir", parts, "--episodes", 4)
    episodes = pd.read_csv(whole / "episodes.csv")
    if name == "best.keras":
        episodes = episodes[episodes["reached_goal"]].sort_values(["rounds", "final_accuracy"], ascending=[False, True])
    data = tiny[tiny.index("--data-path") + 1]
    assert accuracy(whole / name, data, tmp_path) == episodes["final_accuracy"].iloc[-1]
    assert_same_model(whole / name, parts / name)


def test_a_learner_whose_layers_keras_does_not_have_is_refused(tiny, tmp_path, capfd):
    flags = ("--learner", "attention-seeking", "--save-model", "last.keras", "--run-dir", tmp_path)
    line = refuse(capfd, *tiny, *flags)
    assert "--learner attention-seeking has layers that Keras alone cannot load; leave out --save-model" in line
    assert not list(tmp_path.iterdir())


def test_a_resume_without_the_file_changes_nothing(tiny, tmp_path, capfd):
    run(*tiny, "--episodes", 1, "--save-model", "last.keras", "--run-dir", tmp_path)
    (tmp_path / "last.keras").unlink()
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*") if not path.name.startswith(".")}
    assert "last.keras, of episode 1, is gone" in refuse(capfd, "--resume", "--run-dir", tmp_path, "--episodes", 2)
    assert before == {path: path.read_bytes() for path in before}


def test_which_learners_can_be_saved():
    """Plain Keras loaded the networks of these alone."""
    loaded = {("cnn", "plain"), ("kde", "plain"), ("pseudo-attention", "plain")}
    loaded |= {(name, variant) for name in ("hebbian", "dense") for variant in VARIANTS[name]}
    for name in VARIANTS:
        for variant in {VARIANTS[name][0], VARIANTS[name][-1]}:
            network = make_learner(name, variant).build()
            if (name, variant) in loaded:
                refuse_own_layers(network, name)
            else:
                with pytest.raises(UsageError):
                    refuse_own_layers(network, name)
