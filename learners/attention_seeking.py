"""Neurons that seek the attention of the next layer's neurons, as a local learner.

Derived, not taken from "Seeking Next Layer Neurons' Attention" (arXiv 2310.09952), whose abstract names the objective
and whose formulas are unknown to us. The attention that neuron j gets is A_j = sum over the next layer's neurons k of
phi(w_kj), phi even and growing in |w|. Every neuron moves its own incoming weights along its signal e_k [n]:

    (1)  dw_kj = rate * sum over examples of e_k a_j

so that neuron j's attention grows, to first order, by

    (2)  dA_j = sum over k of phi'(w_kj) dw_kj = rate * sum over examples of a_j s_j,
         where s_j = sum over k of phi'(w_kj) e_k,

and its best reply to what the next layer does is to follow the slope of this, which makes its own signal

    (3)  e_j = f'(z_j) s_j,

f being its activation function and z_j what it is applied to; output neurons have the loss's negative gradient. With
phi = w^2 / 2, phi' is the weight itself and this is backpropagation; otherwise it is backpropagation with phi'(W) in
place of W on the way down. So the layers here compute what Keras' layers do, and send down another signal; any
optimizer turns the signals into steps. learners/top_down.py has two forms of s_j that need more than that.
"""

import itertools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from learners import VARIANTS, cnn
from learners.base import Learner
from learners.top_down import ANTICIPATING, LOOK_AHEAD, TopDownLearner, form_of, send_down
from settings.names import CLASSES

ATTENTIONS = VARIANTS["attention-seeking"]
POWER = 1.5  # p of "lp"


def attention_paid(attention: str, kernel: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """Computes phi(w) of every weight of a kernel [..., neurons below, neurons]; "random" has none: nan (derived).

    The unit of l1_scaled (mean |w|) and of soft (root of the mean w^2) is that of the kernel `start`.
    """
    size = tf.abs(kernel)
    match attention:
        case "l2":
            return size**2 / 2
        case "l1":
            return size
        case "l1_scaled":
            return mean_size(start) * size
        case "lp":
            return size**POWER / POWER
        case "soft":
            unit = root_mean_square(start)
            ratio = tf.math.divide_no_nan(size, unit)
            return unit * (ratio + tf.math.softplus(-2 * ratio) - np.log(2))  # unit * log(cosh(ratio)), no overflow
        case "share":
            return tf.math.divide_no_nan(size, budgets(kernel))
    return tf.fill(kernel.shape, tf.constant(np.nan, kernel.dtype))


def attention_slope(attention: str, kernel: tf.Tensor) -> tf.Tensor:
    """Computes phi'(w) of every weight of a kernel [..., neurons below, neurons] (derived)."""
    match attention:
        case "l2":
            return kernel
        case "l1":
            return tf.sign(kernel)
        case "l1_scaled":  # plain L1 multiplies the signal by about 1 / mean |w| a layer
            return mean_size(kernel) * tf.sign(kernel)
        case "lp":
            return tf.sign(kernel) * tf.abs(kernel) ** (POWER - 1)
        case "soft":
            return tf.tanh(tf.math.divide_no_nan(kernel, root_mean_square(kernel)))
        case "share":  # of the synapse itself; those beside it also take from the share, and the neuron ignores that
            budget = budgets(kernel)
            return tf.sign(kernel) * tf.math.divide_no_nan(budget - tf.abs(kernel), budget**2)
    raise ValueError(f"no attention {attention!r} with a slope")


def mean_size(kernel: tf.Tensor) -> tf.Tensor:
    """Computes the mean |w| of a kernel, of any shape; a scalar."""
    return tf.reduce_mean(tf.abs(kernel))


def root_mean_square(kernel: tf.Tensor) -> tf.Tensor:
    """Computes the root of the mean w^2 of a kernel, of any shape; a scalar."""
    return tf.sqrt(tf.reduce_mean(kernel**2))


def budgets(kernel: tf.Tensor) -> tf.Tensor:
    """Returns how much attention each neuron has to share out, the sum of its weights' sizes: [1, ..., neurons]."""
    return tf.reduce_sum(tf.abs(kernel), axis=list(range(len(kernel.shape) - 1)), keepdims=True)


class Attending:
    """What makes a Keras layer send its attention down instead of the gradient; mixed into the layer's class.

    The layer's `form` is that of the whole network: send_down of learners/top_down.py does what belongs to it.
    """

    def __init__(self, attention: str, seed: int | tuple[int, int] = 0, **options: object):
        """`attention` is one of ATTENTIONS; `seed` draws the weights of "random"; `options` are the Keras layer's."""
        if attention not in ATTENTIONS:
            raise ValueError(f"attention must be one of {', '.join(ATTENTIONS)}, not {attention!r}")
        super().__init__(**options)
        self.attention, self.form = attention.partition("-")[0], form_of(attention)
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]):
        super().build(input_shape)
        if self.attention == "random":
            # Feedback alignment, for comparison: of the scale of the first weights, and never changed. A constant, for
            # only trainable variables travel.
            self.fixed = Learner().initial(self.kernel, np.random.default_rng(self.seed))

    def slope(self, kernel: tf.Tensor) -> tf.Tensor:
        """Returns what stands for the kernel on the way down, of the same shape."""
        return self.fixed if self.attention == "random" else attention_slope(self.attention, kernel)

    def attend(
        self, operation: Callable[[tf.Tensor | tf.Variable, tf.Tensor], tf.Tensor], inputs: tf.Tensor | tf.Variable
    ) -> tf.Tensor:
        """Computes operation(inputs, kernel), of which the inputs get the signal as if slope(kernel) were the kernel.

        The kernel gets the ordinary gradient for the layer's signal, equation (1). The slope is that of the kernel as
        it was read for the outputs, so that Keras' own training may move the kernel at any time after. Only look-ahead
        reads the kernel once more, when the signal is sent.
        """
        kernel = tf.convert_to_tensor(self.kernel)

        @tf.custom_gradient
        def with_attention_below(
            outputs: tf.Tensor, inputs: tf.Tensor | tf.Variable
        ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
            def signals(signal: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                weighed = tf.convert_to_tensor(self.kernel) if self.form == LOOK_AHEAD else kernel
                # Nothing uses what is computed here anew, so in a tf.function only its gradient remains.
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    outputs = operation(inputs, self.slope(weighed))
                return signal, tape.gradient(outputs, inputs, signal)

            return tf.identity(outputs), signals

        return with_attention_below(operation(tf.stop_gradient(inputs), kernel), inputs)


class AttentionDense(Attending, keras.layers.Dense):
    """Keras' Dense; the signal to inputs [..., j] is the attention of its neurons (derived)."""

    def call(self, inputs: tf.Tensor | tf.Variable, training: bool | None = None) -> tf.Tensor:
        outputs = self.attend(keras.ops.matmul, inputs)
        return self.activation(outputs if self.bias is None else keras.ops.add(outputs, self.bias))


class AttentionConv2D(Attending, keras.layers.Conv2D):
    """Keras' Conv2D; the signal to inputs [n, rows, columns, j] is the attention of its neurons (derived)."""

    def convolution_op(self, inputs: tf.Tensor, kernel: keras.Variable) -> tf.Tensor:
        return self.attend(super().convolution_op, inputs)


SEEKING = {keras.layers.Dense: AttentionDense, keras.layers.Conv2D: AttentionConv2D}
ORDINARY = {attending: plain for plain, attending in SEEKING.items()}


def seeking(network: keras.Model, attention: str, seed: int = 0) -> keras.Model:
    """Builds what the ordinary `network` is, with weights of its own, of layers that pay `attention` (derived)."""
    numbers = itertools.count()  # every layer draws from a generator of its own

    def convert(layer: keras.Layer) -> keras.Layer:
        options = layer.get_config()
        if type(layer) not in SEEKING:
            return type(layer).from_config(options)
        return SEEKING[type(layer)](attention, (seed, next(numbers)), **options)

    return keras.models.clone_model(network, clone_function=convert)


def ordinary(network: keras.Model) -> keras.Model:
    """Builds the network of Keras' own layers, with the same weights, that a seeking one stands for."""

    def convert(layer: keras.Layer) -> keras.Layer:
        return ORDINARY.get(type(layer), type(layer)).from_config(layer.get_config())

    twin = keras.models.clone_model(network, clone_function=convert)
    twin.set_weights(network.get_weights())
    return twin


class LocalLearner(TopDownLearner, cnn.LocalLearner):
    """The paper's local foundation model, of 33,580 weights, whose neurons seek attention (derived).

    The default variant, l1_scaled, is our reading of "attention", not the formula of arXiv 2310.09952, which is
    unknown to us; l2 is backpropagation, and random is feedback alignment.
    """

    @property
    def attention(self) -> str:
        """Returns what the network seeks."""
        return self.variant

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        return seeking(cnn.convolutional_network(shape, classes), self.variant)


def alignment(
    network: keras.Model,
    images: tf.Tensor | np.ndarray,
    labels: tf.Tensor | np.ndarray,
    learning_rate: float = 0.01,
    relative: bool = False,
) -> list[dict[str, float]]:
    """Measures the attention in a network of seeking layers, for one batch: one dict a layer with weights.

    images [n, ...], labels [n]. `layer` counts from 1, `depth` from the output layer's 0. `attention` is the mean A_j
    over the neurons (convolution: channels) below the layer; `growth` is by how much one step (1) at `learning_rate`
    changes it, and `predicted_growth` what (2) says; if `relative`, the step is that many times as long as the kernel,
    so that attentions with signals of different lengths can be compared. (Shares always add up to the number of
    receivers: the mean of "share" does not grow, though each neuron, who ignores the others, predicts so.) All three
    are nan for the first layer, below which are no neurons, and for "random". `cosine` is that between the step of the
    layer's kernel and the step by backpropagation. Layers act as in evaluation; no weight of the network changes.
    """
    layers = _weight_layers(network)
    steps = _kernel_steps(network, images, labels, learning_rate, relative)
    true_steps = _kernel_steps(ordinary(network), images, labels, learning_rate, relative)
    rows = []
    for number, (layer, step, true_step) in enumerate(zip(layers, steps, true_steps, strict=True), 1):
        start = tf.cast(tf.convert_to_tensor(layer.kernel), tf.float64)  # as growth is a small difference
        row = {"layer": number, "depth": len(layers) - number}
        rows.append(row | _growth(layer, start, step, number > 1))
        rows[-1]["cosine"] = _cosine(step.ravel(), true_step.ravel())
    return rows


def _growth(layer: Attending, start: tf.Tensor, step: np.ndarray, defined: bool) -> dict[str, float]:
    """Returns the attention that a layer of kernel `start` pays to a neuron below, and what `step` adds to it."""
    if not defined or layer.attention == "random":
        return dict.fromkeys(("attention", "growth", "predicted_growth"), np.nan)
    before, after = (attention_paid(layer.attention, kernel, start) for kernel in (start, start + step))
    paid = {"attention": before, "growth": after - before, "predicted_growth": layer.slope(start) * step}
    return {name: float(tf.reduce_sum(values)) / start.shape[-2] for name, values in paid.items()}


def _weight_layers(network: keras.Model) -> list[keras.Layer]:
    return [layer for layer in network.layers if isinstance(layer, tuple(SEEKING))]


def _kernel_steps(
    network: keras.Model,
    images: tf.Tensor | np.ndarray,
    labels: tf.Tensor | np.ndarray,
    learning_rate: float,
    relative: bool,
) -> list[np.ndarray]:
    """Returns the step of every layer's kernel, in float64; for `relative` see `alignment`."""
    layers = _weight_layers(network)
    form, before, steps = getattr(layers[0], "form", ""), network.get_weights(), {}

    def move(variables: list[keras.Variable], gradients: list[tf.Tensor]):
        kernel, gradient = variables[0], gradients[0].numpy().astype(float)
        length = np.linalg.norm(kernel) / max(np.linalg.norm(gradient), 1e-300) if relative else 1
        steps[kernel.path] = -learning_rate * length * gradient
        if form == LOOK_AHEAD:
            kernel.assign_add(steps[kernel.path])

    send_down(Learner(), network, tf.convert_to_tensor(images), labels, move, form == ANTICIPATING)
    network.set_weights(before)
    return [steps[layer.kernel.path] for layer in layers]


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the cosine between two vectors, nan where one of them is zero."""
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norms) if norms else np.nan
