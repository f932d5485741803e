"""The route agent, each time without one part, for its ablation: `--policy studies.route_agent_parts:WithoutDraws`."""

import dataclasses

import numpy as np

from config import Config
from policies.accuracy_model import AccuracyModel
from policies.route_agent import RouteAgent
from policies.routes import Route


class WithoutDraws(RouteAgent):
    """Searches with the mean of the coefficients, not with a draw from their posterior."""

    def _model(self, rng: np.random.Generator | None = None) -> AccuracyModel:
        return super()._model()


class WithoutWeights(RouteAgent):
    """Learns from all rounds alike, however far from the goal they are."""

    def _model(self, rng: np.random.Generator | None = None) -> AccuracyModel:
        return AccuracyModel(self.paths, self.accuracies, self.config, rng, sharpness=0.0)


class WithoutModel(RouteAgent):
    """Imagines the same of all routes, and knows them from episodes along similar routes alone."""

    def _imagined(self, model: AccuracyModel, routes: list[Route], rng: np.random.Generator) -> np.ndarray:
        return np.full(len(routes), np.mean(self.objectives))


class WithoutSharing(RouteAgent):
    """Corrects what the model imagines of a route by episodes along the same route alone."""

    likeness = 1e-9


class WithoutBonus(RouteAgent):
    """Searches by the estimates alone, however uncertain they are."""

    bonus = 0.0


class WithoutTrials(RouteAgent):
    """Searches until the greedy episodes begin, and tries no finalists."""

    trials = 0


class WithoutShrinking(RouteAgent):
    """Ranks routes by the mean of their episodes alone."""

    trust = 0.0


class WithoutPatience(RouteAgent):
    """Ends no stay early."""

    def __init__(self, config: Config, distances: np.ndarray):
        super().__init__(dataclasses.replace(config, patience=0), distances)
