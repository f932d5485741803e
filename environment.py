"""Defines a round: the chosen node trains the travelling model, and its accuracy gives the reward."""

import functools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

import gymnasium
import numpy as np
import tensorflow as tf

from config import Config
from data import Dataset, load_dataset
from nodes.local import LocalNodes, forked, refuse_fork
from nodes.places import places
from nodes.round import RoundRequest, RoundResult, When
from reporting.episode_picture import Scene, Stop, describe, picture
from settings.random_streams import generator

if TYPE_CHECKING:
    from nodes.ray_actors import RayNodes


class HomogeneousLearningEnv(gymnasium.Env):
    """The decentralized training of one model as a Gymnasium environment; one episode is one whole training.

    Action: the node that trains next (Discrete), or with `nodes_per_round` > 1 the nodes (MultiDiscrete; one named
    twice trains once). In round 1 the starter trains alone, whatever the action (deviations D1, D2).
    Observation: `nodes * pca_components` numbers without bounds, see policies/observation.py. Reward: `reward`.
    `terminated` at the goal accuracy, `truncated` at the round limit.
    `info`: round, node (tuple of those that trained), visits (how often each node trained in this episode),
    previous_node, unreachable (tuple of the nodes that did not answer), distance, bytes_sent, bytes_moved (between
    processes), gradient_steps, accuracy, previous_accuracy, loss, finite, seconds (a Seconds); after `reset` only
    episode_number, round, node (who holds the model) and visits.
    A round whose weights are not finite truncates the episode.

    What is random in an episode follows from (seed, episode): `reset(seed=s)` begins with episode 1 of seed s,
    `reset()` goes on to the next episode, `options={"episode": e}` chooses one. Without a seed that of the
    configuration is used.
    Distances and the deal of the images are those of the configuration, also after `reset(seed=s)`.

    `render` shows the present round, with `render_mode` "ansi" as one line of text, with "rgb_array" as a picture
    [560, 390, 3] uint8: the nodes by their distances, the model's path, and its accuracy so far.

    `copy.deepcopy` and pickles go on from where the original was, with the same numbers; with Ray they raise TypeError.
    """

    metadata = {"render_modes": ["ansi", "rgb_array"], "render_fps": 2}  # noqa: RUF012, Gymnasium's own form

    def __init__(
        self,
        config: Config | None = None,
        dataset: Dataset | None = None,
        nodes: "LocalNodes | RayNodes | None" = None,
        render_mode: str | None = None,
    ):
        """`nodes` trains and evaluates; by default LocalNodes, which live in this process and share `dataset`, by
        default the one that the configuration names. Raises ValueError where there is no such `render_mode`.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be one of {self.metadata['render_modes']} or None, not {render_mode!r}")
        config = config or Config()
        self.config, self.render_mode = config, render_mode
        self.distances = distance_matrix(config)
        if nodes is None and not forked():  # where `reset` raises, whose error an AsyncVectorEnv passes on
            nodes = LocalNodes(config, dataset or load_dataset(config))
        self.nodes = nodes
        size = config.nodes * config.pca_components
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(config.nodes)
        self.starter_action = config.starter
        if config.nodes_per_round > 1:
            self.action_space = gymnasium.spaces.MultiDiscrete([config.nodes] * config.nodes_per_round)
            self.starter_action = np.full(config.nodes_per_round, config.starter)
        self.seed, self.episode = config.seed, 0
        self.over, self.path = True, None  # no episode has begun, or it has ended; a Stop for each of its rounds

    def __getstate__(self) -> dict:
        if not isinstance(self.nodes, LocalNodes):
            raise TypeError("an environment whose nodes are Ray actors cannot be copied; make another one in its place")
        return vars(self)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Starts an episode with fresh weights, which all nodes hold; returns (observation, info).

        Raises UsageError in a process that was forked after TensorFlow had begun to compute.
        """
        refuse_fork()
        if seed is not None:
            self.seed, self.episode = operator.index(seed), 0  # Gymnasium takes no NumPy numbers
        super().reset(seed=None if seed is None else self.seed)
        self.episode = (options or {}).get("episode", self.episode + 1)
        self.round = 0
        self.holder = self.config.starter  # the node that holds the current model
        self.weights = self.nodes.start(self.seed, self.episode)
        self.visits = np.zeros(self.config.nodes, int)
        self._failed = ()  # the nodes that did not answer for the coming round
        self.accuracy = 0.0  # of the current model, fresh weights counting as 0
        self.trained = ()  # the models of the nodes that trained in the last round
        self.over, self.path = False, ()
        # Not "episode", which is where Gymnasium's wrappers put an episode's statistics.
        info = {"episode_number": self.episode, "round": 0, "node": (self.holder,), "visits": self.visits.copy()}
        return np.zeros(self.observation_space.shape, np.float32), info

    def reach(self, ranking: Sequence[int]) -> int | np.ndarray:
        """Asks the nodes of a ranking, one after the other, until enough of them answer; returns the action for `step`.

        Where too few answer, the holder fills in. Failed attempts are noted, and charged if the configuration says so.
        """
        answering, asked, wanted = self._answering(), [], self.config.nodes_per_round
        self._failed = ()
        for node in ranking:
            if len(asked) == wanted:
                break
            if answering[node]:
                asked.append(node)
            elif node not in self._failed:
                self._failed += (node,)
        asked += [self.holder] * (wanted - len(asked))
        return asked[0] if wanted == 1 else np.array(asked)

    def _answering(self) -> np.ndarray:
        """Draws which nodes can be reached in the coming round [nodes] bool; the model's holder always can."""
        rng = generator(self.seed, "failure", self.episode, self.round + 1)
        answering = rng.random(self.config.nodes) >= self.config.drop_rate
        for node, episode in self.config.leaving:
            answering[node] &= self.episode < episode
        answering[self.holder] = True
        return answering

    def step(self, action: int | np.integer | np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Runs one round; returns (observation, reward, terminated, truncated, info).

        Raises ResetNeeded before the first `reset` and after an episode's end, ValueError on what is no action, and
        UsageError in a process that was forked after TensorFlow had begun to compute.
        """
        refuse_fork()
        if self.over:
            raise gymnasium.error.ResetNeeded("no episode is going on; call reset() before step()")
        if not self.action_space.contains(action):
            raise ValueError(f"action {action!r} is not in {self.action_space}")
        if self.round == 0:
            # Deviation D1: another starter really trains first; the authors' code changes its distance only.
            action = self.starter_action
        elif not self._answering()[np.atleast_1d(action)].all():
            action = self.reach(np.atleast_1d(action).tolist())
        self.round += 1
        chosen = tuple(dict.fromkeys(np.atleast_1d(action).tolist()))

        request = self.request(chosen)
        result = self.nodes.round(request)
        distance, bytes_sent = self.sent(request)
        nodes = (request.leader, *(node for node in request.nodes if node != request.leader))
        self.weights, self.trained = result.model, result.trained

        self.visits[list(nodes)] += 1
        previous_accuracy, self.accuracy = self.accuracy, result.accuracy
        info = self._info(nodes, result)
        info |= {"distance": distance, "bytes_sent": bytes_sent, "previous_accuracy": previous_accuracy}
        self.holder, self._failed = request.leader, ()
        terminated = result.finite and self.accuracy >= self.config.goal
        truncated = not terminated and (self.round >= self.config.round_limit or not result.finite)
        self.over = terminated or truncated
        gained = reward(self.accuracy, distance, self.config)
        self.path += (Stop(nodes, distance, self.accuracy, gained),)
        return result.observation, gained, terminated, truncated, info

    def _info(self, nodes: tuple[int, ...], result: RoundResult) -> dict:
        """Returns the `info` of a round in which `nodes` trained, without distance, bytes and former accuracy."""
        return {
            "round": self.round,
            "node": nodes,
            "visits": self.visits.copy(),
            "previous_node": self.holder,
            "unreachable": self._failed,
            "bytes_moved": result.bytes_moved,
            "gradient_steps": len(nodes) * self.nodes.gradient_steps,
            "accuracy": self.accuracy,
            "loss": float(np.mean(result.losses)),
            "finite": result.finite,
            "seconds": result.seconds,
        }

    def render(self) -> str | np.ndarray | None:
        """Returns the present round as the `render_mode` has it; raises ResetNeeded before the first `reset`."""
        if self.render_mode is None:
            gymnasium.logger.warn('nothing is rendered; make the environment with render_mode="ansi" or "rgb_array"')
            return None
        if self.path is None:
            raise gymnasium.error.ResetNeeded("no episode has begun; call reset() before render()")
        if self.render_mode == "ansi":
            return describe(self.config, self.episode, self.path, self.over)
        return picture(self._scene._replace(title=f"Episode {self.episode}"), self.path, self.over)

    @functools.cached_property
    def _scene(self) -> Scene:
        config, classes = self.config, self.nodes.label_counts().argmax(1).tolist()
        return Scene("", places(self.distances), classes, config.starter, config.goal, config.round_limit)

    def snapshot(self) -> tuple[dict, dict[int, tf.Tensor]]:
        """Returns all that the episode's future depends on, for `restore`; what it holds is never changed."""
        names = ("seed", "episode", "round", "holder", "weights", "trained", "accuracy", "over", "path")
        state = {name: getattr(self, name) for name in names}
        return state | {"visits": self.visits.copy(), "_failed": ()}, dict(self.nodes.optimizer_states)

    def restore(self, snapshot: tuple[dict, dict[int, tf.Tensor]]):
        """Goes back to where `snapshot` was taken, in any episode."""
        state, optimizer_states = snapshot
        for name, value in state.items():
            setattr(self, name, value.copy() if isinstance(value, np.ndarray) else value)
        self.nodes.optimizer_states = dict(optimizer_states)

    def request(self, chosen: tuple[int, ...]) -> RoundRequest:
        """Returns what the nodes do in this round: the chosen ones train the model, and the first averages."""
        return RoundRequest(self.when(), chosen, (self.weights,) * len(chosen), chosen[0])

    def sent(self, request: RoundRequest) -> tuple[float, int]:
        """Returns (distance, bytes) of the models that are sent in this round."""
        distance = distance_travelled(self.distances, self.holder, request.nodes)
        if self.config.failed_attempts == "charged":
            distance += float(sum(self.distances[self.holder, node] for node in self._failed))
        return distance, transfers(self.holder, request.nodes) * self.nodes.model_bytes

    def when(self) -> When:
        """Returns what fixes the present round's random draws: (seed, episode, round)."""
        return self.seed, self.episode, self.round


def distance_matrix(config: Config) -> np.ndarray:
    """Draws the symmetric distances between nodes [nodes, nodes], zero on the diagonal (authors' code).

    With --world seed they follow from --seed and --distance-seed, else from the latter alone.
    """
    if config.world == "seed":
        uniform = generator(config.seed, "distances", config.distance_seed).random((config.nodes, config.nodes))
    else:
        uniform = np.random.RandomState(config.distance_seed).rand(config.nodes, config.nodes)
    uniform *= config.distance_scale
    distances = (uniform + uniform.T) / 2
    np.fill_diagonal(distances, 0)
    return distances


def distance_travelled(distances: np.ndarray, holder: int, chosen: Sequence[int]) -> float:
    """Returns how far the model travels in a round: from its holder to each chosen node, and on to the first of them.

    The first chosen node averages, so the others send it their models.
    """
    # Deviation D2: the authors' code charges only the way to the first chosen node.
    outward = sum(distances[holder, node] for node in chosen)
    return float(outward + sum(distances[node, chosen[0]] for node in chosen[1:]))


def transfers(holder: int, chosen: Sequence[int]) -> int:
    """Returns how often a model is sent in a round: to each chosen node that does not hold it, and on to the first."""
    return sum(node != holder for node in chosen) + len(chosen) - 1


def reward(accuracy: float, distance: float, config: Config) -> float:
    """Returns 32 ** (accuracy - goal) - distance - 1, the last term being the price of a round (authors' code)."""
    return config.reward_base ** (accuracy - config.goal) - distance - 1


gymnasium.register("HomogeneousLearning-v0", f"{__name__}:{HomogeneousLearningEnv.__name__}")
