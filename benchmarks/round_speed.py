"""Times one round in several implementations: `python -m benchmarks.round_speed --out results/benchmarks`.

Every repetition runs each implementation once, in turn, in one process and on the same node, images and order. Their
weights and predictions are compared before anything is timed. The peak speed of the machine is the fastest product of
two 2048 x 2048 float32 matrices over the same number of repetitions.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import sys
import time
from typing import TYPE_CHECKING

import pandas as pd

from config import Config
from reporting.tables import markdown
from runs.presets import PAPER
from settings.machine import machine
from studies.command import run

if TYPE_CHECKING:
    from benchmarks.rounds import Ours, PlainKeras, Torch

# Multiplications and additions of the local foundation model on one image: two convolutions and the dense layer.
FLOPS_AN_IMAGE = 2 * (24 * 24 * 20 * 25 + 8 * 8 * 50 * 25 * 20 + 800 * 10)
MATRIX = 2048
SAMPLES = 500  # training images of a round
TEST_IMAGES = 10_000
PAUSE = 0.3  # seconds before each measurement, in which the thread pool of the one before comes to rest
ROUNDS = 29  # of an episode, as a random policy needs with the published slices


def build(config: Config) -> "tuple[dict[str, Ours | PlainKeras | Torch], float]":
    """Returns the implementations by name, PyTorch's only where it is installed, and the seconds plain Keras took.

    Ours is there as it is by default, and with the evaluation by Keras' layers in float32.
    """
    from benchmarks.rounds import Ours, PlainKeras, Torch
    from data import load_dataset

    dataset = load_dataset(config)
    ours = Ours(config, dataset)
    weights, agent_weights = ours.weights(), ours.agent.weights.numpy()
    started = time.perf_counter()
    built = {"plain Keras": PlainKeras(config, dataset, weights, agent_weights)}
    seconds = time.perf_counter() - started
    built["ours"] = ours
    built["ours, float32"] = Ours(dataclasses.replace(config, evaluation="float32"), dataset)
    try:
        built["PyTorch"] = Torch(config, dataset, weights, agent_weights)
    except ImportError:
        print("PyTorch is not installed; its row is left out")
    return built, seconds


def compare(built: "dict[str, Ours | PlainKeras | Torch]", nodes: int) -> tuple[dict[str, dict[str, float]], float]:
    """Runs two rounds a node with every implementation, which also compiles every graph.

    Returns how far they end from plain Keras, and the seconds that its first round at each node took together.
    """
    first_rounds = 0.0
    for visit, node in enumerate([*range(nodes)] * 2):
        order = built["ours"].next_order(node)
        started = time.perf_counter()
        accuracies = {"plain Keras": built["plain Keras"].round(node, order)[2]}
        first_rounds += time.perf_counter() - started if visit < nodes else 0
        accuracies |= {name: built[name].round(node, order)[2] for name in built if name != "plain Keras"}
    reference = built["plain Keras"]
    differences = {
        name: {
            "weights": float(abs(implementation.weights() - reference.weights()).max()),
            "accuracy": abs(accuracies[name] - accuracies["plain Keras"]),
            "predictions": int((implementation.predictions() != reference.predictions()).sum()),
        }
        for name, implementation in built.items()
    }
    return differences, first_rounds


def measure(built: "dict[str, Ours | PlainKeras | Torch]", repetitions: int, nodes: int) -> pd.DataFrame:
    """Times every implementation in turn; returns a DataFrame with one row a repetition and implementation."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((MATRIX, MATRIX), (1, 2))
    rows = []
    for repetition in range(repetitions):
        node = (7 * repetition) % nodes
        order = built["ours"].next_order(node)
        names = [*built]
        for name in names[repetition % len(names) :] + names[: repetition % len(names)]:
            time.sleep(PAUSE)
            started = time.perf_counter()
            train, evaluate, _ = built[name].round(node, order)
            seconds = time.perf_counter() - started
            rows.append((name, repetition, train, evaluate, seconds))
        time.sleep(PAUSE)
        started = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        rows.append(("sgemm", repetition, 0, 0, time.perf_counter() - started))
    return pd.DataFrame(rows, columns=["implementation", "repetition", "train", "evaluate", "round"])


def table(times: pd.DataFrame, setup: float, config: Config) -> str:
    """Returns the medians, the ratios to plain Keras and the shares of the machine's peak as Markdown.

    `setup` are the seconds that plain Keras needs in every episode to build, compile and trace its models; the first
    row spreads them over the rounds of an episode, the second leaves them out.
    """
    sgemm = 2 * MATRIX**3 / times.loc[times["implementation"] == "sgemm", "round"]
    peak = sgemm.max()
    medians = times[times["implementation"] != "sgemm"].groupby("implementation").median()
    keras = medians.loc["plain Keras"]
    extra = (setup - config.nodes * keras["round"]) / ROUNDS
    medians.loc["plain Keras, ten models compiled an episode"] = [*keras[:-1], keras["round"] + extra]
    medians = medians.sort_values("round", ascending=False)
    columns = ["implementation", "training s", "evaluation s", "round s", "slowest / this"]
    columns += ["evaluation of sgemm's peak", "round of sgemm's peak"]
    rows = []
    for name, row in medians.iterrows():
        ratio = medians["round"].iloc[0] / row["round"]
        evaluation = TEST_IMAGES * FLOPS_AN_IMAGE
        training = 3 * SAMPLES * FLOPS_AN_IMAGE  # forward, and backward to weights and inputs
        shares = evaluation / row["evaluate"] / peak, (evaluation + training) / row["round"] / peak
        seconds = (f"{row[part]:.3f}" for part in ("train", "evaluate", "round"))
        rows.append((name, *seconds, f"{ratio:.1f}", *(f"{share:.0%}" for share in shares)))
    note = (
        f"Medians of {times['repetition'].nunique()} repetitions on {config.threads} thread(s). sgemm: peak "
        f"{peak / 1e9:.0f} GFLOP/s, median {sgemm.median() / 1e9:.0f} GFLOP/s.\n"
    )
    ours, others = medians.loc["ours"], medians.drop("ours")
    ratios = "; ".join(f"{row['round'] / ours['round']:.1f} over {name}" for name, row in others.iterrows())
    evaluation = medians.loc["ours, float32", "evaluate"] / ours["evaluate"]
    note += (
        f"Speed-up of a round of ours: {ratios}. Its evaluation is {evaluation:.1f} times as fast as that by Keras' "
        "layers in float32.\n"
    )
    return f"{markdown(pd.DataFrame(rows, columns=columns))}\n{note}"


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table, every repetition, and the machine with how far the results are apart."""
    # One episode that lasts for all rounds: a goal that is never passed, and a limit that is never reached.
    config = Config(**PAPER | {"threads": options.threads, "goal": 1.0, "round_limit": 1000})
    built, setup = build(config)
    differences, first_rounds = compare(built, config.nodes)
    times = measure(built, options.repetitions, config.nodes)
    about = machine() | {"threads": config.threads, "largest_differences_from_plain_keras": differences}
    if "PyTorch" in built:
        about["packages"]["torch"] = importlib.metadata.version("torch")
    ending = f"_{config.threads}_threads" if config.threads > 1 else "_1_thread"
    return {
        f"{ending}.md": table(times, setup + first_rounds, config),
        f"{ending}.csv": times.to_csv(index=False),
        f"{ending}.json": json.dumps(about, indent=2) + "\n",
    }


if __name__ == "__main__":
    sys.exit(run("round_speed", __doc__, benchmark, repetitions=(15, "rounds of each that are timed")))
