"""What a round costs with many nodes: `python -m benchmarks.scaling --out results/benchmarks`.

Episodes of ten rounds with the DQN agent, at 10, 100 and 1,000 nodes in turn, in one process. A node holds 50 images,
as many as MNIST has for 1,000 nodes; that makes the training short, so that any cost of the nodes shows all the more.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmarks.command import run
from config import Config, generator
from data import Dataset, load_dataset

if TYPE_CHECKING:
    from environment import HomogeneousLearningEnv
    from node import DQNAgent

NODES = (10, 100, 1000)
ROUNDS = 10


def build(nodes: int, threads: int, dataset: Dataset) -> "tuple[HomogeneousLearningEnv, DQNAgent]":
    """Returns (environment, agent) with `nodes` nodes."""
    from environment import HomogeneousLearningEnv
    from node import DQNAgent

    config = Config(nodes=nodes, samples_per_node=50, threads=threads, goal=1.0, round_limit=ROUNDS, minibatch=16)
    agent = DQNAgent(config)
    agent.epsilon = 0.5
    return HomogeneousLearningEnv(config, dataset), agent


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


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table and the seconds of every round."""
    dataset = load_dataset(Config())
    rows, built, memory = [], {}, {}
    for nodes in NODES:
        before = resident()
        built[nodes] = build(nodes, options.threads, dataset)
        for warm_up in (1, 2):  # the second one learns
            episode(*built[nodes], warm_up)
        memory[nodes] = resident() - before
    for repetition in range(options.repetitions):
        for nodes in NODES:
            seconds = episode(*built[nodes], repetition + 3)
            rows += [(nodes, repetition, number, second) for number, second in enumerate(seconds, 1)]
    times = pd.DataFrame(rows, columns=["nodes", "repetition", "round", "seconds"])
    medians = times.groupby("nodes")["seconds"].median()
    lines = ["| nodes | round s | of that at 10 nodes | memory added MiB |", "| --- | --- | --- | --- |"]
    for nodes, seconds in medians.items():
        lines.append(f"| {nodes} | {seconds:.3f} | {seconds / medians[10]:.2f} | {memory[nodes]:.0f} |")
    text = "\n".join(lines) + f"\n\nMedians of {len(times) // len(NODES)} rounds on {options.threads} thread(s).\n"
    return {".md": text, ".csv": times.to_csv(index=False)}


if __name__ == "__main__":
    sys.exit(run("scaling", __doc__, benchmark, repetitions=(6, "episodes at each number of nodes")))
