"""Dense networks, plain or of neurons that seek attention, to compare learners in networks of equal size."""

import keras

from learners.top_down import TopDownLearner
from settings.names import CLASSES


class LocalLearner(TopDownLearner):
    """Dense layers of the widths that the variant names, like 256-256, trained by their optimizer (ours).

    With an `attention`, one of learners.attention_seeking.ATTENTIONS, they send that down instead of the gradient;
    `feedback_seed` draws the weights of "random".
    """

    def __init__(self, variant: str = "256-256", attention: str | None = None, feedback_seed: int = 0):
        super().__init__(variant)
        self.attention, self.feedback_seed = attention, feedback_seed

    def build(self, shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES) -> keras.Model:
        network = dense_network([int(width) for width in self.variant.split("-")], shape, classes)
        if not self.attention:
            return network
        from learners.attention_seeking import seeking

        return seeking(network, self.attention, self.feedback_seed)


def dense_network(
    widths: list[int], shape: tuple[int, ...] = (28, 28, 1), classes: int = CLASSES, activation: str = "relu"
) -> keras.Sequential:
    """Builds hidden layers as wide as `widths`: images [n, *shape] to probabilities [n, classes]."""
    layers = keras.layers
    hidden = [layers.Dense(width, activation=activation) for width in widths]
    return keras.Sequential(
        [keras.Input(shape), layers.Flatten(), *hidden, layers.Dense(classes, activation="softmax")]
    )
