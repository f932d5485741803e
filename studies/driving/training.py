"""Trains the networks that drive: targets, losses, learning rates, and the loop over the steps of the road.

The learner drives, and each step is a step of regression on what the expert would do (authors' code).
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from settings.random_streams import generator
from studies.driving.agents import ACTIONS, Driver
from studies.driving.world import FREQUENCY, SIZE, Step, World

EPISODE_STEPS = 200  # 40 seconds: a little less than a lap of the racetrack for the expert (ours)
RATE, LOWEST_RATE = 5e-2, 1e-4  # authors' code
MEMORY_BATCH, MEMORY_RATE = 32, 3e-3  # ours; of the rates 0.05, 0.01 and 0.003 the last drove farthest with seed 100
TRAINING_STARTS, STARTS_A_SEED = 10**6, 10**5  # the starts of evaluations have lower numbers
DRAWS = 10  # the kind of "driving" draws that the memory's batches are


@dataclasses.dataclass(frozen=True)
class Way:
    """One way of training.

    Attributes:
        memory: Whether a step learns from MEMORY_BATCH examples drawn from all so far, at a lower rate that settles
            (ours: DAgger, Ross, Gordon and Bagnell, 2011), not from the present one at the authors' rates.
        late: Whether the target is the expert's action for the next observation, as in the authors' code.
        own_loss: Whether the loss is the one of the agent's notebook (OWN), not the squared error.
        own_schedule: Whether the learning rate follows the schedule of that notebook; else it restarts or settles.
    """

    memory: bool = False
    late: bool = False
    own_loss: bool = False
    own_schedule: bool = False


WAYS = {
    "online": Way(),
    "memory": Way(memory=True),
    "memory late": Way(memory=True, late=True),
    "online own-loss": Way(own_loss=True),
    "authors": Way(late=True, own_loss=True, own_schedule=True),
}


def power(step: Step, total: float) -> float:
    """Returns the factor of the two-layer network's error: pi to the power of the reward (source)."""
    return math.pi**step.reward


def size_of_return(step: Step, total: float) -> float:
    """Returns the factor of the pseudo-attention's error: the size of the return so far (source)."""
    return abs(total)


def steps_of_eight(step: int) -> float:
    """Returns the learning rate in step 0, 1, ...: a tenth after every eight steps."""
    return RATE * 0.1 ** (step // 8)


def settling(step: int, steps: int) -> float:
    """Returns the learning rate in step 0, 1, ... of so many: half a cosine from MEMORY_RATE to LOWEST_RATE (ours)."""
    return LOWEST_RATE + (MEMORY_RATE - LOWEST_RATE) * (1 + math.cos(math.pi * step / steps)) / 2


def restarts(step: int) -> float:
    """Returns the learning rate in step 0, 1, ...: a cosine from RATE to LOWEST_RATE over 1, 2, 4, ... steps."""
    cycle = 2 ** ((step + 1).bit_length() - 1)
    share = (step + 1 - cycle) / cycle
    return LOWEST_RATE + (RATE - LOWEST_RATE) * (1 + math.cos(math.pi * share)) / 2


# The factor of the squared error, and the schedule, of each network's notebook. What the notebooks add to the error has
# no gradient; that of `add-norm` only adds.
OWN: dict[str, tuple[Callable[[Step, float], float], Callable[[int], float]]] = {
    "mlp": (power, steps_of_eight),
    "pseudo-attention": (size_of_return, restarts),
}


def target(world: World, before: np.ndarray, late: bool) -> np.ndarray:
    """Returns the expert's action [2]: `before`, which belongs to the observation, or the one for the next (`late`)."""
    return world.expert() if late else before


def learning_rate(name: str, way: Way, step: int, steps: int) -> float:
    """Returns the learning rate of a network in step 0, 1, ... of so many."""
    if way.own_schedule:
        return OWN[name][1](step)
    return settling(step, steps) if way.memory else restarts(step)


def lowest_steps(steps: int) -> int:
    """Returns how many of the steps there are to the last one before `restarts` restarts, when its rate is lowest."""
    return 2 ** ((steps + 1).bit_length() - 1) - 1


def train(name: str, way: Way, world: World, seed: int, steps: int) -> tuple[Driver, list[dict]]:
    """Trains a network for so many steps of the road; returns it with a row for every episode.

    Where the learning rate restarts, the network is as it was when the rate was lowest for the last time.
    """
    driver, errors, kept = Driver.of(name, seed), [], None
    observations = np.zeros((steps if way.memory else 1, SIZE), np.float32)
    targets = np.zeros((len(observations), ACTIONS), np.float32)
    until = steps if way.memory or way.own_schedule else lowest_steps(steps)

    def act(observation: np.ndarray, step: int) -> np.ndarray:
        return driver.act(observation, step, noise=True)

    def learn(number: int, observation: np.ndarray, before: np.ndarray, after: Step, total: float):
        nonlocal kept
        row = number if way.memory else 0
        observations[row], targets[row] = observation, target(world, before, way.late)
        drawn = [row]
        if way.memory:
            drawn = generator(seed, "driving", DRAWS, number).integers(number + 1, size=MEMORY_BATCH)
        factor = OWN[name][0](after, total) if way.own_loss else 1.0
        rate = learning_rate(name, way, number, steps)
        errors.append(driver.learn(observations[drawn], targets[drawn], number, rate, factor))
        if number + 1 == until:
            kept = driver.weights()

    rows = drive_and_learn(world, seed, steps, act, learn)
    driver.set_weights(kept)
    for row in rows:
        row["loss"] = float(np.mean(errors[row["step"] - row["length"] : row["step"]]))
    return driver, rows


def drive_and_learn(
    world: World,
    seed: int,
    steps: int,
    act: Callable[[np.ndarray, int], np.ndarray],
    learn: Callable[[int, np.ndarray, np.ndarray, Step, float], None],
) -> list[dict]:
    """Drives for so many steps from the training starts of a seed, and learns after each.

    Args:
        world: The road.
        seed: Decides the starts.
        steps: Steps of the road, over all episodes.
        act: Takes an observation and the number of the step, and returns an action [2].
        learn: Takes the number of the step, the observation, the expert's action for it, what came of it, and the
            return of the episode so far.

    Returns:
        A row for each episode, the last one being cut.
    """
    rows, number = [], 0
    while number < steps:
        observation, episode = world.reset(TRAINING_STARTS + STARTS_A_SEED * seed + len(rows)), Episode()
        while number < steps and not episode.ended:
            before = world.expert()
            action = act(observation, number)
            after = world.step(action)
            episode.add(action, before, after)
            learn(number, observation, before, after, episode.total)
            observation, number = after.observation, number + 1
        rows.append({"step": number} | episode.row())
    return rows


class Episode:
    """Sums up the steps of one episode."""

    def __init__(self):
        self.total = self.distance = self.package_return = self.error = 0.0
        self.length, self.last = 0, None

    def add(self, action: np.ndarray, expert: np.ndarray, step: Step):
        """Takes in one step, in which the expert would have done `expert` [2]."""
        self.total += step.reward
        self.distance += step.distance
        self.package_return += step.package_reward
        self.error += float(np.mean((np.clip(action, -1, 1) - expert) ** 2))
        self.length, self.last = self.length + 1, step

    @property
    def ended(self) -> bool:
        """Tells whether the car failed or the time is over."""
        return self.length == EPISODE_STEPS or (self.last is not None and self.last.failed)

    def row(self) -> dict:
        """Returns what the tables need; speed [m/s] is the mean, error the mean squared one to the expert."""
        seconds = self.length / FREQUENCY
        return {
            "length": self.length,
            "return": self.total,
            "distance": self.distance,
            "speed": self.distance / seconds,
            "crashed": int(self.last.crashed),
            "off_road": int(self.last.off_road),
            "error": self.error / self.length,
            "package_return": self.package_return,
        }


def evaluate(
    world: World, act: Callable[[np.ndarray, int], np.ndarray], starts: range, watch: Callable[[], None] = lambda: None
) -> list[dict]:
    """Drives once from each of the held-out starts; returns a row for each.

    Calls `watch()` before every step and at the end.
    """
    rows = []
    for start in starts:
        observation, episode = world.reset(start), Episode()
        while not episode.ended:
            watch()
            action, expert = act(observation, episode.length), world.expert()
            after = world.step(action)
            episode.add(action, expert, after)
            observation = after.observation
        watch()
        rows.append({"start": start} | episode.row())
    return rows
