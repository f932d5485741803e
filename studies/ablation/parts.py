"""The variants of the route agent, each without one of its parts.

`--policy studies.ablation.parts:WithoutModel` runs one alone.
"""

import numpy as np

from policies.accuracy_model import AccuracyModel, objective
from policies.route_agent import RouteAgent
from policies.routes import Route


class WithoutModel(RouteAgent):
    """Ranks routes by the episodes along them, those that it has not played yet first; it imagines no episodes."""

    def _model(self) -> None:
        return None

    def _drawn(self, model: None, rng: np.random.Generator) -> None:
        return None

    def _ranked(self, routes: list[Route], model: None, episodes: int, rng: np.random.Generator) -> list[Route]:
        results = {route: [] for route in routes}
        for route, path, seen in zip(self.routes, self.paths, self.accuracies, strict=True):
            if route in results:
                cost = self.distances[path[:-1], path[1:]].sum()
                results[route].append(objective(len(path), seen[-1], seen[-2], max(seen), cost, self.config.goal))
        return sorted(results, key=lambda route: np.mean(results[route] or [-np.inf]))


class WithoutWeights(RouteAgent):
    """Learns from all rounds alike, however far from the goal they are."""

    def _model(self) -> AccuracyModel:
        return AccuracyModel(self.paths, self.accuracies, self.config, sharpness=0.0)


class WithoutSampling(RouteAgent):
    """Plans each episode with the posterior means."""

    def _drawn(self, model: AccuracyModel, rng: np.random.Generator) -> AccuracyModel:
        return model


class WithoutPatience(RouteAgent):
    """Ends no stay early."""

    near = -np.inf
