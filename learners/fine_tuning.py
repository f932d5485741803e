"""Pseudo-attention over blocks of a frozen, trained network (D2BL: Coppari and Tedoldi 2023): only a head learns.

Not among the learners that `--learner` names, since it needs a trained network: `LocalLearner(backbone=...)`.
"""

from collections.abc import Callable

import keras

from learners.d2bl import FanInLearner, Frozen, gelu
from learners.pseudo_attention import PseudoAttention
from settings.errors import UsageError
from settings.names import CLASSES

# Of keras.applications: the layers whose outputs are the past, and what these are pooled to (authors' code).
TAPS = {
    "ResNet50": (("conv3_block4_out", "conv4_block6_out", "conv5_block3_out"), (3, 3, 512)),
    "VGG19": (("block4_conv3", "block4_conv4", *(f"block5_conv{number}" for number in range(1, 5))), (2, 2, 512)),
}


def centred(images: keras.KerasTensor) -> keras.KerasTensor:
    """Maps [0, 1] to [-1, 1] (authors' code); networks of keras.applications were trained with other inputs."""
    return (images - 0.5) / 0.5


class LocalLearner(FanInLearner):
    """A head that attends to a backbone's blocks: 447,306 weights on ResNet-50, 201,546 on VGG-19.

    `backbone` is a Keras model or a name in TAPS; without one, images are features [taps + 1, f] that a model of
    `tapped_features` has computed, which saves time when they are used again and again. A variant is the disturbance:
    copy (authors' code), swap or undisturbed; or a head without attention (plain).
    """

    def __init__(
        self,
        variant: str = "copy",
        backbone: keras.Model | str | None = None,
        taps: tuple[str, ...] = (),
        pooled: tuple[int, ...] = (),
        width: int = 32,
        heads: int = 2,
        evaluation_noise: bool = True,
        preprocess: Callable[[keras.KerasTensor], keras.KerasTensor] = centred,
    ):
        super().__init__(variant)
        if isinstance(backbone, str):
            backbone, taps, pooled = pretrained(backbone), *TAPS[backbone]
        self.backbone, self.taps, self.pooled = backbone, taps, pooled
        self.width, self.heads = width, heads
        self.evaluation_noise, self.preprocess = evaluation_noise, preprocess

    def network(self, shape: tuple[int, ...], classes: int) -> keras.Model:
        if self.backbone is None:
            return self.head(shape, classes)
        features = tapped_features(self.backbone, self.taps, self.pooled, shape, self.preprocess)
        return keras.Model(features.input, self.head(features.output.shape[1:], classes)(features.output))

    def head(self, shape: tuple[int, ...], classes: int) -> keras.Model:
        """Builds what learns: features [n, taps + 1, f] to class probabilities [n, classes]."""
        if self.variant == "plain":
            return plain_network(shape, classes, self.width)
        disturbance = "" if self.variant == "undisturbed" else self.variant
        attention = PseudoAttention(
            self.width, self.heads, self.draws, disturbance=disturbance, evaluation_noise=self.evaluation_noise
        )
        features = keras.Input(shape)
        return keras.Model(features, _classify(attention(features[:, -1], features[:, :-1]), self.width, classes))


def plain_network(shape: tuple[int, ...], classes: int = CLASSES, width: int = 32) -> keras.Model:
    """Builds a head that sees the last feature map only, through a dense layer of the size of the three maps (ours)."""
    features = keras.Input(shape)
    hidden = gelu(keras.layers.Dense(3 * width)(features[:, -1]))
    return keras.Model(features, _classify(hidden, width, classes))


def _classify(hidden: keras.KerasTensor, width: int, classes: int) -> keras.KerasTensor:
    """Adds the two last layers; what the softmax gets is the GELU of the logits (authors' code)."""
    hidden = gelu(keras.layers.Dense(2 * width)(hidden))
    return keras.layers.Softmax()(gelu(keras.layers.Dense(classes)(hidden)))


def tapped_features(
    backbone: keras.Model,
    taps: tuple[str, ...],
    pooled: tuple[int, ...],
    shape: tuple[int, ...],
    preprocess: Callable[[keras.KerasTensor], keras.KerasTensor] = centred,
) -> keras.Model:
    """Builds a frozen Keras model: images [n, *shape] in [0, 1] to features [n, taps + 1, f].

    The outputs of the layers named `taps`, and last of all the backbone's own output, are pooled to `pooled` (height,
    width, channels), and f is its product. Images are enlarged to the backbone's input, and grey ones made coloured.
    The authors' ResNet keeps on updating its batch statistics; here nothing of the backbone changes.
    """
    height, width, channels = backbone.input_shape[1:]
    images = keras.Input(shape)
    inputs = images if shape[:2] == (height, width) else keras.layers.Resizing(height, width)(images)
    inputs = inputs if shape[2] == channels else keras.ops.repeat(inputs, channels, axis=-1)
    outputs = [*(backbone.get_layer(name).output for name in taps), *backbone.outputs]
    tapped = Frozen(keras.Model(backbone.inputs[0], outputs))
    flat = [_pooled(maps, pooled) for maps in tapped(preprocess(inputs))]
    return keras.Model(images, keras.ops.stack(flat, axis=1))


def _pooled(maps: keras.KerasTensor, pooled: tuple[int, ...]) -> keras.KerasTensor:
    """Averages maps [n, h, w, c] over bins of rows, columns and channels: [n, product of `pooled`]."""
    layers, channels = keras.layers, maps.shape[-1]
    places = layers.Reshape((-1, channels))(layers.AdaptiveAveragePooling2D(pooled[:2])(maps))
    return layers.Flatten()(layers.AdaptiveAveragePooling1D(pooled[2], data_format="channels_first")(places))


def pretrained(name: str, size: int = 224) -> keras.Model:
    """Loads one of keras.applications as trained on ImageNet, without its classifier, for images of `size` pixels.

    Raises UsageError where Keras has no such network, or its weights are neither in Keras' cache nor to be had.
    """
    if name not in TAPS:
        raise UsageError(f"the backbone must be one of {', '.join(TAPS)}, not {name!r}")
    try:
        return getattr(keras.applications, name)(include_top=False, weights="imagenet", input_shape=(size, size, 3))
    except Exception as error:  # Keras raises bare Exceptions when a download fails
        reason = str(error).partition("\n")[0]
        raise UsageError(f"the weights of {name} are not in Keras' cache and cannot be loaded ({reason})") from error
