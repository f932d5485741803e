"""What happens in a round: the chosen node trains the travelling model, everyone learns how good it became."""

import dataclasses
import math
import time

import gymnasium
import numpy as np
import tensorflow as tf

from config import Config, generator
from data import CLASSES, Dataset, normalise, partition
from models import local_foundation_model
from observation import model_scores, observe, pca_observation, size


@dataclasses.dataclass(frozen=True)
class Seconds:
    """How long a round took; two rounds in which the same happened are equal however long they took."""

    train: float = dataclasses.field(compare=False)
    evaluate: float = dataclasses.field(compare=False)


@dataclasses.dataclass(frozen=True)
class Work:
    """What a round's training came to: nodes that trained (the first holds the model now), their mean losses, the
    distance and the bytes that models travelled, gradient steps, and for the agent each node's change of weights
    [k, P]."""

    nodes: tuple
    losses: tuple
    distance: float
    bytes_sent: int
    gradient_steps: int
    deltas: np.ndarray | None = None


class HomogeneousLearningEnv(gymnasium.Env):
    """The decentralized training of one model as a Gymnasium environment; one episode is one whole training.

    Action: the node that trains next (Discrete), or with `nodes_per_round` > 1 the nodes (MultiDiscrete; one named
    twice trains once). In round 1 the starter trains alone, whatever the action (authors' code).
    Observation: by default `nodes * pca_components` numbers, see observation.py. Reward: `reward`.
    `terminated` at the goal accuracy, `truncated` at the round limit.
    `info`: round, node (tuple of those that trained), visits (how often each node trained in this episode),
    previous_node, unreachable (tuple of the nodes that were asked in vain), distance, bytes_sent, gradient_steps,
    accuracy, previous_accuracy, loss, finite, seconds (a Seconds); after `reset` only episode, round, node (who holds
    the model) and visits.
    A round whose weights are not finite truncates the episode; `round_inputs` says what it started from.

    Everything random follows from (seed, episode): `reset(seed=s)` begins with episode 1 of seed s, `reset()` goes on
    to the next episode, `options={"episode": e}` chooses one. Without a seed the configuration's is used.
    """

    metadata = {"render_modes": []}  # noqa: RUF012, Gymnasium's own form

    def __init__(self, config: Config, dataset: Dataset):
        self.config = config
        self.distances = distance_matrix(config)
        self.partition = partition(dataset.y_train, config)
        self.held, rows = np.unique(self.partition, return_inverse=True)  # positions in the file that some node holds
        self._rows = rows.reshape(self.partition.shape).astype(np.int32)  # the partition as positions in `held`
        self._train_images = tf.constant(normalise(dataset.x_train[self.held]))
        self._train_labels = tf.constant(dataset.y_train[self.held].astype(np.int64))
        self.test_images = tf.constant(normalise(dataset.x_test))
        self._test_labels = tf.constant(dataset.y_test.astype(np.int64))
        self.model = local_foundation_model(config)
        batches = math.ceil(config.samples_per_node / config.batch_size)
        self.gradient_steps = config.local_epochs * batches  # of one node in one round
        self.model_bytes = 4 * self.model.size  # float32
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size(config),), np.float32)
        self.action_space = gymnasium.spaces.Discrete(config.nodes)
        self.starter_action = config.starter
        if config.nodes_per_round > 1:
            self.action_space = gymnasium.spaces.MultiDiscrete([config.nodes] * config.nodes_per_round)
            self.starter_action = np.full(config.nodes_per_round, config.starter)
        self.seed, self.episode = config.seed, 0

    def reset(self, *, seed=None, options=None):
        """Starts an episode with fresh weights, which all nodes hold; returns (observation, info)."""
        super().reset(seed=seed)
        if seed is not None:
            self.seed, self.episode = seed, 0
        self.episode = (options or {}).get("episode", self.episode + 1)
        self.round = 0
        self.holder = self.config.starter  # the node that holds the current model
        self.weights = self.model.initial_weights(generator(self.seed, "weights", self.episode))
        self._optimizer_states = {}  # node: its own Adam moments and step count, kept for the whole episode (authors)
        self.visits = np.zeros(self.config.nodes, int)
        self._failed = ()  # the nodes that were asked in vain for the coming round
        self.accuracy = 0.0  # of the current model, fresh weights counting as 0
        self.node_weights = {}  # node: the weights it had after its last training, in this episode
        self._fresh_weights = self.weights
        info = {"episode": self.episode, "round": 0, "node": (self.holder,), "visits": self.visits.copy()}
        return self.observe(), info

    def reach(self, ranking):
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

    def _answering(self):
        """Draws which nodes can be reached in the coming round [nodes] bool; the model's holder always can."""
        rng = generator(self.seed, "failure", self.episode, self.round + 1)
        answering = rng.random(self.config.nodes) >= self.config.drop_rate
        for node, episode in self.config.departures().items():
            answering[node] &= self.episode < episode
        answering[self.holder] = True
        return answering

    def step(self, action):
        """Runs one round; returns (observation, reward, terminated, truncated, info)."""
        if not self.action_space.contains(action):
            raise ValueError(f"action {action!r} is not in {self.action_space}")
        if not self._answering()[np.atleast_1d(action)].all():
            action = self.reach(np.atleast_1d(action).tolist())
        self.round += 1
        # Deviation D1: with another starter that node really trains first; the authors' code changes its distance only.
        chosen = (self.config.starter,) if self.round == 1 else tuple(dict.fromkeys(np.atleast_1d(action).tolist()))

        before = self.weights, dict(self._optimizer_states)
        started = time.perf_counter()
        work = self.train(chosen)
        between = time.perf_counter()
        accuracy = self.count_correct(self.model) / len(self._test_labels)
        ended = time.perf_counter()

        self.visits[list(work.nodes)] += 1
        previous_accuracy, self.accuracy = self.accuracy, accuracy
        info = {
            "round": self.round,
            "node": work.nodes,
            "visits": self.visits.copy(),
            "previous_node": self.holder,
            "unreachable": self._failed,
            "distance": work.distance,
            "bytes_sent": work.bytes_sent,
            "gradient_steps": work.gradient_steps,
            "accuracy": accuracy,
            "previous_accuracy": previous_accuracy,
            "loss": float(np.mean(work.losses)),
            "finite": bool(np.isfinite(self.weights.numpy()).all()),
            "seconds": Seconds(between - started, ended - between),
        }
        self.holder, self._failed = work.nodes[0], ()
        terminated = info["finite"] and accuracy >= self.config.goal
        truncated = not terminated and (self.round >= self.config.round_limit or not info["finite"])
        if not info["finite"]:
            self.round_inputs = self._inputs(work.nodes, *before)
        gained = reward(accuracy, work.distance, self.config)
        return self.observe(work), gained, terminated, truncated, info

    def snapshot(self):
        """Returns all that the episode's future depends on, for `restore`; what it holds is never changed."""
        state = {name: getattr(self, name) for name in ("seed", "episode", "round", "holder", "weights", "accuracy")}
        copies = {name: getattr(self, name).copy() for name in ("visits", "_optimizer_states", "node_weights")}
        return state | copies | {"_failed": (), "_fresh_weights": self._fresh_weights}

    def restore(self, snapshot):
        """Goes back to where `snapshot` was taken, in any episode."""
        for name, value in snapshot.items():
            setattr(self, name, value.copy() if isinstance(value, dict | np.ndarray) else value)

    def train(self, chosen):
        """Lets the chosen nodes train the current model, which their mean replaces; returns the Work done."""
        trained, losses = zip(*(self._train(node, self.weights) for node in chosen), strict=True)
        deltas = np.stack([(weights - self.weights).numpy() for weights in trained])
        self.node_weights |= dict(zip(chosen, trained, strict=True))
        self.weights = trained[0] if len(trained) == 1 else tf.reduce_mean(tf.stack(trained), 0)
        distance = distance_travelled(self.distances, self.holder, chosen)
        if self.config.failed_attempts == "charged":
            distance += float(sum(self.distances[self.holder, node] for node in self._failed))
        sent = transfers(self.holder, chosen) * self.model_bytes
        return Work(chosen, losses, distance, sent, len(chosen) * self.gradient_steps, deltas)

    def observe(self, work=None):
        """Returns what the agent sees after a round's Work, or at an episode's start."""
        config, scores = self.config, {}
        parts = config.observation_parts()
        if "pca" in parts:
            scores["pca"] = np.zeros((config.nodes, config.pca_components))
            if work:
                deltas = np.nan_to_num(work.deltas, posinf=0, neginf=0)
                scores["pca"] = pca_observation(deltas, work.nodes, config.nodes, config.pca_components)
        if "node-models" in parts:
            models = [weights.numpy().astype(float) for weights in (*self.node_weights.values(), self._fresh_weights)]
            models = np.nan_to_num(np.stack(models) - models[-1], posinf=0, neginf=0)
            scores["node-models"] = model_scores(models, [*self.node_weights], config.nodes, config.pca_components)
        distances = self.distances[self.holder]
        return observe(config, scores, self.holder, self.visits, distances, self.round, self.accuracy)

    def _optimizer_state(self, node):
        """Returns the optimizer state [S] that `node` kept, a fresh one before its first round."""
        return self._optimizer_states.get(node, self.model.initial_state())

    def _inputs(self, chosen, weights, states):
        """Returns what the present round started from, as a dict of arrays; images are positions in the file."""
        inputs = {"episode": self.episode, "round": self.round, "node": chosen, "weights": weights.numpy()}
        states = {node: states.get(node, self.model.initial_state()) for node in chosen}
        inputs |= {f"optimizer_state_{node}": state.numpy() for node, state in states.items()}
        return inputs | {f"images_{node}": self.held[self.image_order(node)] for node in chosen}

    def _train(self, node, weights):
        """Lets `node` train the model of `weights` on its own images; returns (new weights [P], mean loss)."""
        return self._train_on(node, weights, self.image_order(node))

    def _train_on(self, node, weights, order):
        """Lets `node` train on the images of `order` [epochs, images]; returns (new weights [P], mean loss)."""
        weights, state, loss = self.model.train(
            weights,
            self._optimizer_state(node),
            self._train_images,
            self._train_labels,
            order,
            self.config.batch_size,
        )
        self._optimizer_states[node] = state
        return weights, float(loss)

    def image_order(self, node):
        """Draws the order in which `node` sees its images this round: positions [epochs, samples] int32."""
        rng = generator(self.seed, "order", self.episode, self.round, node)
        return np.stack([rng.permutation(self._rows[node]) for _ in range(self.config.local_epochs)])

    def count_correct(self, model):
        """Returns how many test images `model`, a VectorModel, classifies correctly with the current weights."""
        batch = self.config.evaluation_batch
        return int(model.count_correct(self.weights, self.test_images, self._test_labels, batch))

    def label_counts(self):
        """Returns how many images of each class every node holds [nodes, 10]."""
        labels = self._train_labels.numpy()[self._rows]
        return np.stack([np.bincount(row, minlength=CLASSES) for row in labels])

    def node_models(self, repeats):
        """Lets every node train one common fresh model, `repeats` times; returns (weights [n, P], nodes [n]).

        For the picture of how far apart the nodes' models end up. Call `reset` afterwards.
        """
        trained, nodes = [], []
        for repeat in range(1, repeats + 1):
            self.reset(seed=self.config.seed)
            self.round = repeat  # which makes the order of the images another one
            for node in range(self.config.nodes):
                trained.append(self._train(node, self.weights)[0].numpy())
                nodes.append(node)
        return np.stack(trained), np.array(nodes)


def distance_matrix(config):
    """Draws the symmetric distances between nodes [nodes, nodes], zero on the diagonal (authors' code)."""
    uniform = np.random.RandomState(config.distance_seed).rand(config.nodes, config.nodes) * config.distance_scale
    distances = (uniform + uniform.T) / 2
    np.fill_diagonal(distances, 0)
    return distances


def distance_travelled(distances, holder, chosen):
    """Returns how far the model travels in a round: from its holder to each chosen node, and on to the first of them.

    The first chosen node averages, so the others send it their models.
    """
    # Deviation D2: the authors' code charges only the way to the first chosen node.
    outward = sum(distances[holder, node] for node in chosen)
    return float(outward + sum(distances[node, chosen[0]] for node in chosen[1:]))


def transfers(holder, chosen):
    """Returns how often a model is sent in a round: to each chosen node that does not hold it, and on to the first."""
    return sum(node != holder for node in chosen) + len(chosen) - 1


def reward(accuracy, distance, config):
    """Returns 32 ** (accuracy - goal) - distance - 1, the last term being the price of a round (authors' code)."""
    return config.reward_base ** (accuracy - config.goal) - distance - 1
