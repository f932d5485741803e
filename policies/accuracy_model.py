"""Learns how the accuracy follows from the nodes that trained, and imagines episodes along routes."""

import copy
from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter
from scipy.special import expit, logit

from config import Config
from policies.routes import NEAR, Route, to_arrays

KEPT = np.exp(-1 / np.array([3.0, 12.0]))  # what one more round leaves of a visit's effect, in two memories
SHARPNESS = 1.5  # how steeply the weight of a round falls with its distance from the goal
BAND = 0.15  # rounds less than this below the goal tell how noisy the accuracy is near it
USUAL_NOISE = 0.3  # of the log-odds, as long as there are none
COST, MISS = 5.0, 100.0  # rounds that are worth a unit of communication cost, and a unit of accuracy at the round limit


def objective(
    rounds: np.ndarray, last: np.ndarray, before: np.ndarray, best: np.ndarray, cost: np.ndarray, goal: float
) -> np.ndarray:
    """Returns the quantity that the search minimises [n]: the rounds, plus COST times the communication cost.

    The last round counts only up to the point where a straight line from the accuracy `before` to the `last` one
    crosses the goal. An episode whose `best` accuracy misses the goal gets MISS times what is missing.
    """
    beyond = np.clip((last - goal) / np.maximum(last - before, 1e-3), 0, 1)
    return rounds - np.where(best >= goal, beyond, MISS * (best - goal)) + COST * cost


def features(path: Sequence[int], config: Config) -> np.ndarray:
    """Returns what the accuracy of each round is learned from [rounds, (memories + 1) * nodes + 1].

    The columns are, for each memory, an exponentially weighted share of the rounds at each node; a one-hot vector of
    the present node; the round as a share of the limit.
    """
    present = np.equal.outer(path, np.arange(config.nodes)).astype(float)
    memories = [lfilter([1 - kept], [1, -kept], present, axis=0) for kept in KEPT]
    rounds = np.arange(1, len(path) + 1)[:, np.newaxis]
    return np.hstack([*memories, present, rounds / config.round_limit])


def log_odds(accuracy: np.ndarray | float) -> np.ndarray:
    """Returns the log-odds of accuracies, clipped to 0.02 to 0.98."""
    return logit(np.clip(accuracy, 0.02, 0.98))


class AccuracyModel:
    """A weighted Bayesian linear regression of the accuracy's log-odds: the coefficients are their posterior means."""

    def __init__(
        self,
        paths: Sequence[Sequence[int]],
        accuracies: Sequence[Sequence[float]],
        config: Config,
        sharpness: float = SHARPNESS,
    ):
        """Learns from the nodes that trained in each episode and the accuracies after them.

        A round counts by (its odds / odds of the goal) ** sharpness, at most 1.
        """
        from sklearn.linear_model import BayesianRidge  # only where it is used: it takes a second

        inputs = np.concatenate([features(path, config) for path in paths])
        accuracy = np.concatenate(accuracies)
        odds = log_odds(accuracy)
        weights = np.minimum(1, np.exp(sharpness * (odds - log_odds(config.goal))))
        self.regression = BayesianRidge().fit(inputs, odds, sample_weight=weights)
        near = np.abs(odds - self.regression.predict(inputs))[accuracy > config.goal - BAND]
        # The standard deviation of normal errors is 1.48 times their median size; outliers do not change that.
        self.noise = 1.4826 * float(np.median(near)) if len(near) else USUAL_NOISE
        self.config = config
        self.coefficients, self.intercept = self.regression.coef_, float(self.regression.intercept_)

    def drawn(self, rng: np.random.Generator) -> "AccuracyModel":
        """Returns a model whose coefficients are drawn from their posterior distribution."""
        model, posterior = copy.copy(self), self.regression
        # "eigh" also takes a covariance next to zero, which accuracies that are all alike give.
        options = {"method": "eigh", "check_valid": "ignore"}
        model.coefficients = rng.multivariate_normal(posterior.coef_, posterior.sigma_, **options)
        model.intercept += float(posterior.X_offset_ @ (posterior.coef_ - model.coefficients))  # same mean accuracy
        return model

    def imagine(
        self, routes: Sequence[Route], distances: np.ndarray, errors: np.ndarray, near: float = NEAR
    ) -> np.ndarray:
        """Returns the mean objective [routes] of imagined episodes along routes, followed as a Follower does.

        `distances` [nodes, nodes] are those between the nodes. `errors` [episodes, round_limit] are standard normal;
        all routes meet the same ones.
        """
        config, shape = self.config, (len(routes), len(errors))
        of_visits, of_present, (of_round,) = np.split(self.coefficients, [len(KEPT) * config.nodes, -1])
        gains = (1 - KEPT)[:, np.newaxis] * of_visits.reshape(len(KEPT), config.nodes)
        nodes, rounds = to_arrays(routes)
        stays, row = (rounds > 0).sum(axis=1, keepdims=True), np.arange(len(routes))[:, np.newaxis]
        place, stalls, running = np.zeros(shape, int), np.zeros(shape, bool), np.ones(shape, bool)
        left, holder, memory = rounds[row, place], nodes[row, place], np.zeros((len(KEPT), *shape))
        accuracy = best = cost = result = np.zeros(shape)
        for round in range(1, config.round_limit + 1):
            leaves = (left <= 0) | stalls
            place = np.where(leaves, np.where(place + 1 < stays, place + 1, np.minimum(1, place)), place)
            left = np.where(leaves, rounds[row, place], left) - 1
            node = nodes[row, place]
            memory = KEPT[:, np.newaxis, np.newaxis] * memory + gains[:, node]
            odds = self.intercept + memory.sum(0) + of_present[node] + of_round * round / config.round_limit
            before, accuracy = accuracy, expit(odds + self.noise * errors[:, round - 1])
            cost = cost + distances[holder, node]
            stalls = (node == holder) & (config.goal - near <= accuracy) & (accuracy <= best)
            best, holder = np.maximum(best, accuracy), node
            value = objective(round, accuracy, before, best, cost, config.goal)
            result, running = np.where(running, value, result), running & (accuracy < config.goal)
            if not running.any():
                break
        return result.mean(axis=1)
