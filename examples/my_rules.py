"""A policy of your own: the model goes to the nearest node that has not trained in the last three rounds.

In the folder of this file: `python PROJECT/main.py --policy my_rules:Wanderer --episodes 5`, where PROJECT is the
folder of main.py. `sweep.py --policies my_rules:Wanderer,random` compares it, `report.py` reports it.
"""

import numpy as np

from policies.rules import Policy


class Wanderer(Policy):
    """Remembers the last three nodes; nothing is learned, so `learns` stays False."""

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        """Returns all nodes, the first choice first, and that this is the policy's own choice, not a random one."""
        holder = info["node"][0]
        if info["round"] <= 1:  # an episode has begun
            self.recent = []
        self.recent = [holder, *self.recent][:3]
        nearest_first = np.argsort(self.distances[holder]).tolist()
        return sorted(nearest_first, key=lambda node: node in self.recent), True
