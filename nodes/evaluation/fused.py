"""Classifies a fixed set of images by the convolutional network, compiled by Numba for one kind of processor.

Both convolutions are minimal filtering (Winograd 1980; Lavin and Gray 2016), which needs fewer multiplications: along
rows in the first, F(4, 5), and on tiles in the second, F(4 x 4, 5 x 5). LANES images at a time pass through all layers
in a core's cache. Three rules keep the loops in vector instructions; its tests check that they are:
the images are the last axis of every array, all arrays of a block lie in one flat `memory` at constant offsets (so
LLVM knows that they do not overlap), and tuples are taken apart, never sliced.
"""

# ruff: noqa: ANN001, ANN201 - the signature in `compiled` has the types, Numba finds those of the parts

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import float32

from settings.names import CLASSES, SIDE

LANES = 16  # images of a block
CHUNK = 16  # blocks that a thread takes at once
FIRST, SECOND = 20, 50  # channels of the convolutions
HALF = (SIDE - 4) // 2  # side of the first convolution's pooled output, 12
LIMIT = 1e8  # of a weight's magnitude: below it no number of any layer overflows, for pixels in [0, 1]

# Toom-Cook's points, at which polynomials are evaluated; the last is infinity. KERNEL [8, 5] evaluates the kernel, with
# the constant factors that `at_points` leaves out.
POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)
FACTORS = np.array([1, -2 / 9, -2 / 9, 1 / 90, 1 / 90, 32 / 45, 32 / 45, 1])
KERNEL = FACTORS[:, None] * np.vstack([np.power.outer(np.array(POINTS), np.arange(5)), np.eye(5)[-1:]])

# Where the arrays of a block begin in its memory.
HIDDEN = 0  # [FIRST channels, 12 rows, 12 columns, LANES]
ROWS = HIDDEN + FIRST * HALF * HALF * LANES  # first convolution: [28 rows, 8 points, 6 tiles, LANES]
TILES = ROWS  # second convolution, after it: [64 points, FIRST channels, 4 tiles, LANES]
PRODUCTS = TILES + 64 * FIRST * 4 * LANES  # [64 points, SECOND channels, 4 tiles, LANES]
FEATURES = PRODUCTS + 64 * SECOND * 4 * LANES  # [SECOND channels, 4 pixels of a tile, 4 tiles, LANES]
LINES = FEATURES + SECOND * 16 * LANES  # what is transformed along one axis only
SIZE = LINES + 16 * 6 * LANES + 2048  # and room against cache conflicts of the threads' memories

# On processors with AVX-512 LLVM prefers half of a register unless told otherwise, and is slower here for it.
if numba.config.CPU_FEATURES is None and llvm.get_host_cpu_features().get("avx512f"):
    numba.config.CPU_NAME = llvm.get_host_cpu_name()
    numba.config.CPU_FEATURES = llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit"
part = numba.njit(fastmath=True)
inlined = numba.njit(fastmath=True, forceinline=True)


@inlined
def eight(x, start, step):
    """Returns eight numbers of `x`."""
    a, b = start, start + 4 * step
    return x[a], x[a + step], x[a + 2 * step], x[a + 3 * step], x[b], x[b + step], x[b + 2 * step], x[b + 3 * step]


@inlined
def at_points(x, start, step, to, y, stride):
    """Evaluates eight inputs of `x` at the points, into `y` at `to`, `to + stride`, ..."""
    d0, d1, d2, d3, d4, d5, d6, d7 = eight(x, start, step)
    y[to] = d0 - d6 + float32(5.25) * (d4 - d2)
    even, odd = d2 + d6 - float32(4.25) * d4, d1 + d5 - float32(4.25) * d3
    y[to + stride] = even + odd
    y[to + 2 * stride] = even - odd
    even = float32(0.25) * d2 - float32(1.25) * d4 + d6
    odd = float32(0.5) * d1 - float32(2.5) * d3 + float32(2) * d5
    y[to + 3 * stride] = even + odd
    y[to + 4 * stride] = even - odd
    even = float32(4) * d2 - float32(5) * d4 + d6
    odd = float32(2) * d1 - float32(2.5) * d3 + float32(0.5) * d5
    y[to + 5 * stride] = even + odd
    y[to + 6 * stride] = even - odd
    y[to + 7 * stride] = d7 - d1 + float32(5.25) * (d3 - d5)


@inlined
def outputs(x, start, step):
    """Returns the four outputs that follow from the products at the points."""
    m0, m1, m2, m3, m4, m5, m6, m7 = eight(x, start, step)
    s1, t1, s2, t2, s3, t3 = m1 + m2, m1 - m2, m3 + m4, m3 - m4, m5 + m6, m5 - m6
    return (
        m0 + s1 + s2 + s3,
        t1 + float32(2) * t2 + float32(0.5) * t3,
        s1 + float32(4) * s2 + float32(0.25) * s3,
        t1 + float32(8) * t2 + float32(0.125) * t3 + m7,
    )


@inlined
def pool(x, upper, lower, step, bias, to, stride):
    """Pools two rows of four outputs to two features."""
    a0, a1, a2, a3 = outputs(x, upper, step)
    b0, b1, b2, b3 = outputs(x, lower, step)
    x[to] = max(max(max(a0, a1), max(b0, b1)) + bias, float32(0))
    x[to + stride] = max(max(max(a2, a3), max(b2, b3)) + bias, float32(0))


@part
def first_layer(pixels, kernel, bias, x):
    """Convolves and pools pixels [28, 28, LANES] with a kernel [FIRST, 8 points, 5 rows]; all arrays are flat."""
    line = 6 * LANES  # six tiles of four columns
    for row in range(SIDE):
        for tile in range(6):
            for q in range(LANES):
                start = (row * SIDE + tile * 4) * LANES + q
                at_points(pixels, start, LANES, ROWS + row * 8 * line + tile * LANES + q, x, line)
    for row in range(HALF):
        for channel in range(FIRST):
            for point in range(8):
                start = ROWS + (2 * row * 8 + point) * line
                for q in range(line):
                    upper, lower = float32(0), float32(0)
                    for i in range(5):
                        weight = kernel[(channel * 8 + point) * 5 + i]
                        upper += weight * x[start + i * 8 * line + q]
                        lower += weight * x[start + (i + 1) * 8 * line + q]
                    x[LINES + point * line + q] = upper
                    x[LINES + (8 + point) * line + q] = lower
            to = HIDDEN + (channel * HALF + row) * HALF * LANES
            for tile in range(6):
                for q in range(LANES):
                    start = LINES + tile * LANES + q
                    pool(x, start, start + 8 * line, line, bias[channel], to + tile * 2 * LANES + q, LANES)


@part
def tiles(x):
    """Evaluates the first layer's output at the points of both axes."""
    line = HALF * LANES
    for channel in range(FIRST):
        for above in range(2):
            start = HIDDEN + (channel * HALF + 4 * above) * line
            for q in range(line):
                at_points(x, start + q, line, LINES + q, x, line)
            for point in range(8):
                for left in range(2):
                    start = LINES + point * line + left * 4 * LANES
                    to = TILES + ((point * 8 * FIRST + channel) * 4 + 2 * above + left) * LANES
                    for q in range(LANES):
                        at_points(x, start + q, LANES, to + q, x, FIRST * 4 * LANES)


@part
def products(kernel, x):
    """Multiplies the tiles by a kernel [64 points, SECOND, FIRST]: five channels out and four in at a time."""
    line = 4 * LANES
    for point in range(64):
        for out in range(0, SECOND, 5):
            to = PRODUCTS + (point * SECOND + out) * line
            for q in range(5 * line):
                x[to + q] = 0
            for channel in range(0, FIRST, 4):
                start, k = TILES + (point * FIRST + channel) * line, (point * SECOND + out) * FIRST + channel
                for q in range(line):
                    a, b, c = x[to + q], x[to + line + q], x[to + 2 * line + q]
                    d, e = x[to + 3 * line + q], x[to + 4 * line + q]
                    for i in range(4):
                        value = x[start + i * line + q]
                        a += kernel[k + i] * value
                        b += kernel[k + FIRST + i] * value
                        c += kernel[k + 2 * FIRST + i] * value
                        d += kernel[k + 3 * FIRST + i] * value
                        e += kernel[k + 4 * FIRST + i] * value
                    x[to + q], x[to + line + q], x[to + 2 * line + q] = a, b, c
                    x[to + 3 * line + q], x[to + 4 * line + q] = d, e


@part
def second_layer(bias, x):
    """Turns the products to outputs along both axes, and pools."""
    line = 4 * LANES
    for channel in range(SECOND):
        for point in range(8):
            for q in range(line):
                start, to = PRODUCTS + (point * SECOND + channel) * line + q, LINES + point * line + q
                step = 8 * line
                x[to], x[to + step], x[to + 2 * step], x[to + 3 * step] = outputs(x, start, 8 * SECOND * line)
        for row in range(2):
            for q in range(line):
                start, to = LINES + row * 16 * line + q, FEATURES + (channel * 4 + row * 2) * line + q
                pool(x, start, start + 8 * line, line, bias[channel], to, line)


@part
def dense_layer(kernel, bias, x, logits):
    """Computes logits [CLASSES, LANES] with a kernel [CLASSES, features], in sums of 40 for less rounding."""
    features = SECOND * 16
    for label in range(CLASSES):
        for q in range(LANES):
            logits[label * LANES + q] = bias[label]
        for some in range(0, features, 40):
            for q in range(LANES):
                total = float32(0)
                for i in range(40):
                    total += kernel[label * features + some + i] * x[FEATURES + (some + i) * LANES + q]
                logits[label * LANES + q] += total


@part
def decide(logits, share, least, classes, doubtful):
    """Finds the likeliest classes [LANES], and where the two largest logits are too close to be sure of it."""
    for q in range(LANES):
        best, top, second, low = 0, logits[q], float32(-3e38), logits[q]
        for label in range(1, CLASSES):
            value = logits[label * LANES + q]
            if value > top:
                best, top, second = label, value, top
            else:
                second = max(second, value)
            low = min(low, value)
        classes[q] = best
        doubtful[q] = top - second < share * (max(top, float32(0)) - min(low, float32(0))) + least


def evaluate(pixels, k1, b1, k2, b2, k3, b3, share, least, memory, logits, classes, doubtful):
    """Evaluates blocks, the first axis of pixels, logits, classes and doubtful."""
    for block in range(len(pixels)):
        first_layer(pixels[block], k1, b1, memory)
        tiles(memory)
        products(k2, memory)
        second_layer(b2, memory)
        dense_layer(k3, b3, memory, logits[block])
        decide(logits[block], share, least, classes[block], doubtful[block])


@functools.cache
def compiled() -> Callable:
    """Returns `evaluate` in machine code, which Numba caches where it can; elsewhere it is compiled in memory."""
    line, blocks = numba.float32[::1], numba.float32[:, ::1]
    signature = (blocks, *[line] * 6, float32, float32, line, blocks, numba.int64[:, ::1], numba.boolean[:, ::1])
    try:
        return numba.njit(signature, fastmath=True, nogil=True, cache=True)(evaluate)
    except Exception:  # a cache folder that is read-only, full or damaged raises a dozen different errors
        return numba.njit(signature, fastmath=True, nogil=True)(evaluate)


def aligned(*shape: int) -> np.ndarray:
    """Returns zeros [*shape] float32 that begin at a cache line."""
    count = int(np.prod(shape))
    memory = np.zeros(count + 16, np.float32)
    return memory[-memory.ctypes.data % 64 // 4 :][:count].reshape(shape)


class FusedNetwork:
    """Evaluates the convolutional network on images [n, 28, 28, 1] float32 in [0, 1], with `threads` threads.

    After a call, `logits` [n, 10] are there to look at. An image is in doubt where its two largest logits differ by
    less than `share` of the logits' range, which includes zero, plus `least`.
    """

    def __init__(self, images: np.ndarray, threads: int, share: float, least: float):
        self.count, self.share, self.least = len(images), share, least
        blocks = -(-self.count // LANES)
        self._pixels = aligned(blocks, SIDE * SIDE * LANES)
        by_block = self._pixels.reshape(blocks, SIDE * SIDE, LANES)
        for first in range(0, self.count, LANES):
            some = images[first : first + LANES].reshape(-1, SIDE * SIDE)
            by_block[first // LANES, :, : len(some)] = some.T
        self._logits = aligned(blocks, CLASSES * LANES)
        self._classes, self._doubtful = np.zeros((blocks, LANES), np.int64), np.zeros((blocks, LANES), bool)
        self._memories, self._threads = [aligned(SIZE) for _ in range(threads)], ThreadPoolExecutor(threads)
        self._evaluate = compiled()

    def __call__(self, weights: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Returns (likeliest classes [n] int64, which are in doubt [n] bool) for the weights of a Keras network."""
        prepared, (share, least) = prepare(weights), np.array([self.share, self.least], np.float32)
        chunks = iter([slice(first, first + CHUNK) for first in range(0, len(self._pixels), CHUNK)])

        def work(memory: np.ndarray):
            for chunk in chunks:  # the threads share one iterator, so that none waits for a slower one
                results = self._logits[chunk], self._classes[chunk], self._doubtful[chunk]
                self._evaluate(self._pixels[chunk], *prepared, share, least, memory, *results)

        list(self._threads.map(work, self._memories))
        return self._classes.ravel()[: self.count], self._doubtful.ravel()[: self.count]

    @property
    def logits(self) -> np.ndarray:
        """The logits [n, 10] of the last call."""
        by_image = self._logits.reshape(-1, CLASSES, LANES).transpose(0, 2, 1)
        return by_image.reshape(-1, CLASSES)[: self.count]


def prepare(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Returns kernels and biases as `evaluate` takes them, from those of the Keras network in its order."""
    k1, b1, k2, b2, k3, b3 = weights
    k1 = np.einsum("bj,ijo->obi", KERNEL, k1[:, :, 0])
    columns = np.einsum("bj,ijco->ibco", KERNEL, k2)
    k2 = np.einsum("ai,ibco->aboc", KERNEL, columns)
    k3 = k3.reshape(2, 2, 2, 2, SECOND, CLASSES).transpose(5, 4, 1, 3, 0, 2)  # [tile, pixel, tile, pixel, ...]
    return [np.ascontiguousarray(array, np.float32).ravel() for array in (k1, b1, k2, b2, k3, b3)]
