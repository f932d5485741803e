"""The attention over past layers against loops in NumPy, and the disturbance of its map by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from learners.pseudo_attention import (
    LocalLearner,
    PseudoAttention,
    SelfAttention,
    cross_over,
    disturb,
    mutate,
    plain_network,
)


def layer(width=4, heads=3, **options):
    return PseudoAttention(width, heads, keras.random.SeedGenerator(0), **options)


def random_weights(network, rng):
    """Sets trainable weights that show every term, and returns them."""
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.4, variable.shape))
    return [variable.numpy().astype(float) for variable in network.trainable_variables]


def saliency_by_loops(queries, keys):
    """Computes one example's map from queries and keys [layers, d]."""
    layers, width = queries.shape
    products = np.zeros((width, width))
    for i in range(width):
        for j in range(width):
            products[i, j] = sum(queries[index, i] * keys[index, j] for index in range(layers)) / np.sqrt(width)
    return np.array([np.exp(row) / np.exp(row).sum() for row in products])


def attention_by_loops(current, past, maps, merge, heads):
    """Computes the layer's output; `maps` are the query's, key's and value's (kernel, bias), or empty."""
    outputs = []
    for x, earlier in zip(current, past, strict=True):
        query, key = (earlier @ kernel + bias for kernel, bias in maps[:2]) if maps else (earlier, earlier)
        value = x @ maps[2][0] + maps[2][1] if maps else x
        mixed = np.array([row @ value for row in saliency_by_loops(query, key)])
        outputs.append(np.concatenate([mixed] * heads) @ merge[0] + merge[1])
    return np.array(outputs)


@pytest.mark.parametrize("mapped", [True, False])
def test_layer_equals_loops(mapped):
    attention, rng = layer(mapped=mapped), np.random.default_rng(0)
    inputs = 5 if mapped else 4
    current, past = rng.normal(size=(6, inputs)).astype("f4"), rng.normal(size=(6, 2, inputs)).astype("f4")
    attention(current, past)
    weights = random_weights(attention, rng)
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    expected = attention_by_loops(current, past, pairs[:-1], pairs[-1], heads=3)
    np.testing.assert_allclose(attention(current, past), expected, atol=1e-4)


def past_of(examples=7, layers=2, width=4):
    return tf.constant(np.random.default_rng(4).normal(size=(examples, layers, width)).astype("f4"))


@pytest.mark.parametrize("disturbance", ["", "copy", "swap"])
@pytest.mark.parametrize("mapped", [True, False])
def test_rows_of_the_map_sum_to_one(mapped, disturbance):
    attention, past = layer(mapped=mapped, disturbance=disturbance), past_of()
    attention(past[:, 0], past)
    for _ in range(8):  # mutations and crossovers
        maps = attention.saliency(past, training=True)
        assert maps.shape == (7, 3, 4, 4)
        np.testing.assert_allclose(tf.reduce_sum(maps, -1), np.ones((7, 3, 4)), atol=1e-6)


def test_heads_differ_by_the_disturbance_alone():
    past = past_of()
    quiet, noisy = layer(evaluation_noise=False, disturbance="copy"), layer(disturbance="copy")
    for attention in (quiet, noisy):
        attention(past[:, 0], past)
    maps = quiet.saliency(past, training=False).numpy()
    assert (maps == maps[:, :1]).all()
    assert np.ptp(maps) > 0.1
    for maps in (quiet.saliency(past, training=True), noisy.saliency(past, training=False)):
        assert (np.ptp(maps.numpy(), axis=1) > 1e-6).any()


def test_gradient_reaches_the_past():
    past = tf.Variable(past_of())
    attention = layer(mapped=False)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(attention(tf.ones((7, 4)) * [1.0, 2.0, 3.0, 4.0], past) ** 2)
    assert np.abs(tape.gradient(total, past)).min() > 0


# Two heads of one example: numbers 0 to 15, rows 0 and 2 cross over; numbers 16 to 31, rows 3 and 1.
MAPS = np.arange(32, dtype=np.float32).reshape(1, 2, 4, 4)
FIRST, SECOND = np.array([[0, 3]]), np.array([[2, 1]])
CROSSED = {
    "copy": [
        [[0, 1, 10, 11], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]],
        [[16, 17, 18, 19], [20, 21, 22, 23], [24, 25, 26, 27], [28, 29, 22, 23]],
    ],
    "swap": [
        [[0, 1, 10, 11], [4, 5, 6, 7], [8, 9, 2, 3], [12, 13, 14, 15]],
        [[16, 17, 18, 19], [20, 21, 30, 31], [24, 25, 26, 27], [28, 29, 22, 23]],
    ],
}


@pytest.mark.parametrize("kind", CROSSED)
def test_crossover_by_hand(kind):
    assert cross_over(tf.constant(MAPS), FIRST, SECOND, 2, kind).numpy().tolist() == [CROSSED[kind]]
    for unchanged in (cross_over(MAPS, FIRST, FIRST, 2, kind), cross_over(MAPS, FIRST, SECOND, 0, kind)):
        assert (unchanged.numpy() == MAPS).all()


@pytest.mark.parametrize("kind", CROSSED)
def test_gradient_of_crossover(kind):
    """Copying lets none through the tails of both rows; swapping brings each entry's to where it came from."""
    maps, factors = tf.Variable(MAPS), np.arange(32, dtype=np.float32).reshape(1, 2, 4, 4) + 1
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(factors * cross_over(maps, FIRST, SECOND, 2, kind))
    expected = np.array([CROSSED["swap"]]) + 1
    if kind == "copy":
        expected = factors.copy()
        for head, row in ((0, 0), (0, 2), (1, 3), (1, 1)):
            expected[0, head, row, 2:] = 0
    np.testing.assert_array_equal(tape.gradient(total, maps), expected)


def test_mutation_factors():
    """Uniform from 0.7 to 1.3, of variance 0.6 ** 2 / 12, and new for every entry."""
    factors = mutate(tf.ones((50, 4, 8, 8)), keras.random.SeedGenerator(1)).numpy()
    assert 0.7 <= factors.min() < 0.701
    assert 1.299 < factors.max() <= 1.3
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert factors.var() == pytest.approx(0.03, rel=0.05)
    assert len(np.unique(factors)) > 0.99 * factors.size


def test_a_call_mutates_in_three_of_five_cases_and_else_crosses_over():
    """A map of ones shows no crossover; what a call does it does to all examples and heads."""
    draws, mutated = keras.random.SeedGenerator(5), []
    function = tf.function(lambda maps: disturb(maps, "swap", draws))
    for _ in range(1000):
        changed = np.any(function(tf.ones((3, 2, 4, 4))).numpy() != 1, axis=(2, 3))
        assert changed.all() or not changed.any()
        mutated.append(changed.all())
    assert np.mean(mutated) == pytest.approx(0.6, abs=4 * np.sqrt(0.6 * 0.4 / 1000))


@pytest.mark.parametrize(("width", "tail"), [(8, 2), (16, 4), (32, 9), (64, 19)])
def test_columns_and_rows_that_cross_over(width, tail):
    """The rows are uniform and may be one and the same, in which case nothing changes: one time in `width`."""
    draws, maps = keras.random.SeedGenerator(2), tf.reshape(tf.range(width**2, dtype=tf.float32), (1, 1, width, width))
    maps = tf.repeat(maps, 600, axis=0)
    crossed = [result for result in (disturb(maps, "swap", draws).numpy() for _ in range(8)) if (result % 1 == 0).all()]
    assert crossed  # mutated numbers are no whole ones
    changed = np.concatenate(crossed)[:, 0] != maps[0, 0].numpy()
    assert np.flatnonzero(changed.any((0, 1))).tolist() == list(range(width - tail, width))
    rows = changed.any(2)
    assert set(rows.sum(1)) <= {0, 2}
    same = 1 / width
    assert (rows.sum(1) == 0).mean() == pytest.approx(same, abs=4 * np.sqrt(same * (1 - same) / len(rows)))
    assert rows.any(0).all()


def gelu(numbers):
    return numbers * (1 + special.erf(numbers / np.sqrt(2))) / 2


def test_network_of_notebook_0():
    network, rng = LocalLearner().build(), np.random.default_rng(0)
    weights = random_weights(network, rng)
    (first, q1, k1, v1, m1, second, q2, k2, v2, m2, third, last) = zip(weights[::2], weights[1::2], strict=True)
    images = rng.random((5, 28, 28, 1)).astype(np.float32)
    z1 = images.reshape(5, 784) @ first[0] + first[1]
    z2 = attention_by_loops(gelu(z1), z1[:, None], (q1, k1, v1), m1, 4) @ second[0] + second[1]
    z3 = attention_by_loops(gelu(z2), np.stack([z1, z2], 1), (q2, k2, v2), m2, 4) @ third[0] + third[1]
    expected = special.softmax(gelu(z3) @ last[0] + last[1], axis=1)
    np.testing.assert_allclose(network(images, training=False), expected, atol=1e-4)


def test_network_of_notebook_1():
    learner = LocalLearner("unmapped-copy", notebook=1, evaluation_noise=False)
    network, rng = learner.build((32, 32, 3)), np.random.default_rng(0)
    weights = random_weights(network, rng)
    (first, norm, merge, second, last) = zip(weights[::2], weights[1::2], strict=True)
    images = rng.random((5, 32, 32, 3)).astype(np.float32)
    deviations = images.reshape(5, 3072) @ first[0] + first[1]
    deviations -= deviations.mean(1, keepdims=True)
    z1 = deviations / np.sqrt((deviations**2).mean(1, keepdims=True) + 1e-5) * norm[0] + norm[1]
    z2 = attention_by_loops(gelu(z1), z1[:, None], (), merge, 2) @ second[0] + second[1]
    expected = special.softmax(gelu(z2) @ last[0] + last[1], axis=1)
    np.testing.assert_allclose(network(images, training=False), expected, atol=1e-4)
    assert np.abs(network(images, training=True) - expected).max() > 1e-4


def size(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def test_weight_counts():
    assert size(LocalLearner("mapped").build()) == 7_474
    assert size(LocalLearner("unmapped-copy", notebook=1).build((32, 32, 3))) == 24_898
    assert size(plain_network()) == 784 * 8 + 8 + 2 * (8 * 8 + 8) + 8 * 10 + 10
    assert size(plain_network(width=9)) == 784 * 9 + 9 + 2 * (9 * 9 + 9) + 9 * 10 + 10


def test_first_weights():
    """The biases' limits follow from the inputs of their layers, also of those inside the attention."""
    learner = LocalLearner("unmapped-copy", notebook=1, width=64)
    network = learner.build((32, 32, 3))
    first = [learner.initial(variable, np.random.default_rng(1)).numpy() for variable in network.trainable_variables]
    assert (first.pop(2) == 1).all()
    assert (first.pop(2) == 0).all()
    for array, inputs in zip(first, np.repeat([3072, 128, 64, 64], 2), strict=True):
        assert 0.7 / np.sqrt(inputs) < np.abs(array).max() <= 1 / np.sqrt(inputs)


def test_attention_to_the_vector_itself_equals_loops():
    """Undisturbed: softmax of u u^T / sqrt(8), twice the same head; in training it is disturbed."""
    block, rng = SelfAttention(2, keras.random.SeedGenerator(0)), np.random.default_rng(5)
    vectors = rng.normal(size=(6, 2)).astype("f4")
    block(vectors)
    kernel, bias = random_weights(block, rng)
    assert kernel.shape == (4, 2)
    expected = []
    for u in vectors.astype(float):
        mixed = np.array([special.softmax(u[i] * u / np.sqrt(8)) @ u for i in range(2)])
        expected.append(np.concatenate([mixed, mixed]) @ kernel + bias)
    np.testing.assert_allclose(block(vectors), expected, atol=1e-5)
    trained = [block(vectors, training=True).numpy() for _ in range(12)]
    changed = [not np.allclose(result, expected, atol=1e-5) for result in trained]
    assert any(changed)
    assert not all(changed)  # no column of two crosses over


def test_gradient_passes_through_both_the_map_and_the_values():
    """Against differences of the output, undisturbed."""
    block = SelfAttention(3, keras.random.SeedGenerator(0))
    vector = np.array([[0.8, -0.5, 1.4]], "f4")
    block(vector)
    random_weights(block, np.random.default_rng(6))
    with tf.GradientTape() as tape:
        inputs = tf.constant(vector)
        tape.watch(inputs)
        total = tf.reduce_sum(block(inputs))
    step, numeric = 1e-2, []
    for shift in np.eye(3, dtype="f4") * step:
        numeric.append((tf.reduce_sum(block(vector + shift)) - tf.reduce_sum(block(vector - shift))) / (2 * step))
    np.testing.assert_allclose(tape.gradient(total, inputs)[0], numeric, rtol=2e-2, atol=1e-3)
