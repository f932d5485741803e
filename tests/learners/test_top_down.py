"""Look-ahead and anticipating neurons, against networks in NumPy, hand computation and numeric differentiation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from attention_networks import KINDS, ordinary_network, put_random, random_batch

from learners import make_learner
from learners.attention_seeking import seeking
from learners.base import Learner
from learners.dense import dense_network
from learners.top_down import send_down
from models import VectorModel

RATE = 0.3


def softmax(logits):
    p = np.exp(logits - logits.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True)


def vector_model(widths, attention, shape, classes, optimizer):
    learner = make_learner("dense", widths, attention=attention)
    return VectorModel(learner.build(shape, classes), optimizer, learner)


def small_batch(count=5):
    """Draws the weights of 3-6-4-3, two hidden layers, and examples with labels, all in float64."""
    rng = np.random.default_rng(8)
    kernels = [rng.normal(0, 0.8, shape) for shape in ((3, 6), (6, 4), (4, 3))]
    biases = [rng.normal(0, 0.3, size) for size in (6, 4, 3)]
    return kernels, biases, rng.normal(size=(count, 3)), rng.integers(0, 3, count)


def as_vector(kernels, biases):
    return np.concatenate([part.ravel() for pair in zip(kernels, biases, strict=True) for part in pair]).astype("f4")


def train(model, weights, state, inputs, labels):
    """Returns (weights, state) after one batch."""
    order = np.arange(len(labels), dtype=np.int32)[None]
    return model.train(weights, state, tf.constant(inputs, tf.float32), tf.constant(labels), order, len(labels))[:2]


def test_l2_look_ahead_by_hand():
    """One example: what the hidden neurons follow is backpropagation plus rate * a_j * sum over k of e_k^2."""
    first, second = np.array([[0.5, 1, -1], [0.2, -1, 1]]), np.array([[2, -3], [5, 5], [-0.1, 4]])
    inputs, label = np.array([1.0, 2.0]), 1
    model = vector_model("3", "l2-look-ahead", (2,), 2, keras.optimizers.SGD(RATE))
    start = as_vector([first, second], [np.zeros(3), np.zeros(2)])
    after, _ = train(model, start, model.initial_state(), inputs[None], np.array([label]))
    a = np.array([0.9, 0, 1])  # z = (0.9, -1, 1)
    e = np.eye(2)[label] - softmax(a @ second)
    signal = (second @ e + RATE * a * (e @ e)) * (a > 0)
    expected = as_vector(
        [first + RATE * np.outer(inputs, signal), second + RATE * np.outer(a, e)], [RATE * signal, RATE * e]
    )
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)
    assert np.abs(RATE * a * (e @ e)).max() > 0.01


class Adam:
    """Adam for one array as Kingma and Ba 2015 have it at the end of section 2, or gradient descent.

    A large epsilon keeps steps along small gradients small.
    """

    def __init__(self, plain):
        self.plain, self.first, self.second, self.steps = plain, 0, 0, 0

    def step(self, gradient):
        if self.plain:
            return -RATE * gradient
        self.steps += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.999 * self.second + 0.001 * gradient**2
        rate = 0.05 * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        return -rate * self.first / (np.sqrt(self.second) + 1e-3)


SLOPES = {"l2": lambda w: w, "l1_scaled": lambda w: np.sign(w) * abs(w).mean()}


@pytest.mark.parametrize("attention", SLOPES)
@pytest.mark.parametrize("plain", [True, False])
def test_look_ahead_follows_weights_as_the_optimizer_has_moved_them(attention, plain):
    """Three batches through two hidden layers, beside a top-down loop in NumPy."""
    optimizer = keras.optimizers.SGD(RATE) if plain else keras.optimizers.Adam(0.05, epsilon=1e-3)
    model = vector_model("6-4", f"{attention}-look-ahead", (3,), 3, optimizer)
    kernels, biases, inputs, labels = small_batch()
    weights, state = as_vector(kernels, biases), model.initial_state()
    adams = [[Adam(plain), Adam(plain)] for _ in kernels]
    for _ in range(3):
        weights, state = train(model, weights, state, inputs, labels)
        activations = [inputs]
        for kernel, bias in zip(kernels, biases, strict=True):
            activations.append(np.maximum(activations[-1] @ kernel + bias, 0))
        logits = activations[-2] @ kernels[-1] + biases[-1]
        delta = (softmax(logits) - np.eye(3)[labels]) / len(labels)
        for layer in (2, 1, 0):
            kernels[layer] = kernels[layer] + adams[layer][0].step(activations[layer].T @ delta)
            biases[layer] = biases[layer] + adams[layer][1].step(delta.sum(0))
            delta = delta @ SLOPES[attention](kernels[layer]).T * (activations[layer] > 0)
        np.testing.assert_allclose(weights, as_vector(kernels, biases), rtol=1e-4, atol=2e-5)


def test_look_ahead_without_a_step_is_the_attention_itself():
    kernels, biases, inputs, labels = small_batch()
    after = []
    for attention in ("l1_scaled", "l1_scaled-look-ahead"):
        model = vector_model("6-4", attention, (3,), 3, keras.optimizers.SGD(1e-6))
        after.append(train(model, as_vector(kernels, biases), model.initial_state(), inputs, labels)[0])
    np.testing.assert_allclose(*after, atol=1e-9)


def anticipating_gradients(kernels, biases, inputs, labels):
    """Returns the kernels' gradients by the learner's own loop, divided by no rate."""
    network = seeking(dense_network([6, 4], (3,), 3), "l2-anticipating")
    network.set_weights([part for pair in zip(kernels, biases, strict=True) for part in pair])
    _, gradients = send_down(Learner(), network, tf.constant(inputs, tf.float32), labels, anticipating=True)
    return [gradient.numpy() for gradient in gradients[::2]]


def test_anticipating_signal_of_the_last_hidden_layer_by_the_formula_and_numerically():
    """s_j = sum over k of w_kj (t_k - p_k) - a_j Var_p(w_j), the slope of what a_j earns: a_j times sum of w_kj e_k."""
    kernels, biases, inputs, labels = small_batch(count=1)
    hidden = np.maximum(np.maximum(inputs @ kernels[0] + biases[0], 0) @ kernels[1] + biases[1], 0)
    assert (hidden > 0).sum() >= 2
    target, a, top = np.eye(3)[labels[0]], hidden[0], kernels[2]

    def earned(unit, value):
        """What the unit's attention grows by, over the rate, if its activation is `value`."""
        changed = a.copy()
        changed[unit] = value
        return value * (top[unit] @ (target - softmax(changed @ top + biases[2])))

    numeric = [(earned(j, a[j] + 1e-5) - earned(j, a[j] - 1e-5)) / 2e-5 for j in range(4)]
    p = softmax(a @ top + biases[2])
    formula = [top[j] @ (target - p) - a[j] * (p @ top[j] ** 2 - (p @ top[j]) ** 2) for j in range(4)]
    np.testing.assert_allclose(numeric, formula, rtol=1e-6, atol=1e-9)
    below = np.maximum(inputs @ kernels[0] + biases[0], 0)[0]
    expected = -np.outer(below, np.array(formula) * (a > 0))
    np.testing.assert_allclose(anticipating_gradients(kernels, biases, inputs, labels)[1], expected, atol=1e-5)


@KINDS
def test_anticipating_signals_of_all_layers_numerically(kind):
    """Beside ordinary networks in float64: -a_j times the second difference of the loss, where a layer is entered."""
    images, labels = (part[:3] for part in random_batch())
    plain = ordinary_network(kind, "relu")
    attending = seeking(plain, "l2-anticipating")
    attending.set_weights(put_random(plain, 2, spread=0.3))
    _, ours = send_down(Learner(), attending, tf.constant(images), labels, anticipating=True)
    double = keras.models.clone_model(
        plain, clone_function=lambda layer: type(layer).from_config(layer.get_config() | {"dtype": "float64"})
    )
    double.set_weights(plain.get_weights())
    expected = expected_gradients(double, tf.constant(images, tf.float64), labels)
    for gradient, true in zip(ours, expected, strict=True):
        assert np.abs(true).max() > 0.01
        np.testing.assert_allclose(gradient, true, rtol=1e-3, atol=1e-5)
    _, simple = send_down(Learner(), attending, tf.constant(images), labels)
    assert all(np.abs(gradient - other).max() > 1e-3 for gradient, other in zip(ours[:-2], simple[:-2], strict=True))


def losses_above(network, number, inputs, labels):
    """Returns the losses [n] for what enters the layer of that number."""
    for layer in network.layers[number:]:
        inputs = layer(inputs)
    return keras.losses.sparse_categorical_crossentropy(labels, inputs).numpy()


def second_differences(network, number, inputs, labels, step=1e-3):
    """Returns the second difference of each example's loss for each single number that enters a layer."""
    found = np.zeros(inputs.shape)
    for example in range(len(inputs)):
        flat = np.ravel(inputs[example])
        moved = [flat + sign * step * np.eye(flat.size) for sign in (1, -1)] + [flat[None]]
        up, down, here = (
            losses_above(network, number, rows.reshape(-1, *inputs.shape[1:]), np.full(len(rows), labels[example]))
            for rows in moved
        )
        found[example] = ((up + down - 2 * here) / step**2).reshape(inputs.shape[1:])
    return found


def expected_gradients(network, images, labels):
    """Returns the gradients of all variables; ordinary layers send down their signals, and -a_j times the second
    difference is added for what enters a layer with weights."""
    entered, gradients, signal = [images], [], None
    for layer in network.layers:
        entered.append(layer(entered[-1]))
    for number, layer in reversed([*enumerate(network.layers)]):
        inputs = entered[number]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
            if signal is None:
                outputs = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, outputs))
        gradients = [part.numpy() for part in tape.gradient(outputs, layer.trainable_variables, signal)] + gradients
        signal = tape.gradient(outputs, inputs, signal)
        if layer.trainable_variables and number:
            signal += inputs * second_differences(network, number, inputs.numpy(), labels) / len(labels)
    return gradients


def test_anticipating_neurons_need_piecewise_linear_activations():
    network = seeking(dense_network([5], (3,), 2, "tanh"), "l2-anticipating")
    with pytest.raises(ValueError, match="piecewise linear activations, not tanh"):
        send_down(Learner(), network, tf.zeros((1, 3)), np.array([0]), anticipating=True)
