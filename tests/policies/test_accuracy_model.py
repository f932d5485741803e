"""The regression of the accuracy and what it imagines, on cases worked out by hand."""

import math

import numpy as np
import pytest

from config import Config
from policies.accuracy_model import AccuracyModel, features, objective

TOY = Config(nodes=2, pca_components=2, round_limit=4)
APART = np.array([[0, 0.1], [0.1, 0]])


def test_objective_by_hand():
    """From 0.7 to 0.9 the goal of 0.8 is half way; a cost of 0.2 is worth a round; 0.05 are missing."""
    assert objective(10, 0.9, 0.7, 0.9, 0.2, 0.8) == pytest.approx(10 - 0.5 + 1)
    assert objective(36, 0.6, 0.7, 0.75, 0.0, 0.8) == pytest.approx(36 + 5)


def test_features_of_a_path_by_hand():
    """Two memories, that keep exp(-1/3) and exp(-1/12), of two nodes; the present node; the round of four."""
    slow, fast = math.exp(-1 / 12), math.exp(-1 / 3)
    expected = [
        [1 - fast, 0, 1 - slow, 0, 1, 0, 0.25],
        [fast * (1 - fast), 1 - fast, slow * (1 - slow), 1 - slow, 0, 1, 0.5],
    ]
    np.testing.assert_allclose(features([0, 1], TOY), expected)


def linear(intercept=0.0, visits=((0, 0), (0, 0)), present=(0, 0), of_round=0.0, noise=0.0):
    """Makes a model with these coefficients."""
    model = object.__new__(AccuracyModel)
    model.config, model.intercept, model.noise = TOY, intercept, noise
    model.coefficients = np.concatenate([*visits, present, [of_round]])
    return model


def logit(accuracy):
    return math.log(accuracy / (1 - accuracy))


def test_imagined_episodes_by_hand():
    """At node 0 the accuracy is 0.5, at node 1 it is 0.9: the first round there crosses the goal at 3/4 of its way.

    The way there is 0.1, half a round. The route that stays misses the goal by 0.3.
    """
    model = linear(logit(0.5), present=(0, logit(0.9)))
    routes = [((0, 1), (1, 3)), ((0, 2), (1, 3)), ((0, 20),)]
    imagined = model.imagine(routes, APART, np.zeros((3, 4)))
    np.testing.assert_allclose(imagined, [2 - 0.25 + 0.5 - 0.0, 3 - 0.25 + 0.5, 4 + 30], atol=1e-6)


def test_imagined_stays_end_near_the_goal_without_progress():
    """Node 0 gives 0.75 in every round: round 2 is no better, so that round 3 is at node 1, which gives 0.85."""
    model = linear(logit(0.75), present=(0, logit(0.85) - logit(0.75)))
    routes, errors = [((0, 9), (1, 1))], np.zeros((1, 4))
    assert model.imagine(routes, APART, errors) == pytest.approx(3 - 0.5 + 0.5)
    assert model.imagine(routes, APART, errors, near=0.01) == pytest.approx(4 + 5)


def test_imagined_routes_go_on_with_the_second_stay():
    """Nodes 0, 1, 0 and again 1. In round 4 node 1 gives 0.9, in round 2 less than the goal: log-odds grow by 0.5 a
    round. In round 3 node 0 has the log-odds -0.5. The ways are 0.3 together, one and a half rounds."""
    model = linear(present=(-2, logit(0.9) - 2), of_round=2.0)
    before = 1 / (1 + math.exp(0.5))
    expected = 4 - (0.9 - 0.8) / (0.9 - before) + 1.5
    assert model.imagine([((0, 1), (1, 1), (0, 1))], APART, np.zeros((1, 4))) == pytest.approx([expected])


def test_noise_is_of_the_log_odds():
    model = linear(logit(0.5), noise=2.0)
    errors = np.array([[0, 0, 0, 0], [0, 1, 0, 0.0]])  # in the second episode 2 more in round 2: 0.88
    accuracy = 1 / (1 + math.exp(-2))
    hit = 2 - (accuracy - 0.8) / (accuracy - 0.5)
    assert model.imagine([((0, 9),)], APART, errors) == pytest.approx([(4 + 30 + hit) / 2])


def test_regression_finds_what_made_the_accuracy():
    """Log-odds that are linear in the features, from many episodes: predictions agree but for the prior's pull."""
    rng, true = np.random.default_rng(0), np.array([0.5, -0.5, 1, 2, 0.3, -0.3, 0.4])
    paths = [rng.integers(2, size=4).tolist() for _ in range(400)]
    accuracies = [1 / (1 + np.exp(-(features(path, TOY) @ true))) for path in paths]
    model = AccuracyModel(paths, accuracies, TOY)
    for path, accuracy in zip(paths[:9], accuracies, strict=False):
        odds = model.intercept + features(path, TOY) @ model.coefficients
        np.testing.assert_allclose(odds, np.log(accuracy / (1 - accuracy)), atol=0.05)
    assert model.noise < 0.05


def test_drawn_coefficients_have_their_posterior_distribution():
    """Its covariance by the formula: inverse of (precision of noise * X' W X + precision of the prior), X centred."""
    rng = np.random.default_rng(0)
    paths = [rng.integers(2, size=4).tolist() for _ in range(30)]
    accuracies = [1 / (1 + np.exp(-rng.normal(size=4))) for _ in paths]
    model = AccuracyModel(paths, accuracies, TOY)
    odds = np.array([logit(accuracy) for accuracy in np.concatenate(accuracies)])
    weights = np.minimum(1, np.exp(1.5 * (odds - logit(0.8))))
    inputs = np.concatenate([features(path, TOY) for path in paths])
    center = np.average(inputs, axis=0, weights=weights)
    inputs = inputs - center
    noise, prior = model.regression.alpha_, model.regression.lambda_
    expected = np.linalg.inv(noise * (inputs.T * weights) @ inputs + prior * np.eye(7))
    models = [model.drawn(rng) for _ in range(4000)]
    draws = np.array([each.coefficients for each in models])
    np.testing.assert_allclose(draws.mean(axis=0), model.coefficients, atol=5 * np.sqrt(expected.max() / 4000))
    np.testing.assert_allclose(np.cov(draws.T), expected, atol=0.1 * expected.max())
    at_the_mean = [each.intercept for each in models] + draws @ center  # all agree there
    np.testing.assert_allclose(at_the_mean, model.intercept + model.coefficients @ center)
