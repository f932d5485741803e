"""The route agent, each time without one part, for its ablation: `--policy studies.route_agent_parts:WithoutDraws`."""

import numpy as np

from policies.accuracy_model import AccuracyModel
from policies.route_agent import RouteAgent


class WithoutDraws(RouteAgent):
    """Searches with the mean of the coefficients, not with a draw from their posterior."""

    def _model(self, rng: np.random.Generator | None = None) -> AccuracyModel:
        return super()._model()


class WithoutWeights(RouteAgent):
    """Learns from all rounds alike, however far from the goal they are."""

    def _model(self, rng: np.random.Generator | None = None) -> AccuracyModel:
        return AccuracyModel(self.paths, self.accuracies, self.config, rng, sharpness=0.0)


class WithoutImagining(RouteAgent):
    """Plays the first candidate instead of the one that is imagined to be best."""

    candidates = 1


class WithoutTrials(RouteAgent):
    """Searches until the greedy episodes begin, and tries no finalists."""

    trials = 0


class WithoutShrinking(RouteAgent):
    """Ranks routes by the mean of their episodes alone."""

    trust = 0.0
