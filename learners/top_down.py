"""Two forms of seeking attention whose signals are sent layer after layer, from the output layer down (derived).

Equations (1) to (3) of learners/attention_seeking.py take the next layer's weights as they are and its signals as
given. Here a neuron knows more:

    look-ahead     The next layer has taken its step already, and the neuron weighs the signals by the new weights:
                       s_j = sum over k of phi'(w_kj + dw_kj) e_k
                   With phi = w^2 / 2, one example and plain gradient descent this is sum over k of w_kj e_k, as in
                   backpropagation, plus rate * a_j * sum over k of e_k^2.
    anticipating   The neuron knows that the receivers' signals depend on its own activation:
                       s_j = sum over k of phi'(w_kj) (e_k + a_j de_k/da_j)

For the anticipating form phi is w^2 / 2, the loss is the cross-entropy of a softmax, and activation functions are
piecewise linear. Then the second part is -a_j times the variance of dz_c/da_j over the classes c, z_c being what enters
the softmax and a class counting by its probability. For the last hidden layer dz_c/da_j is the weight w_cj. Below it,
de_k/da_j is the derivative of the signals (3): that the receivers anticipate too is left out there.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from learners.base import Learner

LOOK_AHEAD, ANTICIPATING = "look-ahead", "anticipating"
PIECEWISE_LINEAR = (keras.activations.linear, keras.activations.relu)

Move = Callable[[list[keras.Variable], list[tf.Tensor]], None]


def form_of(attention: str | None) -> str:
    """Returns the form in an attention's name: look-ahead of "l2-look-ahead", nothing of "l2"."""
    return (attention or "").partition("-")[2]


class TopDownLearner(Learner):
    """A learner whose network seeks `attention`, one of the attention-seeking variants, in any of their forms."""

    attention: str | None

    def step(
        self, network: keras.Model, optimizer: keras.optimizers.Optimizer, inputs: tf.Tensor, targets: tf.Tensor
    ) -> tf.Tensor:
        """Trains the network on one batch; returns the losses [n] of before."""
        form, weights = form_of(self.attention), network.trainable_variables
        if form == LOOK_AHEAD:

            def move(variables: list[keras.Variable], gradients: list[tf.Tensor]):
                optimizer.apply(gradients, variables)
                optimizer.iterations.assign_sub(1)  # all layers take the same step, one after the other

            losses, _ = send_down(self, network, inputs, targets, move, training=True)
            optimizer.iterations.assign_add(1)
            return losses
        if form == ANTICIPATING:
            losses, gradients = send_down(self, network, inputs, targets, anticipating=True, training=True)
            optimizer.apply(tf.tuple(gradients), weights)
            return losses
        return super().step(network, optimizer, inputs, targets)


def send_down(
    learner: Learner,
    network: keras.Sequential,
    images: tf.Tensor,
    labels: tf.Tensor,
    move: Move | None = None,
    anticipating: bool = False,
    training: bool = False,
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Sends the signals down a network of seeking layers; returns the losses [n] and the gradient of each variable.

    `move(variables, gradients)` is called for every layer with weights, the last one first, before the layer sends its
    signal. A layer whose kernel has been moved sends the signal of look-ahead. Raises ValueError where anticipating
    neurons have an activation function that is not piecewise linear.
    """
    entered, hidden = [], images
    with tf.GradientTape(persistent=True) as tape:
        for layer in network.layers:
            tape.watch(hidden)
            entered.append(hidden)
            hidden = layer(hidden, training=training)
        losses = learner.losses(labels, hidden)
        target = tf.reduce_mean(losses)
    if anticipating:
        slopes = _class_slopes(network, hidden)
    lowest = next(number for number, layer in enumerate(network.layers) if layer.trainable_variables)
    # The last layer and the loss are one step, for Keras computes the loss from what enters the softmax.
    signal, gradients = None, []
    for number in reversed(range(lowest, len(network.layers))):
        layer, inputs = network.layers[number], entered[number]
        own = tape.gradient(target, layer.trainable_variables, signal)
        gradients = own + gradients
        if own and move:
            move(layer.trainable_variables, own)
        if number == lowest:
            break
        below = tape.gradient(target, inputs, signal)  # a loss's gradient, the opposite of the e in the equations
        if anticipating and signal is not None:
            slopes = tf.map_fn(lambda slope, to=inputs, of=target: tape.gradient(of, to, slope), slopes)
        if anticipating and own:
            below += inputs * _class_variance(slopes, hidden) / tf.cast(tf.shape(images)[0], tf.float32)
        target, signal = inputs, below
    return losses, gradients


def _class_slopes(network: keras.Sequential, probabilities: tf.Tensor) -> tf.Tensor:
    """Returns the derivative of what enters the softmax for the inputs of the last layer [classes, n, width]."""
    for layer in network.layers[:-1]:
        if getattr(layer, "activation", keras.activations.linear) not in PIECEWISE_LINEAR:
            raise ValueError(f"anticipating neurons need piecewise linear activations, not {layer.activation.__name__}")
    kernel = tf.transpose(network.layers[-1].kernel)
    return tf.repeat(kernel[:, None], tf.shape(probabilities)[0], axis=1)


def _class_variance(slopes: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Returns the variance over the classes of slopes [classes, n, ...], each class counting by its probability."""
    shares = tf.transpose(probabilities)[(..., *[None] * (len(slopes.shape) - 2))]
    mean = tf.reduce_sum(shares * slopes, 0)
    return tf.reduce_sum(shares * (slopes - mean) ** 2, 0)
