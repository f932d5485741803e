"""Trains the suite's DQN agent to steer boids: one agent, shared by all of them (ours; the authors' is no DQN)."""

import numpy as np

from node import DQNAgent
from studies.boids.forces import relative_inputs
from studies.boids.measures import CONTACT, directions
from studies.boids.world import RADIUS, Flock, Steer, View, accelerated, offsets, perceive, squared_distances
from studies.simulations.dqn import choose, discrete_agent, remember

ACCELERATION = 0.3  # px a step ** 2, about the sum of Reynolds' three forces at their strongest
_turns = np.arange(8) * np.pi / 4
# No acceleration, and one in each of eight directions.
ACTIONS = ACCELERATION * np.vstack([np.zeros((1, 2)), np.column_stack([np.cos(_turns), np.sin(_turns)])])
OBSERVED = [0, 1, 2, 3, 6, 7, 10, 11]  # of the networks' inputs: what is not there twice
OBSERVATION_SIZE = len(OBSERVED) + 2
MINIBATCH, DISCOUNT = 60, 0.9
TOO_NEAR, PRICE = 2 * CONTACT, 1.0  # px; what it costs to be nearer to another boid


def observe(view: View) -> np.ndarray:
    """Returns observations [worlds * boids, 10] float32: what our networks see, and whether there are neighbours."""
    numbers = np.concatenate([relative_inputs(view)[..., OBSERVED], view.seen], axis=-1)
    return numbers.reshape(-1, OBSERVATION_SIZE).astype(np.float32)


def rewards(flock: Flock) -> np.ndarray:
    """Returns the reward of each boid [worlds, boids]: the polarisation around it, less PRICE if TOO_NEAR another.

    The polarisation is the length of the mean direction of the boid and its neighbours; without one the reward is 0.
    """
    squares = squared_distances(offsets(flock.positions))
    around, own = (squares < RADIUS**2).astype(float), directions(flock.velocities)
    counts = around.sum(-1)
    order = np.linalg.norm(own + around @ own, axis=-1) / (counts + 1)
    return np.where(counts > 0, order, 0) - PRICE * (squares.min(-1) < TOO_NEAR**2)


def steering(agent: DQNAgent, rng: np.random.Generator | None = None) -> Steer:
    """Returns how an agent steers: greedily, or with an `rng` exploring."""

    def steer(view: View) -> np.ndarray:
        return ACTIONS[choose(agent, observe(view), rng)].reshape(view.velocity.shape)

    return steer


def train(
    seed: int, starts: list[Flock], steps: int, lesson: int, updates: int, rng: np.random.Generator
) -> tuple[DQNAgent, list[dict[str, float]]]:
    """Trains an agent in flights of `steps` steps from `starts`, with `updates` minibatches after every `lesson` steps.

    Returns it with a row for every lesson: epoch (its number), loss, and the mean reward of a boid and step.
    """
    lessons = len(starts) * steps // lesson
    agent = discrete_agent(
        seed,
        len(ACTIONS),
        OBSERVATION_SIZE,
        minibatch=MINIBATCH,
        agent_batch_size=MINIBATCH,
        updates=updates,
        discount=DISCOUNT,
        replay_size=len(starts) * steps * starts[0].positions.shape[1],
        epsilon_decay=3 / lessons,  # to 0.05 in the last one
    )
    rows, gained = [], []
    for flock in starts:
        seen = observe(perceive(flock))
        for number in range(1, steps + 1):
            actions = choose(agent, seen, rng)
            flock = accelerated(flock, ACTIONS[actions].reshape(flock.velocities.shape))
            then, reward = observe(perceive(flock)), rewards(flock).ravel()
            remember(agent, seen, actions, reward, then, np.zeros(len(reward), bool))  # flights have no end
            seen = then
            gained.append(reward.mean())
            if number % lesson == 0:
                loss = agent.learn(rng, len(rows) + 1)
                rows.append({"epoch": len(rows) + 1, "loss": loss, "reward": np.mean(gained)})
                gained = []
    return agent, rows
