"""Implements the route agent, which learns to imagine episodes and searches for a route that reaches the goal soon."""

import math

import numpy as np

from config import Config
from policies.accuracy_model import AccuracyModel
from policies.routes import (
    MOST_STAYS,
    NEAR,
    Follower,
    Route,
    changed,
    from_arrays,
    random_route,
    to_arrays,
)
from policies.rules import Policy
from policies.saved_agent import kind, read_agent
from settings.errors import UsageError

KIND = ("policy", "nodes", "starter")  # give a route its meaning
FIRST = 18  # episodes along random routes, or half the number of nodes if that is more
FRESH = 0.3  # the share of the candidates that is random
ELITE = 6  # routes that candidates are changed from
EPISODES, LAST_EPISODES = 8, 256  # imagined along a route in the search, and for the last choice
CANDIDATES = 150  # new routes imagined before an episode


class RouteAgent(Policy):
    """Plays routes, learns the accuracy from them, imagines many routes and plays the best one next.

    1. A route is a short list of stays. A stay ends early near the goal where the model makes no progress; after the
       last stay comes the second.
    2. The first episodes follow random routes.
    3. After the last of them and each later episode, a Bayesian linear regression learns the accuracy from all
       episodes. For the next episode, the agent draws the coefficients from their posterior distribution (Thompson
       sampling), so that it tries nodes of which it knows little.
    4. Candidates are the best routes so far, changes of them and random routes. The agent imagines episodes along each,
       and plays the candidate that does best in them.
    5. From `greedy_from` on the agent follows the best of the routes that it has played. For this choice it imagines
       more episodes, since the best routes differ little, and takes the posterior means.
    """

    learns = True
    near = NEAR  # stays may end early from so much below the goal on

    def __init__(self, config: Config, distances: np.ndarray):
        """Raises UsageError where several nodes train in a round, or `load_agent` names no agent of this kind."""
        super().__init__(config, distances)
        if config.nodes_per_round > 1:
            raise UsageError("--policy route-agent takes no --nodes-per-round")
        self.first = max(FIRST, config.nodes // 2)
        order = np.argsort(distances[config.starter], kind="stable")
        self.others = [node for node in order.tolist() if node != config.starter]  # the nearest to the starter first
        self.routes, self.paths, self.accuracies = [], [], []  # one of each for every episode
        self.best, self.planned = None, None  # the best route so far, and that of the next episode
        if config.load_agent:
            self.best = self.planned = self._read_route()
        self.route, self.path, self.seen = None, [], []  # of the present episode

    def _read_route(self) -> Route:
        """Returns the best route of the agent that `load_agent` names; raises UsageError where it is damaged."""
        nodes, rounds = arrays = read_agent(self.config, KIND, ("nodes", "rounds"))
        formed = all(array.shape == (1, MOST_STAYS) and array.dtype.kind == "i" for array in arrays)
        if formed and rounds.min() >= 0:
            (route,) = from_arrays(nodes, rounds)
            if route and route[0][0] == self.config.starter and set(nodes.ravel()) <= set(range(self.config.nodes)):
                return route
        raise UsageError(f"--load-agent {self.config.load_agent} is damaged; give another run's agent.npz")

    @property
    def epsilon(self) -> float:
        """1 as long as routes are random, then 0."""
        return float(self.planned is None)

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        """Ranks the next node of the route first, then the others, the nearest to it first."""
        if info["round"] == 1:
            self.route = self.planned or self._random_route(rng)
            self.follower = Follower(self.route, self.config.goal - self.near)
        node = self.follower.next(info["node"] == (info["previous_node"],), info["accuracy"])
        ranking = np.lexsort((self.distances[node], np.arange(self.config.nodes) != node))
        return ranking.tolist(), self.route == self.best

    def remember(
        self,
        observation: np.ndarray,
        action: int | np.ndarray,
        reward: float,
        next_observation: np.ndarray,
        done: bool,
        info: dict,
    ):
        """Stores the node that trained and the accuracy."""
        if info["round"] == 2:
            self.path, self.seen = [self.config.starter], [info["previous_accuracy"]]
        self.path.append(info["node"][0])
        self.seen.append(info["accuracy"])

    def learn(self, rng: np.random.Generator, episode: int) -> float:
        """Stores the episode and plans the next one; from the episode `greedy_from` on it does neither. Returns NaN."""
        until = self.config.greedy_from or math.inf
        if episode < until and self.path:  # it is empty where the first round has reached the goal
            self._store()
        if episode + 1 == until:
            if self.routes:
                self.best = self._ranked(self.routes, self._model(), LAST_EPISODES, rng)[0]
            self.planned = self.best
        elif episode + 1 < until:
            self.planned = self._search(rng) if len(self.routes) >= self.first else None
        return math.nan

    def _store(self):
        """Adds the present episode to those that are learned from, and ends it."""
        self.routes.append(self.route)
        self.paths.append(self.path)
        self.accuracies.append(self.seen)
        self.path, self.seen = [], []

    def _random_route(self, rng: np.random.Generator) -> Route:
        """Draws a route whose first stay after the starter's is at each other node in turn, the nearest first."""
        return random_route(self.config.starter, self.others, self.others[len(self.routes) % len(self.others)], rng)

    def _ranked(
        self, routes: list[Route], model: AccuracyModel, episodes: int, rng: np.random.Generator
    ) -> list[Route]:
        """Returns the routes without repetitions, sorted by their mean objectives in imagined `episodes` along each."""
        routes = list(dict.fromkeys(routes))
        errors = rng.standard_normal((episodes, self.config.round_limit))
        objectives = model.imagine(routes, self.distances, errors, self.near)
        return [routes[index] for index in np.argsort(objectives, kind="stable")]

    def _model(self) -> AccuracyModel:
        """Returns the model that all episodes so far teach."""
        return AccuracyModel(self.paths, self.accuracies, self.config)

    def _drawn(self, model: AccuracyModel, rng: np.random.Generator) -> AccuracyModel:
        """Returns the model by which the next episode is planned."""
        return model.drawn(rng)

    def _search(self, rng: np.random.Generator) -> Route:
        """Returns the best candidate by a drawn model; stores the best route so far by the posterior means."""
        model = self._model()
        self.best = self._ranked(self.routes, model, EPISODES, rng)[0]
        model = self._drawn(model, rng)
        elite = self._ranked(self.routes, model, EPISODES, rng)[:ELITE]
        candidates = [*elite, *(self._candidate(elite, rng) for _ in range(CANDIDATES))]
        return self._ranked(candidates, model, EPISODES, rng)[0]

    def _candidate(self, elite: list[Route], rng: np.random.Generator) -> Route:
        """Draws a random route or a change of one of the elite."""
        if rng.random() < FRESH:
            return random_route(self.config.starter, self.others, None, rng)
        return changed(elite[rng.integers(len(elite))], self.others, rng)

    def state(self) -> dict[str, np.ndarray | np.generic]:
        state = {"lengths": np.array([len(path) for path in self.paths], int)}
        state["path"] = np.concatenate([[], *self.paths]).astype(int)
        state["accuracy"] = np.concatenate([[], *self.accuracies])
        for name, routes in self._lists().items():
            state[f"{name}_nodes"], state[f"{name}_rounds"] = to_arrays(routes)
        return state

    def _lists(self) -> dict[str, list[Route]]:
        """Returns all routes that are kept, as lists by name."""
        lone = {"best": self.best, "planned": self.planned}
        return {"routes": self.routes} | {name: [route] if route else [] for name, route in lone.items()}

    def restore(self, state: dict[str, np.ndarray]):
        lists = {name: from_arrays(state[f"{name}_nodes"], state[f"{name}_rounds"]) for name in self._lists()}
        self.routes = lists["routes"]
        self.best, self.planned = (next(iter(lists[name]), None) for name in ("best", "planned"))
        ends = np.cumsum(state["lengths"])
        self.paths, self.accuracies = (
            [part.tolist() for part in np.split(state[name], ends)[:-1]] for name in ("path", "accuracy")
        )

    def agent(self) -> dict[str, np.ndarray | np.generic]:
        """Returns the best route as arrays of `to_arrays`."""
        if not self.best:
            return {}
        nodes, rounds = to_arrays([self.best])
        return {"nodes": nodes, "rounds": rounds, "kind": np.str_(kind(self.config, KIND))}
