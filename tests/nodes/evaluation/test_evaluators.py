"""Which evaluation a run gets, and that Keras' layers decide what the compiled code cannot."""

import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers import PROJECT, run

import main
import models
from config import Config
from data import normalise
from environment import HomogeneousLearningEnv
from nodes.evaluation.evaluators import Evaluator, FusedEvaluator, choose_evaluation
from runs.description import read_description
from settings.errors import UsageError
from settings.random_streams import generator


@pytest.fixture(scope="module")
def trained(dataset):
    """An environment after a round at every node."""
    environment = HomogeneousLearningEnv(Config(samples_per_node=84, goal=1.0), dataset)
    environment.reset(seed=2)
    for node in range(10):
        environment.step(node)
    return environment


@pytest.fixture(scope="module")
def evaluators(dataset, trained):
    """Fused and float32 evaluators whose labels are float32's classes, so that each hit is an equal class."""
    model, images = trained.nodes.model, tf.constant(normalise(dataset.x_test))
    classes = tf.argmax(model.predict(trained.weights, images), -1)
    config = Config(evaluation_batch=64)
    return FusedEvaluator(model, images, classes, config), Evaluator(model, images, classes, config)


def test_all_classes_are_those_of_keras_layers(evaluators, trained):
    assert [evaluator.count_correct(trained.weights) for evaluator in evaluators] == [300, 300]


def test_attention_seeking_networks_are_evaluated_alike(dataset):
    config = Config(learner="attention-seeking")
    model, images = models.local_foundation_model(config), tf.constant(normalise(dataset.x_test))
    weights = model.initial_weights(generator(0, "weights", 1))
    classes = tf.argmax(model.predict(weights, images), -1)
    assert FusedEvaluator(model, images, classes, config).count_correct(weights) == 300


@pytest.mark.parametrize("factor", [1e-9, 1e-4, 1e3, 1e7, 1e12, 1e30, np.nan, np.inf])
def test_very_small_large_and_no_numbers(evaluators, trained, factor):
    """Where probabilities round to equal ones, arithmetic overflows, or there is nothing to compare."""
    spoilt = tf.tensor_scatter_nd_update(trained.weights, [[7], [20_000]], [np.float32(factor)] * 2)
    for weights in (trained.weights * factor, spoilt):
        fused, plain = (evaluator.count_correct(weights) for evaluator in evaluators)
        assert fused == plain


@pytest.mark.parametrize("twins", [(3, 5), (5, 3), (0, 9)])
def test_ties_are_decided_by_keras_layers(dataset, trained, twins):
    """Two classes have the same weights, so that they tie wherever either is the likeliest."""
    model, images = trained.nodes.model, tf.constant(normalise(dataset.x_test))
    vector = trained.weights.numpy().copy()
    dense, bias = vector[-8010:-10].reshape(800, 10), vector[-10:]
    dense[:, twins[1]], bias[twins[1]] = dense[:, twins[0]], bias[twins[0]]
    classes = model.predict(vector, images).numpy().argmax(1)
    assert (classes == min(twins)).any()
    evaluator = FusedEvaluator(model, images, tf.constant(classes), Config(evaluation_batch=300))
    assert evaluator.count_correct(tf.constant(vector)) == 300


@pytest.mark.parametrize("doubts", [0, 1, 17, 64, 65])
def test_exactly_the_doubtful_images_are_decided_by_keras_layers(evaluators, trained, monkeypatch, doubts):
    """The compiled code is replaced by one that is wrong everywhere; with more doubts than a batch holds all are."""
    fused, _ = evaluators
    wrong, doubtful = (fused.labels.numpy() + 1) % 10, np.zeros(300, bool)
    doubtful[np.random.default_rng(doubts).permutation(300)[:doubts]] = True
    monkeypatch.setattr(fused, "network", lambda _: (wrong.copy(), doubtful))
    assert fused.count_correct(trained.weights) == (doubts if doubts <= 64 else 300)


def test_batches_of_several_images_are_rounded_alike(dataset, trained):
    """What the check by Keras' layers relies on, where float32 evaluates other batches; of one image it is not so."""
    model, images = trained.nodes.model, normalise(dataset.x_test[:240])
    batches = {
        size: np.concatenate([model.predict(trained.weights, part) for part in np.array_split(images, 240 // size)])
        for size in (16, 48, 240)
    }
    assert (batches[16] == batches[240]).all()
    assert (batches[48] == batches[240]).all()


def test_what_auto_means(monkeypatch):
    assert choose_evaluation(Config())[0] is FusedEvaluator
    assert choose_evaluation(Config(evaluation="float32")) == (Evaluator, "as asked for")
    kind, reason = choose_evaluation(Config(learner="dense"))
    assert kind is Evaluator
    assert "dense" in reason
    kind, reason = choose_evaluation(Config(), (32, 32, 3))
    assert kind is Evaluator
    assert "32 x 32 x 3" in reason
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    assert choose_evaluation(Config())[0] is Evaluator


def test_without_numba(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "numba", None)
    run(*tiny, "--policy", "random", "--episodes", 1, "--run-dir", tmp_path / "auto")
    assert "evaluation float32: Numba cannot be imported" in capsys.readouterr().out
    assert set(pd.read_csv(tmp_path / "auto" / "rounds.csv")["evaluation"]) == {"float32"}
    asked = [*map(str, tiny), "--evaluation", "fused-checked", "--run-dir", str(tmp_path / "fused")]
    assert main.main(asked) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--evaluation fused-checked is not available: Numba cannot be imported" in error


def test_a_resume_is_evaluated_as_before(tiny, tmp_path, capsys):
    flags = [*tiny, "--policy", "random", "--run-dir", tmp_path]
    run(*flags, "--episodes", 1)
    resumed = ["--resume", "--run-dir", str(tmp_path), "--episodes", "2"]
    assert main.main([*resumed, "--evaluation", "float32"]) == 2
    assert "was evaluated by fused-checked, here it would be by float32" in capsys.readouterr().err
    run(*resumed, "--evaluation", "fused-checked")
    assert set(pd.read_csv(tmp_path / "rounds.csv")["evaluation"]) == {"fused-checked"}


def test_it_is_an_error_to_ask_for_what_cannot_be_had():
    with pytest.raises(UsageError, match="the learner kde is not the convolutional network"):
        choose_evaluation(Config(learner="kde", evaluation="fused-checked"))


@pytest.mark.parametrize(
    ("folder", "evaluation", "asked"),
    [
        ("claims/dqn-disjoint-seed0", "winograd-checked", "auto"),
        ("drop/dqn-disjoint-drop-rate0-seed0", "float32", "float32"),
    ],
)
def test_published_runs_tell_how_they_were_evaluated(folder, evaluation, asked):
    """Also by arithmetic that is gone, and under the name that the setting had then."""
    description = read_description(PROJECT / "results" / folder)
    assert description["evaluation"] == evaluation
    assert description["config"].evaluation == asked
