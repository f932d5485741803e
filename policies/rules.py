"""Policies that do not learn, and what every policy has in common."""

import math
import operator
import reprlib

import numpy as np

from config import Config
from settings.errors import UsageError
from settings.names import LEARNING
from settings.user_classes import is_import_path, user_class

TAKEN = ("file", "allow_pickle")  # arguments of numpy.savez, which writes arrays by name


class Policy:
    """Ranks the nodes that could train next, and may learn from what came of it; this base learns nothing."""

    epsilon = 0.0  # share of random choices
    learns = False  # one that learns needs many episodes, and reports average its last ones
    last_values: np.ndarray | None = None  # [nodes] by which `rank` has just ordered them, where it did; are logged
    label_counts: np.ndarray | None = None  # [nodes, classes] images of each class at each node, from `make_policy`

    def __init__(self, config: Config, distances: np.ndarray | None):
        """`distances` [nodes, nodes] are those between the nodes."""
        self.config, self.distances = config, distances

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        """Returns (nodes, greedy): the nodes to ask, the first choice first, and whether that choice is the policy's
        best, not a random one.

        `info` is what the environment told with `observation`. Where a ranking ends before enough nodes have answered,
        the node that holds the model trains too.
        """
        raise NotImplementedError

    def remember(
        self,
        observation: np.ndarray,
        action: int | np.ndarray,
        reward: float,
        next_observation: np.ndarray,
        done: bool,
        info: dict,
    ):
        """Stores what came of one choice; `info` is what the environment told after it."""

    def learn(self, rng: np.random.Generator, episode: int) -> float:
        """Learns at the end of an episode, by its number; returns the mean loss, NaN where nothing was learned."""
        return math.nan

    def state(self) -> dict[str, np.ndarray | np.generic]:
        """Returns everything learned, as a dict of arrays for `restore`."""
        return {}

    def restore(self, state: dict[str, np.ndarray]):
        """Puts back what `state` returned."""

    def agent(self) -> dict[str, np.ndarray | np.generic]:
        """Returns what was learned, for another run's `--load-agent`, as a dict of arrays; nothing by default."""
        return {}

    def nearest_least_visited(self, node: int, visits: np.ndarray) -> list[int]:
        """Returns all nodes, those that trained least often in this episode first, of these the nearest to `node`."""
        return np.lexsort((self.distances[node], visits)).tolist()


class RandomPolicy(Policy):
    """All nodes are equally likely, the present one included."""

    epsilon = 1.0

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        return random_ranking(self.config, rng), False


class RandomMovingPolicy(Policy):
    """All nodes but the present one are equally likely."""

    epsilon = 1.0

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        return [node for node in rng.permutation(self.config.nodes).tolist() if node != info["node"][0]], False


class ShuffledCyclePolicy(Policy):
    """Every node trains once a cycle, in a new random order each cycle; the first cycle begins with the starter.

    The nodes that trained least often are those that the present cycle has not reached yet.
    """

    epsilon = 1.0

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        return np.lexsort((rng.permutation(self.config.nodes), info["visits"])).tolist(), False


class StandalonePolicy(Policy):
    """The starter trains alone, all the time."""

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        return [self.config.starter] * self.config.nodes_per_round, True


class RoundRobinPolicy(Policy):
    """Every node hands the model on to the node of the next number, the last one to node 0."""

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        return [(info["node"][0] + step) % self.config.nodes for step in range(1, self.config.nodes + 1)], True


class NearestPolicy(Policy):
    """The model goes to the nearest of the nodes that trained least often in this episode."""

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        return self.nearest_least_visited(info["node"][0], info["visits"]), True


class LabelVariancePolicy(Policy):
    """The model goes where the label counts that it has trained on become most even (Tram-FL, arXiv 2308.04762).

    Of all nodes it picks the one that minimises the variance over classes of (label counts trained on so far in this
    episode + label counts of that node), on ties the nearest one, then the lowest number. It sees the nodes' label
    counts, which the paper's agent does not.
    """

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        totals = info["visits"] @ self.label_counts + self.label_counts
        # The variance times the square of the number of classes: whole numbers, so that rounding breaks no tie.
        variance = totals.shape[1] * (totals**2).sum(1) - totals.sum(1) ** 2
        return np.lexsort((self.distances[info["node"][0]], variance)).tolist(), True


class HomePolicy(Policy):
    """The model stays at the starter, and now and then leaves it for one round of the nearest least visited node."""

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        home = self.config.starter
        if home not in info["node"] or rng.random() >= self.config.home_leave_rate:
            return [home], True
        others = self.nearest_least_visited(home, info["visits"])
        others.remove(home)
        return others, True


class RoutePolicy(Policy):
    """The nodes train in a given order, which begins anew after its end."""

    def rank(self, observation: np.ndarray, info: dict, rng: np.random.Generator) -> tuple[list[int], bool]:
        route = self.config.route
        return [route[info["round"] % len(route)]], True


def learns(policy: str) -> bool:
    """Tells whether the policy of this name or import path learns; raises UsageError where there is no such class."""
    return user_class(policy, Policy).learns if is_import_path(policy) else policy in LEARNING


def choose(
    policy: Policy, config: Config, observation: np.ndarray, info: dict, rng: np.random.Generator
) -> tuple[list[int], bool, tuple[float, ...]]:
    """Returns (nodes, greedy, values): what a policy's `rank` returns, and its `last_values`, empty if it set none.

    Raises UsageError where a user's policy gives something else.
    """
    policy.last_values = None
    ranking, greedy = read_choice(policy.rank(observation, info, rng), config)
    if policy.last_values is None:
        return ranking, greedy, ()
    try:
        values = np.asarray(policy.last_values, float)
        if values.shape == (config.nodes,):
            return ranking, greedy, tuple(values.tolist())
    except (TypeError, ValueError):
        pass
    raise UsageError(
        f"last_values of {config.policy} must be None or {config.nodes} numbers, one for each node, not "
        f"{reprlib.repr(policy.last_values)}"
    )


def read_choice(choice: object, config: Config) -> tuple[list[int], bool]:
    """Returns what a policy's `rank` returned as (nodes, greedy); raises UsageError where a user's returned no such."""
    try:
        nodes, greedy = choice
        nodes = [operator.index(node) for node in nodes]
        if isinstance(greedy, bool | np.bool_) and set(nodes) <= set(range(config.nodes)):
            return nodes, bool(greedy)
    except (TypeError, ValueError):
        pass
    raise UsageError(
        f"the method rank of {config.policy} must return (nodes, greedy), a list of whole numbers from 0 to "
        f"{config.nodes - 1} and True or False, not {reprlib.repr(choice)}"
    )


def read_loss(loss: object, config: Config) -> float:
    """Returns what a policy's `learn` returned; raises UsageError where a user's returned no number."""
    try:
        return float(loss)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the method learn of {config.policy} must return the mean loss, a number (NaN: none), not "
            f"{reprlib.repr(loss)}"
        ) from error


def read_arrays(arrays: object, method: str, config: Config) -> dict[str, np.ndarray]:
    """Returns what a policy's `state` or `agent` returned as a dict of arrays.

    Raises UsageError where a user's returned something else, arrays of objects, which no later run could read, or an
    agent with a name of TAKEN.
    """
    try:
        found = {name: np.asarray(value) for name, value in arrays.items()}
        valid = all(isinstance(name, str) and not array.dtype.hasobject for name, array in found.items())
    except (AttributeError, ValueError):  # no dict; rows of different lengths
        valid = False
    if not valid:
        raise UsageError(
            f"the method {method} of {config.policy} must return a dict of arrays of numbers or text by name, not "
            f"{reprlib.repr(arrays)}"
        )
    if method == "agent" and not found.keys().isdisjoint(TAKEN):  # a state is written under names with a prefix
        raise UsageError(f"the method {method} of {config.policy} must not name an array {' or '.join(TAKEN)}")
    return found


def random_ranking(config: Config, rng: np.random.Generator) -> list[int]:
    """Draws an order of all nodes."""
    first = rng.choice(config.nodes, config.nodes_per_round, replace=False)
    rest = np.setdiff1d(np.arange(config.nodes), first)
    return [*first.tolist(), *rng.permutation(rest).tolist()]
