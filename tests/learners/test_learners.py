"""What holds for every local learner: whole runs log, plot and repeat; equal seeds draw equally."""

import keras
import numpy as np
import pandas as pd
import pytest
from helpers import run, same

from data import normalise
from learners import VARIANTS, make_learner
from models import VectorModel
from reporting.run_figures import label

DRAWING = ("kde", "pseudo-attention")  # learners of which some variants draw at random


@pytest.mark.slow
def test_whole_runs(tiny, dataset, finished, tmp_path, unrendered):
    """Two runs write the same logs, other ones than the default model's, and the figures."""
    for learner in [name for name in VARIANTS if name != "cnn"]:
        flags = [*tiny, "--episodes", 1, "--goal", 0.99, "--learner", learner]
        run(*flags, "--figure-every", 0, "--run-dir", tmp_path / learner)
        run(*flags, "--run-dir", tmp_path / "again" / learner)
        assert same(tmp_path / learner, tmp_path / "again" / learner), learner
        rounds = pd.read_csv(tmp_path / learner / "rounds.csv")
        assert len(rounds) == 5
        assert rounds["accuracy"].between(0.02, 0.99).all()
        assert set(rounds["learner"]) == {learner}
        assert label(rounds) == f"dqn, disjoint split, other-{dataset.sha256()[:8]}, {learner}, seed 0"
        assert rounds["loss"][0] != pd.read_csv(finished / "rounds.csv")["loss"][0]
        figures = {path.name for path in (tmp_path / learner / "figures").iterdir()}
        assert {"accuracy_over_rounds.pdf", "node_models.png"} <= figures


@pytest.mark.parametrize(("name", "variant"), [(name, variant) for name in DRAWING for variant in VARIANTS[name]])
def test_training_repeats_with_equal_draws(name, variant, dataset):
    learner = make_learner(name, variant)
    model = VectorModel(learner.build(), keras.optimizers.Adam(1e-3), learner)
    weights, images = model.initial_weights(np.random.default_rng(0)), normalise(dataset.x_train[:40])
    labels, order = dataset.y_train[:40].astype(np.int64), np.arange(40, dtype=np.int32)[None]

    def train(draws):
        draws = np.array(draws, np.uint32)
        return model.train(weights, model.initial_state(), images, labels, order, 16, draws)[0].numpy()

    one, again, other = train([1, 2]), train([1, 2]), train([3, 4])
    assert (one == again).all()
    assert np.abs(one - weights).max() > 1e-3
    assert (one == other).all() == (variant in ("plain", "mapped", "unmapped"))
    assert (model.predict(one, images).numpy() == model.predict(one, images).numpy()).all()
