"""Measures the units of the study of boids: trainings, flights, winds, and a film of one flight of each agent."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from runs.folder import FIGURES
from studies import units
from studies.boids.agents import AGENTS, HELD_OUT, OF_QUICK, SIZES, Agent, starts, steering, train
from studies.boids.forces import reynolds
from studies.boids.measures import measure, wind
from studies.boids.world import OURS, Flock, fly

# About, of a training; others take 8. Flights and films take 4, but those in which boids move one by one.
SECONDS = {"dqn": 50, "imitation-pseudo-attention": 25, "imitation-pseudo-attention-8": 25, "zero-plain-69": 2}
FLIGHT_SECONDS = {"reynolds-one-by-one": 30}
PATH_STEPS = 100  # the last ones of a film, whose places are kept
FILM_EVERY = 12  # steps between frames


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unit(units.Unit):
    """One measurement of the study of boids; `size` is "" or "quick"."""

    agent: str
    size: str = ""

    @property
    def cost(self) -> float:
        return FLIGHT_SECONDS.get(self.agent, 4)

    def measure(self, folder: Path) -> units.Rows:
        """Returns the rows (dicts) of this unit."""
        raise NotImplementedError


class Training(Unit):
    """The training of an agent: its losses, and its weights in a file."""

    part = "training"

    @property
    def cost(self) -> float:
        return SECONDS.get(self.agent, 8)

    def measure(self, folder: Path) -> units.Rows:
        return train(self.agent, self.seed, SIZES[self.size], folder)


class Flight(Unit):
    """The measures of an agent over the steps of flights from held-out starts, as means over these."""

    part = "flight"

    def needs(self) -> list[units.Unit]:
        return training(self)

    def measure(self, folder: Path) -> units.Rows:
        sizes, rows = SIZES[self.size], []
        steer = steering(self.agent, self.seed, folder)
        for step, flock in enumerate(fly(first(self), steer, sizes.steps, AGENTS[self.agent].rules)):
            if step % sizes.every == 0:
                rows.append({"step": step} | {name: values.mean() for name, values in measure(flock).items()})
        return rows


class Wind(Unit):
    """The wind in an agent's forces, in Reynolds' flight from the first held-out start."""

    part = "wind"

    def needs(self) -> list[units.Unit]:
        return training(self)

    def measure(self, folder: Path) -> units.Rows:
        sizes = SIZES[self.size]
        begun = starts(self.seed, HELD_OUT, 1, sizes.boids)[0]
        shown = [flock for step, flock in enumerate(fly(begun, reynolds, sizes.steps // 3)) if step % sizes.every == 0]
        return [{"wind": wind(shown, steering(self.agent, self.seed, folder))}]


class Film(Unit):
    """A GIF of an agent's flight from the first held-out start; its rows are the places in the last steps."""

    part = "film"

    def needs(self) -> list[units.Unit]:
        return training(self)

    def measure(self, folder: Path) -> units.Rows:
        from studies.boids.figures import film

        sizes, rules = SIZES[self.size], AGENTS[self.agent].rules
        begun = starts(self.seed, HELD_OUT, 1, sizes.boids)[0]
        flocks = list(fly(begun, steering(self.agent, self.seed, folder), sizes.steps, rules))
        film(folder / FIGURES / f"{self.name()}.gif", self.agent, flocks[::FILM_EVERY], FILM_EVERY)
        first_step = max(0, sizes.steps - PATH_STEPS)
        return [
            {"step": step, "boid": boid, "x": int(x), "y": int(y)}
            for step in range(first_step, sizes.steps + 1, 5)
            for boid, (x, y) in enumerate(flocks[step].positions[0])
        ]


def first(unit: Unit) -> Flock:
    """Returns the held-out starts of a unit's seed as one flock of several worlds."""
    sizes = SIZES[unit.size]
    begun = starts(unit.seed, HELD_OUT, sizes.worlds, sizes.boids)
    return Flock(*(np.concatenate([getattr(one, name) for one in begun]) for name in ("positions", "velocities")))


def training(unit: Unit) -> list[units.Unit]:
    """Returns the training of a unit's agent, if it is trained."""
    agent = AGENTS[unit.agent]
    return [] if agent.steer else [Training(agent=agent.trained_as or unit.agent, seed=unit.seed, size=unit.size)]


def plan(seeds: list[int], quick: bool) -> list[units.Unit]:
    """Returns the units in the order of measurement: trainings and flights, winds, and the films of the first seed."""
    size, names = ("quick", OF_QUICK) if quick else ("", tuple(AGENTS))
    flights = [Flight(agent=name, seed=seed, size=size) for seed in seeds for name in names]
    winds = [Wind(agent=name, seed=seed, size=size) for seed in seeds for name in names]
    films = [Film(agent=name, seed=seeds[0], size=size) for name in names if filmed(AGENTS[name])]
    needed = [unit for flight in flights for unit in (*flight.needs(), flight)]
    return list(dict.fromkeys(needed)) + winds + films


def filmed(agent: Agent) -> bool:
    """Tells whether there is a film of an agent: of those that are no variant of another one."""
    return agent.rules == OURS and not agent.trained_as


def read(folder: Path, part: type[Unit]) -> pd.DataFrame:
    """Returns the rows of a part, agents in the order of AGENTS."""
    table = units.read_part(folder, part.part)
    if table.empty:
        return table
    return table.sort_values("agent", key=lambda names: names.map(list(AGENTS).index), kind="stable")
