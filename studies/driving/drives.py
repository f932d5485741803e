"""Measures the units of the study: one driver, trained in one way on one road, driven from held-out starts."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from runs.folder import write_arrays
from settings.random_streams import generator
from studies.driving.agents import ACTIONS, NAMES
from studies.driving.training import WAYS, drive_and_learn, evaluate, train
from studies.driving.world import SIZE, Step, World
from studies.simulations.dqn import choose, discrete_agent, remember
from studies.units import Unit

BOUNDS = ("expert", "random", "idle")
DQN = "dqn"
STEPS, QUICK_STEPS = 10_000, 400  # of the road, in every training
STARTS = 20  # a seed, in the evaluation
OTHER_WAYS = ("memory late", "online own-loss", "authors")
STEERING = (-0.4, -0.2, 0.0, 0.2, 0.4)  # the sharpest bend needs 0.4
THROTTLE = (-0.5, 0.0, 0.5)
GRID = np.array([(steering, throttle) for steering in STEERING for throttle in THROTTLE])
LESSON = 100  # steps of the road between the DQN agent's lessons
# As many gradient steps as steps of the road, as for the others; about as many weights as the two-layer network.
DQN_SETTINGS = {
    "agent_hidden_units": (16, 8),
    "minibatch": 64,
    "agent_batch_size": 32,
    "updates": LESSON // 2,
    "discount": 0.95,
    "epsilon": 0.3,  # with more, hardly any episode outlasts the first bend
    "epsilon_end": 0.05,
}
EXPLORATION, RANDOM_DRIVER = 11, 12  # kinds of "driving" draws
DRIVES = "drives"  # folder of the positions that animations show
Act = Callable[[np.ndarray, int], np.ndarray]


@functools.cache
def world(road: str) -> World:
    """Builds the World of a road, one a process; raises UsageError where highway-env is not installed."""
    return World(road)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drive(Unit):
    """A driver's training and evaluation; its rows are episodes, of the phases "training", "evaluation" and "noise".

    `way` is one of training.WAYS for a network, and empty for others; `steps` are those of the training.
    """

    part = "drive"
    road: str
    agent: str
    way: str = ""
    steps: int = 0
    starts: int = STARTS

    @property
    def cost(self) -> float:
        """Returns about how many steps it takes, those of the highway taking longer."""
        return (2 * self.steps + 100 * self.starts) * (2 if self.road == "highway" else 1)

    def measure(self, folder: Path) -> list[dict]:
        """Trains and evaluates; the first drive is kept for the animation."""
        place = world(self.road)
        if self.agent in BOUNDS:
            act, noisy, rows = bound(self.agent, place, self.seed), None, []
        elif self.agent == DQN:
            act, rows = q_learn(place, self.seed, self.steps)
            noisy = None
        else:
            driver, rows = train(self.agent, WAYS[self.way], place, self.seed, self.steps)
            act = driver.act
            noisy = functools.partial(driver.act, noise=True) if self.agent != "plain" else None
        starts, track = range(1000 * self.seed, 1000 * self.seed + self.starts), []
        phases = {"training": rows, "evaluation": evaluate(place, act, starts, lambda: track.append(place.positions()))}
        first = track[: phases["evaluation"][0]["length"] + 1]
        (folder / DRIVES).mkdir(parents=True, exist_ok=True)
        write_arrays(self.drive(folder), {"positions": np.array(first, np.float32)})
        if noisy:
            phases["noise"] = evaluate(place, noisy, starts)
        return [{"phase": phase, **row} for phase, found in phases.items() for row in found]

    def drive(self, folder: Path) -> Path:
        """Returns the file of its first drive: `positions` [steps + 1, vehicles, 3] as World.positions has them."""
        return folder / DRIVES / f"{self.name()}.npz"


def bound(name: str, place: World, seed: int) -> Act:
    """Returns how a driver that does not learn acts: the expert, at random, or not at all."""

    def act(observation: np.ndarray, step: int) -> np.ndarray:
        if name == "expert":
            return place.expert()
        if name == "idle":
            return np.zeros(ACTIONS)
        # The draws of a step are the same in every episode of a seed.
        return generator(seed, "driving", RANDOM_DRIVER, step).uniform(-1, 1, ACTIONS)

    return act


def q_learn(place: World, seed: int, steps: int) -> tuple[Act, list[dict]]:
    """Trains the suite's DQN agent on the GRID; returns how it acts greedily, and a row for every training episode.

    It learns from rewards and never sees the expert. Epsilon falls to its lowest in half of the lessons.
    """
    lessons = max(1, steps // LESSON)
    decay = math.log(DQN_SETTINGS["epsilon"] / DQN_SETTINGS["epsilon_end"]) / (lessons / 2)
    settings = DQN_SETTINGS | {"epsilon_decay": decay, "replay_size": max(steps, DQN_SETTINGS["minibatch"])}
    agent, losses, taken = discrete_agent(seed, len(GRID), SIZE, **settings), [], np.zeros(1, int)

    def act(observation: np.ndarray, step: int) -> np.ndarray:
        rng = generator(seed, "driving", EXPLORATION, step)
        taken[:] = choose(agent, observation[np.newaxis], rng)
        return GRID[taken[0]]

    def learn(number: int, observation: np.ndarray, before: np.ndarray, after: Step, total: float):
        reward, failed = np.array([after.reward]), np.array([after.failed])
        remember(agent, observation[np.newaxis], taken.copy(), reward, after.observation[np.newaxis], failed)
        if (number + 1) % LESSON == 0:
            losses.append(agent.learn(generator(seed, "replay", number), number))

    rows = drive_and_learn(place, seed, steps, act, learn)
    for row in rows:
        row["loss"] = losses[row["step"] // LESSON - 1] if row["step"] >= LESSON else math.nan
    return lambda observation, step: GRID[choose(agent, observation[np.newaxis])[0]], rows


def units(seeds: list[int], quick: bool) -> list[Drive]:
    """Returns the units in the order of measurement: the main comparison of all seeds, then the smaller ones."""
    sizes = {"steps": QUICK_STEPS if quick else STEPS, "starts": 2 if quick else STARTS}

    def drives(road: str, networks: Sequence[str], ways: Sequence[str]) -> list[Drive]:
        of_networks = [{"agent": name, "way": way, "steps": sizes["steps"]} for way in ways for name in networks]
        others = [{"agent": DQN, "steps": sizes["steps"]}, *({"agent": name} for name in BOUNDS)]
        chosen = of_networks + others * ("memory" in ways)
        return [Drive(road=road, seed=seed, starts=sizes["starts"], **one) for seed in seeds for one in chosen]

    main = drives("racetrack", NAMES, ("memory", "online"))
    few = ("mlp", "pseudo-attention")
    smaller = drives("racetrack", few, OTHER_WAYS) + drives("highway", ("pseudo-attention", "plain"), ("memory",))
    return main if quick else main + smaller
