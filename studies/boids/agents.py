"""Lists the agents of the comparison, trains them, and lets them steer."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from models import VectorModel
from runs.folder import write_arrays
from runs.packed import readable
from settings.errors import UsageError
from settings.random_streams import generator, layer_seed
from studies.boids import dqn
from studies.boids.forces import STRONGEST, no_force, raw_inputs, relative_inputs, reynolds, reynolds_forces, with_seen
from studies.boids.networks import IMITATION, ZERO, force_model
from studies.boids.world import OURS, Flock, Rules, Steer, View, fly, perceive, start

TRAINING, HELD_OUT, EXPLORATION, NOISE = range(4)  # what the random numbers of the simulation are for
ROWS = 3_000  # boids of the held-out flight whose forces are compared


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large everything is: of the flights from held-out starts, of the training, and of the objective `zero`."""

    boids: int = 150  # the authors' number with linear networks
    worlds: int = 4  # held-out starts a seed
    steps: int = 600
    every: int = 10  # steps between measurements
    training_flights: int = 4
    training_steps: int = 100
    epochs: int = 10  # over all boids and steps of these flights
    lesson: int = 10  # steps between lessons of the DQN
    zero_epochs: int = 400  # the authors' number


FULL = Sizes()
QUICK = Sizes(worlds=1, steps=120, training_flights=1, training_steps=40, epochs=4, zero_epochs=20)
SIZES = {"": FULL, "quick": QUICK}


@dataclasses.dataclass(frozen=True)
class Agent:
    """What steers the boids: networks with an objective, the DQN, or rules; and the world's rules where not ours.

    An agent with `trained_as` flies with that one's weights. The objective `zero` is trained with as many `boids` and
    `epochs`, where these are not 0. A `noisy` agent mutates its maps in flight too (authors).
    """

    network: str = ""
    objective: str = ""
    steer: Steer | None = None
    rules: Rules = OURS
    boids: int = 0
    epochs: int = 0
    noisy: bool = False
    trained_as: str = ""


AGENTS = {
    "no-force": Agent(steer=no_force),
    "reynolds": Agent(steer=reynolds),
    "imitation-linear": Agent("linear", IMITATION),
    "imitation-plain-27": Agent("plain-27", IMITATION),
    "imitation-pseudo-attention": Agent("pseudo-attention", IMITATION),
    "imitation-plain-69": Agent("plain-69", IMITATION),
    "imitation-pseudo-attention-8": Agent("pseudo-attention-8", IMITATION),
    "imitation-plain-636": Agent("plain-636", IMITATION),
    "imitation-normalised-627": Agent("normalised-627", IMITATION),
    "dqn": Agent("dqn"),
    "zero-linear": Agent("linear", ZERO),
    "zero-plain-27": Agent("plain-27", ZERO),
    "zero-pseudo-attention": Agent("pseudo-attention", ZERO, epochs=40),
    "zero-plain-69": Agent("plain-69", ZERO, epochs=40),
    "zero-pseudo-attention-short": Agent("pseudo-attention", ZERO, boids=40, epochs=4),  # as the authors train theirs
    "reynolds-one-by-one": Agent(steer=reynolds, rules=Rules(one_by_one=True)),
    "reynolds-torus": Agent(steer=reynolds, rules=Rules(torus=True)),
    "imitation-pseudo-attention-8-noisy": Agent(
        "pseudo-attention-8", IMITATION, noisy=True, trained_as="imitation-pseudo-attention-8"
    ),
}
OF_QUICK = ("no-force", "reynolds", "imitation-linear", "imitation-pseudo-attention", "imitation-plain-69", "dqn")
OF_QUICK += ("zero-linear",)


def starts(seed: int, kind: int, worlds: int, boids: int) -> list[Flock]:
    """Returns starts of one world each: of a kind, TRAINING or HELD_OUT, the same for all agents of a seed."""
    return [start(generator(seed, "boids", kind, number), 1, boids) for number in range(worlds)]


def weights_path(folder: Path, name: str, seed: int) -> Path:
    """Returns the file of an agent's weights, which do not belong into git."""
    return folder / "agents" / f"{name}-seed{seed}.npz"


def train(name: str, seed: int, sizes: Sizes, folder: Path) -> list[dict[str, float]]:
    """Trains an agent and writes its weights; returns a row for every epoch or lesson."""
    agent = AGENTS[name]
    if agent.network == "dqn":
        begun, steps = starts(seed, TRAINING, sizes.training_flights, sizes.boids), sizes.training_steps
        lessons = sizes.training_flights * steps // sizes.lesson
        examples = sizes.training_flights * steps * sizes.boids
        updates = sizes.epochs * examples // (dqn.MINIBATCH * lessons)  # as many as an imitation's gradient steps
        learned, rows = dqn.train(seed, begun, steps, sizes.lesson, updates, generator(seed, "boids", EXPLORATION))
        weights = learned.weights
    elif agent.objective == IMITATION:
        weights, rows = imitate(agent.network, seed, sizes)
    else:
        weights, rows = towards_zero(agent, seed, sizes)
    path = weights_path(folder, name, seed)
    path.parent.mkdir(exist_ok=True)
    write_arrays(path, {"weights": weights.numpy()})
    return rows


def towards_zero(agent: Agent, seed: int, sizes: Sizes) -> tuple[tf.Tensor, list[dict[str, float]]]:
    """Trains as the authors do: positions stay, and one step a boid and epoch brings its sum of forces towards zero."""
    boids = agent.boids or sizes.boids
    model = force_model(agent.network, ZERO, boids)
    flock = start(generator(seed, "boids", TRAINING, 0), 1, boids)
    inputs, labels = with_seen(raw_inputs, perceive(flock)), np.zeros((boids, 6), np.float32)
    return _train(model, seed, inputs, labels, min(agent.epochs or sizes.zero_epochs, sizes.zero_epochs), 1)


def imitate(network: str, seed: int, sizes: Sizes) -> tuple[tf.Tensor, list[dict[str, float]]]:
    """Trains to give Reynolds' three forces in his flights from training starts.

    The rows have the `error` in a held-out flight, as a share of the forces' mean square.
    """
    inputs, labels = seen_and_forces(starts(seed, TRAINING, sizes.training_flights, sizes.boids), sizes.training_steps)
    held_out = seen_and_forces(starts(seed, HELD_OUT, 1, sizes.boids), sizes.training_steps)
    chosen = np.linspace(0, len(held_out[0]) - 1, ROWS).astype(int)
    shown = [array[chosen] for array in held_out]
    return _train(force_model(network, IMITATION), seed, inputs, labels, sizes.epochs, dqn.MINIBATCH, shown)


def seen_and_forces(begun: list[Flock], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns what boids that fly by Reynolds' rules see, [n, 15], and their forces in units of STRONGEST, [n, 6]."""
    views = [perceive(flock) for one in begun for flock in fly(one, reynolds, steps - 1)]
    forces = np.concatenate([reynolds_forces(view).reshape(-1, 6) for view in views])
    return np.concatenate([with_seen(relative_inputs, view) for view in views]), np.float32(forces / STRONGEST)


def _train(
    model: VectorModel,
    seed: int,
    inputs: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    batch_size: int,
    held_out: list[np.ndarray] | None = None,
) -> tuple[tf.Tensor, list[dict[str, float]]]:
    """Trains a VectorModel; the order is that of the boids where batches are of one, else a random one."""
    weights, state, rows = model.initial_weights(generator(seed, "weights")), model.initial_state(), []
    for epoch in range(1, epochs + 1):
        order = np.arange(len(inputs)) if batch_size == 1 else generator(seed, "order", epoch).permutation(len(inputs))
        draws = layer_seed(seed, "draws", epoch)
        weights, state, loss = model.train(
            weights, state, inputs, labels, order[np.newaxis].astype(np.int32), batch_size, draws
        )
        rows.append({"epoch": epoch, "loss": float(loss)})
        if held_out:
            forces = model.predict(weights, held_out[0]).numpy()
            rows[-1]["error"] = ((forces - held_out[1]) ** 2).mean() / (held_out[1] ** 2).mean()
    return weights, rows


def steering(name: str, seed: int, folder: Path) -> Steer:
    """Returns how an agent steers, with its trained weights; raises UsageError where these are missing."""
    agent = AGENTS[name]
    if agent.steer:
        return agent.steer
    path = weights_path(folder, agent.trained_as or name, seed)
    if not path.exists():
        raise UsageError(f"{path} is missing, as after packing; choose another --out, where the agent is trained anew")
    with readable(path), np.load(path) as arrays:
        weights = tf.constant(arrays["weights"])
    if agent.network == "dqn":
        learned = dqn.discrete_agent(seed, len(dqn.ACTIONS), dqn.OBSERVATION_SIZE)
        learned.weights = weights
        return dqn.steering(learned)
    model = force_model(agent.network, agent.objective)
    if agent.noisy:
        compute = _noisy(model, weights, seed)
    else:

        def compute(inputs: np.ndarray) -> np.ndarray:
            return model.predict(weights, inputs).numpy()

    inputs, unit = (relative_inputs, STRONGEST) if agent.objective == IMITATION else (raw_inputs, 1)

    def steer(view: View) -> np.ndarray:
        forces = compute(with_seen(inputs, view)).astype(float)
        return unit * forces.reshape(*view.velocity.shape[:2], 3, 2).sum(axis=2)

    return steer


def _noisy(model: VectorModel, weights: tf.Tensor, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a model's outputs with its noise, other draws in every call."""
    model.predict(weights, np.zeros((1, 15), np.float32))  # puts the weights into the network
    model.learner.draws.state.assign(layer_seed(seed, "boids", NOISE))
    call = tf.function(lambda inputs: model.network(inputs, training=True))
    return lambda inputs: call(tf.constant(inputs)).numpy()
