"""Times a round with many nodes: `python -m benchmarks.scaling --out results/benchmarks`.

Runs episodes of ten rounds with the DQN agent at 10, 100 and 1,000 nodes in turn, in one process and on Ray actors of
this machine, one actor a processor. A node holds 50 images, which is all that MNIST has for 1,000 nodes. The short
training makes the cost of the nodes visible.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from config import Config
from data import Dataset, load_dataset
from reporting.tables import markdown
from runs.presets import PAPER
from settings.errors import UsageError
from settings.machine import processors
from settings.random_streams import generator
from studies.command import run

if TYPE_CHECKING:
    from environment import HomogeneousLearningEnv
    from node import DQNAgent
    from nodes.ray_actors import RayNodes

NODES = (10, 100, 1000)
ROUNDS = 10
HERE, RAY = "one process", "Ray actors"


def build(
    nodes: int, threads: int, dataset: Dataset | None, make: "Callable[[Config], RayNodes] | None" = None
) -> "tuple[HomogeneousLearningEnv, DQNAgent]":
    """Returns (environment, agent) with `nodes` nodes, in this process or those that `make` returns."""
    from environment import HomogeneousLearningEnv
    from node import DQNAgent

    changes = {"nodes": nodes, "samples_per_node": 50, "threads": threads, "round_limit": ROUNDS, "minibatch": 16}
    config = Config(**PAPER | changes | {"goal": 1.0})
    agent = DQNAgent(config)
    agent.epsilon = 0.5
    return HomogeneousLearningEnv(config, dataset, make and make(config)), agent


def episode(environment: "HomogeneousLearningEnv", agent: "DQNAgent", number: int) -> list[float]:
    """Runs one episode and the agent's learning; returns the seconds of each round, learning shared among them."""
    observation, _ = environment.reset(seed=0, options={"episode": number})
    action, seconds, done = environment.starter_action, [], False
    while not done:
        started = time.perf_counter()
        after, reward, terminated, truncated, info = environment.step(action)
        done = terminated or truncated
        agent.remember(observation, action, reward, after, done, info)
        observation = after
        ranking, _ = agent.rank(observation, info, generator(0, "exploration", number, environment.round))
        action = environment.reach(ranking)
        seconds.append(time.perf_counter() - started)
    started = time.perf_counter()
    agent.learn(generator(0, "replay", number), number)
    learning = (time.perf_counter() - started) / len(seconds)
    return [second + learning for second in seconds]


def resident() -> float:
    """Returns the process' resident memory in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def actors() -> set[Path]:
    """Returns the folders under /proc of all Ray actors that hold nodes (Linux)."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # of a process that has just ended
            if (folder / "cmdline").read_bytes().startswith(b"ray::NodeActor"):
                found.add(folder)
    return found


def private(folders: set[Path]) -> float:
    """Returns the memory in MiB that the processes share with no other (Linux)."""
    lines = [line.split() for folder in folders for line in (folder / "smaps_rollup").read_text().splitlines()]
    return sum(int(line[1]) for line in lines if line[0].startswith("Private_")) / 1024


def warmed_up(*arguments: object) -> "tuple[HomogeneousLearningEnv, DQNAgent]":
    """Returns what `build` does after two episodes, in the second of which the agent learns."""
    built = build(*arguments)
    for number in (1, 2):
        episode(*built, number)
    return built


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the seconds of every round; raises UsageError where accuracies differ."""
    from nodes.ray_actors import RayNodes

    dataset = load_dataset(Config(**PAPER))
    rows, built, memory = [], {}, {}
    for nodes in NODES:
        before, others = resident(), actors()
        built[nodes, HERE] = warmed_up(nodes, options.threads, dataset)
        memory[nodes, HERE] = resident() - before
        built[nodes, RAY] = warmed_up(nodes, options.threads, None, RayNodes)
        memory[nodes, RAY] = private(actors() - others)
    for repetition in range(options.repetitions):
        for (nodes, place), (environment, agent) in built.items():
            seconds = episode(environment, agent, repetition + 3)
            rows += [(nodes, place, repetition, number, second) for number, second in enumerate(seconds, 1)]
            if environment.accuracy != built[nodes, HERE][0].accuracy:
                raise UsageError(
                    "the nodes of one process and of Ray differ in an accuracy; this is a fault of the program"
                )
    times = pd.DataFrame(rows, columns=["nodes", "engine", "repetition", "round", "seconds"])
    medians = times.groupby(["nodes", "engine"])["seconds"].median()
    lines = []
    for nodes in NODES:
        here, ray = medians[nodes, HERE], medians[nodes, RAY]
        cells = f"{here:.3f}", f"{here / medians[10, HERE]:.2f}", f"{memory[nodes, HERE]:.0f}"
        lines.append((nodes, *cells, f"{ray:.3f}", f"{ray / here:.2f}", f"{memory[nodes, RAY]:.0f}"))
    names = ["nodes", "round s", "of that at 10 nodes", "memory added MiB", "on Ray: round s", "of one process"]
    table = markdown(pd.DataFrame(lines, columns=[*names, "actors' MiB"]))
    count = len(times) // len(built)
    note = f"Medians of {count} rounds on {options.threads} thread(s), same accuracies; {processors()} Ray actors."
    return {".md": f"{table}\n{note}\n", ".csv": times.to_csv(index=False)}


if __name__ == "__main__":
    sys.exit(run("scaling", __doc__, benchmark, repetitions=(6, "episodes at each number of nodes")))
