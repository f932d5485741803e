"""Other ways to evaluate: `python -m benchmarks.evaluation_variants --out results/benchmarks`.

The local foundation model's arithmetic on 10,000 images, written out in TensorFlow's own operations, so that layout,
padding, loops and compiler can be varied; and the fused evaluation without its check. All variants run in turn in one
process; the two that need other settings of the process (oneDNN off, other threads) run in processes of their own.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.command import processor_kind
from settings.flags import Parser
from settings.quiet_import import import_tensorflow_quietly

if TYPE_CHECKING:
    import tensorflow as tf

IMAGES, PIXELS = 10_000, (28, 28)
CONV_1, CONV_2 = 20, 50  # channels
SLOW = 10  # seconds after which a variant is not run again


def network(
    tf: ModuleType, *, pad_1: int = CONV_1, pad_2: int = CONV_2, block: int = 1, channels_first: bool = False
) -> "Callable[[tf.Tensor], tf.Tensor]":
    """Returns the forward pass with the channels padded to `pad_1` and `pad_2`.

    `block` neighbouring output columns are computed as channels of one wider convolution.
    """

    def kernel(shape: tuple[int, ...], seed: int) -> np.ndarray:
        return tf.random.stateless_uniform(shape, (seed, 0), -0.1, 0.1).numpy()

    first, second = kernel((5, 5, 1, CONV_1), 1), kernel((5, 5, CONV_1, CONV_2), 2)
    dense = kernel((4, 4, CONV_2, 10), 3)
    first = tf.pad(first, [[0, 0]] * 3 + [[0, pad_1 - CONV_1]])
    first = tf.concat([tf.pad(first, [[0, 0], [j, block - 1 - j], [0, 0], [0, 0]]) for j in range(block)], -1)
    first = tf.Variable(first)
    second = tf.Variable(tf.pad(second, [[0, 0]] * 2 + [[0, pad_1 - CONV_1], [0, pad_2 - CONV_2]]))
    dense = tf.Variable(tf.reshape(tf.pad(dense, [[0, 0]] * 2 + [[0, pad_2 - CONV_2], [0, 0]]), [-1, 10]))
    bias_1, bias_2 = tf.Variable(tf.zeros(pad_1 * block)), tf.Variable(tf.zeros(pad_2))
    layout = "NCHW" if channels_first else "NHWC"

    def convolve(images: "tf.Tensor", weights: "tf.Variable", bias: "tf.Variable", step: int = 1) -> "tf.Tensor":
        steps = [1, 1, 1, step] if channels_first else [1, 1, step, 1]
        out = tf.nn.conv2d(images, weights, steps, "VALID", layout)
        return tf.nn.relu(tf.nn.bias_add(out, bias, layout))

    def pool(images: "tf.Tensor") -> "tf.Tensor":
        return tf.nn.max_pool2d(images, 2, 2, "VALID", layout)

    def forward(images: "tf.Tensor") -> "tf.Tensor":
        if channels_first:
            images = tf.transpose(images, [0, 3, 1, 2])
        out = convolve(images, first, bias_1, block)
        if block > 1:
            out = tf.reshape(out, [-1, 24, 24, CONV_1])
        out = pool(convolve(pool(out), second, bias_2))
        if channels_first:
            out = tf.transpose(out, [0, 2, 3, 1])
        return tf.argmax(tf.reshape(out, [-1, dense.shape[0]]) @ dense, -1)

    return forward


def variants(tf: ModuleType) -> "dict[str, Callable[[], tf.Tensor]]":
    """Returns the evaluations by name, each a function without arguments that returns a number."""
    images = tf.random.stateless_uniform((IMAGES, *PIXELS, 1), (0, 0))

    def loop(forward: "Callable[[tf.Tensor], tf.Tensor]", batch: int, **options: bool) -> "Callable[[], tf.Tensor]":
        @tf.function(**options)
        def evaluate() -> "tf.Tensor":
            total = tf.constant(0, tf.int64)
            for start in tf.range(0, IMAGES, batch):
                total += tf.reduce_sum(forward(images[start : start + batch]))
            return total

        return evaluate

    @tf.function
    def unrolled() -> "tf.Tensor":
        return tf.add_n([tf.reduce_sum(plain(images[start : start + 250])) for start in range(0, IMAGES, 250)])

    plain = network(tf)
    return {
        **{f"loop, batch {batch}": loop(plain, batch) for batch in (50, 100, 250, 500, 1000)},
        "unrolled, batch 250": unrolled,
        "channels 32 and 64": loop(network(tf, pad_1=32, pad_2=64), 250),
        "channels 20 and 64": loop(network(tf, pad_2=64), 250),
        "two columns in one": loop(network(tf, block=2), 250),
        "four columns in one": loop(network(tf, block=4), 250),
        "channels first": loop(network(tf, channels_first=True), 250),
        "XLA": loop(plain, 250, jit_compile=True),
        "fused, unchecked": fused(images.numpy()),
    }


def fused(images: np.ndarray) -> Callable[[], int]:
    """Returns the evaluation by nodes/evaluation/fused.py, with random weights."""
    from nodes.evaluation.fused import FusedNetwork

    rng, network = np.random.default_rng(0), FusedNetwork(images, 2, 0, 0)
    shapes = (5, 5, 1, CONV_1), (CONV_1,), (5, 5, CONV_1, CONV_2), (CONV_2,), (800, 10), (10,)
    weights = [rng.uniform(-0.1, 0.1, shape).astype(np.float32) for shape in shapes]
    return lambda: network(weights)[0].sum()


def measure(repetitions: int, intra: int, inter: int, only: str | None = None) -> dict[str, list[float]]:
    """Returns the seconds [repetitions] of each variant, run in turn; `only` names the one to run."""
    import_tensorflow_quietly()
    import tensorflow as tf

    from models import start_tensorflow

    start_tensorflow(intra, inter)
    chosen = {name: run for name, run in variants(tf).items() if only in (None, name)}
    seconds = {name: [] for name in chosen}
    for repetition in range(repetitions + 1):
        for name in [*chosen]:
            started = time.perf_counter()
            int(chosen[name]())
            took = time.perf_counter() - started
            if repetition or took > SLOW:  # the first run compiles
                seconds[name].append(took)
            if took > SLOW:  # one run says enough
                del chosen[name]
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0."""
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--repetitions", type=int, default=9, help="timed runs of each variant [9]")
    parser.add_argument("--child", type=int, nargs=2, help="used by the program itself: threads of the process")
    parser.add_argument("--out", type=Path, required=True, help="folder for evaluation_variants.md")
    options = parser.parse_args(arguments)
    usual = "loop, batch 250"
    if options.child:
        print(pd.Series(measure(options.repetitions, *options.child, only=usual)[usual]).median())
        return 0
    rows = {name: pd.Series(seconds).median() for name, seconds in measure(options.repetitions, 2, 2).items()}
    for name, threads, changes in (
        ("oneDNN off", (2, 2), {"TF_ENABLE_ONEDNN_OPTS": "0"}),
        ("one thread an operation, two operations at once", (1, 2), {}),
        ("two threads an operation, one operation at once", (2, 1), {}),
    ):
        command = [sys.executable, "-m", "benchmarks.evaluation_variants", "--out", str(options.out)]
        command += ["--repetitions", str(options.repetitions), "--child", *map(str, threads)]
        done = subprocess.run(command, env=os.environ | changes, capture_output=True, text=True, check=True)
        rows[name] = float(done.stdout.split()[-1])
    lines = ["| evaluation of 10,000 images | s | of the usual |", "| --- | --- | --- |"]
    lines += [f"| {name} | {seconds:.3f} | {seconds / rows[usual]:.2f} |" for name, seconds in rows.items()]
    processor, folder = processor_kind(options.out)
    text = (
        "\n".join(lines) + f"\n\nMedians of {options.repetitions}; the usual is «{usual}». Measured on {processor}.\n"
    )
    (folder / "evaluation_variants.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
