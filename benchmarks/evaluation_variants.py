"""Times other ways to evaluate: `python -m benchmarks.evaluation_variants --out results/benchmarks`.

Runs the arithmetic of the local foundation model on 10,000 images in TensorFlow's own operations with other layouts,
padding, loops and compilers, and the fused evaluation without its check. All variants run in turn in one process. The
variants that need other settings of the process (oneDNN off, other threads) run in processes of their own.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reporting.tables import markdown
from studies.command import PROJECT, run

if TYPE_CHECKING:
    import tensorflow as tf

IMAGES, PIXELS = 10_000, (28, 28)
CONV_1, CONV_2 = 20, 50  # channels
SLOW = 10  # seconds after which a variant is not run again
USUAL = "loop, batch 250"


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


def measure(repetitions: int, only: str | None = None) -> dict[str, float]:
    """Returns the median seconds of each variant, run in turn; `only` names a single one."""
    import tensorflow as tf

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
    return {name: float(np.median(column)) for name, column in seconds.items()}


def in_another_process(repetitions: int, threads: tuple[int, int], **environment: str) -> float:
    """Returns the median seconds of the USUAL variant in a process with other threads or environment variables.

    `threads` are those of an operation and the operations that run at once.
    """
    code = (
        "from settings.quiet_import import import_tensorflow_quietly; import_tensorflow_quietly()\n"
        f"from models import start_tensorflow; start_tensorflow{threads}\n"
        "from benchmarks.evaluation_variants import USUAL, measure\n"
        f"print(measure({repetitions}, USUAL)[USUAL])"
    )
    line, environment = [sys.executable, "-c", code], os.environ | environment
    done = subprocess.run(line, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def benchmark(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of all variants."""
    medians, count = measure(options.repetitions), options.repetitions
    medians["oneDNN off"] = in_another_process(count, (2, 2), TF_ENABLE_ONEDNN_OPTS="0")
    medians["one thread an operation, two operations at once"] = in_another_process(count, (1, 2))
    medians["two threads an operation, one operation at once"] = in_another_process(count, (2, 1))
    rows = [(name, f"{seconds:.3f}", f"{seconds / medians[USUAL]:.2f}") for name, seconds in medians.items()]
    text = markdown(pd.DataFrame(rows, columns=["evaluation of 10,000 images", "s", "of the usual"]))
    return {".md": f"{text}\nMedians of {count}; the usual is «{USUAL}».\n"}


if __name__ == "__main__":
    sys.exit(run("evaluation_variants", __doc__, benchmark, repetitions=(9, "timed runs of each variant")))
