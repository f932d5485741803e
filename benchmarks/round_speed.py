"""How long one round takes, side by side: `python -m benchmarks.round_speed --out results/benchmarks`.

Every repetition runs each implementation once, in turn, in one process and on the same node, images and order. Before
anything is timed their weights and predictions are compared. The machine's own speed is the fastest product of two
2048 x 2048 float32 matrices among as many repetitions.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd

from config import Config, Parser, UsageError
from run_folder import machine
from screen import import_tensorflow_quietly

# Multiplications and additions of the local foundation model on one image: two convolutions and the dense layer.
FLOPS_AN_IMAGE = 2 * (24 * 24 * 20 * 25 + 8 * 8 * 50 * 25 * 20 + 800 * 10)
MATRIX = 2048


def build(config):
    """Returns the implementations by name; PyTorch's only where it is installed."""
    from benchmarks.rounds import Ours, PlainKeras, Torch
    from data import load_dataset

    dataset = load_dataset(config)
    ours = Ours(config, dataset)
    weights, agent_weights = ours.weights(), ours.agent.weights.numpy()
    built = {"plain Keras": PlainKeras(config, dataset, weights, agent_weights), "ours": ours}
    try:
        built["PyTorch"] = Torch(config, dataset, weights, agent_weights)
    except ImportError:
        print("PyTorch is not installed; its row is left out")
    return built


def compare(built, nodes=(0, 3, 3)):
    """Runs some rounds with every implementation; returns how far weights and accuracies are from plain Keras'."""
    for node in nodes:
        order = built["ours"].next_order(node)
        accuracies = {name: implementation.round(node, order)[2] for name, implementation in built.items()}
    reference = built["plain Keras"]
    return {
        name: {
            "weights": float(abs(implementation.weights() - reference.weights()).max()),
            "accuracy": abs(accuracies[name] - accuracies["plain Keras"]),
            "predictions": int((implementation.predictions() != reference.predictions()).sum()),
        }
        for name, implementation in built.items()
    }


def measure(built, repetitions, nodes):
    """Times every implementation in turn; returns a DataFrame with one row a repetition and implementation."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((MATRIX, MATRIX), (1, 2))
    rows = []
    for repetition in range(repetitions):
        node = (7 * repetition) % nodes
        order = built["ours"].next_order(node)
        for name, implementation in built.items():
            started = time.perf_counter()
            train, evaluate, _ = implementation.round(node, order)
            seconds = time.perf_counter() - started
            rows.append((name, repetition, train, evaluate, seconds))
        started = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        rows.append(("sgemm", repetition, 0, 0, time.perf_counter() - started))
    return pd.DataFrame(rows, columns=["implementation", "repetition", "train", "evaluate", "round"])


def table(times, test_images, threads):
    """Returns the medians, the ratios to plain Keras and the shares of the machine's peak as Markdown."""
    peak = 2 * MATRIX**3 / times.loc[times["implementation"] == "sgemm", "round"].min()
    medians = times[times["implementation"] != "sgemm"].groupby("implementation", sort=False).median()
    lines = [
        "| implementation | training s | evaluation s | round s | plain Keras / this | evaluation's share of sgemm |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in medians.iterrows():
        ratio = medians.loc["plain Keras", "round"] / row["round"]
        share = test_images * FLOPS_AN_IMAGE / row["evaluate"] / peak
        lines.append(
            f"| {name} | {row['train']:.3f} | {row['evaluate']:.3f} | {row['round']:.3f} | {ratio:.1f} | {share:.0%} |"
        )
    lines.append("")
    lines.append(f"sgemm peak {peak / 1e9:.0f} GFLOP/s on {threads} thread(s)")
    return "\n".join(lines)


def main(arguments=None):
    """Runs a command line; returns 0, or 2 where something has to be changed first."""
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--threads", type=int, default=2, help="processor threads of each implementation [2]")
    parser.add_argument("--repetitions", type=int, default=15, help="rounds of each that are timed [15]")
    parser.add_argument("--out", type=Path, required=True, help="folder for round_speed.md, .csv and .json")
    options = parser.parse_args(arguments)
    import_tensorflow_quietly()
    from models import start_tensorflow

    try:
        config = Config(threads=options.threads)
        start_tensorflow(config.threads)
        built = build(config)
        differences = compare(built)
        times = measure(built, options.repetitions, config.nodes)
        text = table(times, 10_000, config.threads)
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "round_speed.md").write_text(text + "\n")
        times.to_csv(options.out / "round_speed.csv", index=False)
        about = machine() | {"threads": config.threads, "largest_differences_from_plain_keras": differences}
        (options.out / "round_speed.json").write_text(json.dumps(about, indent=2) + "\n")
    except (UsageError, OSError) as error:
        print(f"round_speed: error: {error}", file=sys.stderr)
        return 2
    print(text)
    print(json.dumps(differences, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
