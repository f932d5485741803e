"""What a round costs with many nodes: `python -m benchmarks.scaling --out results/benchmarks`.

Episodes of ten rounds with the DQN agent, at 10, 100 and 1,000 nodes in turn, in one process. A node holds 50 images,
as many as MNIST has for 1,000 nodes; that makes the training short, so that any cost of the nodes shows all the more.
"""

import sys
import time
from pathlib import Path

import pandas as pd

from config import Config, Parser, UsageError
from run_folder import write_atomically
from screen import import_tensorflow_quietly

NODES = (10, 100, 1000)
ROUNDS = 10


def build(nodes, threads, dataset):
    """Returns (environment, agent) with `nodes` nodes."""
    from environment import HomogeneousLearningEnv
    from node import DQNAgent

    config = Config(nodes=nodes, samples_per_node=50, threads=threads, goal=1.0, round_limit=ROUNDS, minibatch=16)
    agent = DQNAgent(config)
    agent.epsilon = 0.5
    return HomogeneousLearningEnv(config, dataset), agent


def episode(environment, agent, number):
    """Runs one episode and the agent's learning; returns the seconds of each round, learning shared among them."""
    from config import generator

    observation, _ = environment.reset(seed=0, options={"episode": number})
    action, seconds, done = environment.starter_action, [], False
    while not done:
        started = time.perf_counter()
        after, reward, terminated, truncated, _ = environment.step(action)
        done = terminated or truncated
        agent.remember(observation, action, reward, after, done)
        observation = after
        action, _ = agent.choose(observation, generator(0, "exploration", number, environment.round))
        seconds.append(time.perf_counter() - started)
    started = time.perf_counter()
    agent.learn(generator(0, "replay", number))
    learning = (time.perf_counter() - started) / len(seconds)
    return [second + learning for second in seconds]


def resident():
    """Returns the process' resident memory in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main(arguments=None):
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--threads", type=int, default=2, help="processor threads [2]")
    parser.add_argument("--repetitions", type=int, default=6, help="episodes at each number of nodes [6]")
    parser.add_argument("--out", type=Path, required=True, help="folder for scaling.md and scaling.csv")
    options = parser.parse_args(arguments)
    import_tensorflow_quietly()
    from data import load_dataset
    from models import start_tensorflow

    try:
        start_tensorflow(options.threads)
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
        options.out.mkdir(parents=True, exist_ok=True)
        times.to_csv(options.out / "scaling.csv", index=False)
        write_atomically(options.out / "scaling.md", text.encode())
    except (UsageError, OSError) as error:
        print(f"scaling: error: {error}", file=sys.stderr)
        return 2
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
