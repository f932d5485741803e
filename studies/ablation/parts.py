"""The variants of the route agent, each without one of its parts.

`--policy studies.ablation.parts:WithoutModel` runs one alone.
"""

import dataclasses

import numpy as np

from config import Config
from policies.accuracy_model import AccuracyModel
from policies.route_agent import RouteAgent


class WithoutWeights(RouteAgent):
    """Learns from all rounds alike, however far from the goal they are."""

    def _model(self) -> AccuracyModel:
        return AccuracyModel(self.paths, self.accuracies, self.config, sharpness=0.0)


class WithoutPatience(RouteAgent):
    """Ends no stay early."""

    def __init__(self, config: Config, distances: np.ndarray):
        super().__init__(dataclasses.replace(config, patience=0), distances)
