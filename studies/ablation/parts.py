"""The variants of the route agent, each without one of its parts.

`--policy studies.ablation.parts:WithoutModel` runs one alone.
"""

import dataclasses

import numpy as np

from config import Config
from policies.accuracy_model import AccuracyModel
from policies.route_agent import RouteAgent
from policies.routes import Route


class WithoutWeights(RouteAgent):
    """Learns from all rounds alike, however far from the goal they are."""

    def _model(self) -> AccuracyModel:
        return AccuracyModel(self.paths, self.accuracies, self.config, sharpness=0.0)


class WithoutModel(RouteAgent):
    """Imagines the mean of all episodes for every route, so that only episodes along similar routes correct it."""

    def _imagined(self, model: AccuracyModel, routes: list[Route], errors: np.ndarray) -> np.ndarray:
        return np.full(len(routes), np.mean(self.objectives))


class WithoutCorrection(RouteAgent):
    """Believes what the model imagines, whatever the episodes along similar routes were."""

    def _estimates(
        self, routes: list[Route], model: AccuracyModel, errors: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._imagined(model, routes, errors), super()._estimates(routes, model, errors)[1]


class WithoutBonus(RouteAgent):
    """Searches by the estimates alone, however uncertain they are."""

    bonus = 0.0


class WithoutSimilarity(WithoutCorrection):
    """Has neither the correction nor the bonus, which both follow from the episodes along similar routes."""

    bonus = 0.0


class WithoutPatience(RouteAgent):
    """Ends no stay early."""

    def __init__(self, config: Config, distances: np.ndarray):
        super().__init__(dataclasses.replace(config, patience=0), distances)
