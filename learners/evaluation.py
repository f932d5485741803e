"""Which class a model gives to images, by faster arithmetic that is checked where rounding may decide."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    import keras

    from learners.winograd import WinogradNetwork


class Evaluator:
    """Finds the likeliest classes of images by `twin`, which computes what `network` does in faster arithmetic.

    Where the two largest logits of an image differ by less than `share` of its logits' range, `network` decides: for
    this image, or with `whole_batch` for its batch, so that the rounding is that of `network` alone.
    """

    def __init__(
        self,
        network: "keras.Model",
        twin: "keras.Model | WinogradNetwork | None" = None,
        share: float | np.floating = 0.0,
        whole_batch: bool = False,
    ):
        self.network, self.twin, self.share, self.whole_batch = network, twin or network, share, whole_batch

    def variables(self) -> "list[list[keras.Variable]]":
        """Returns the lists of variables that have to hold the weights: one, where the twin shares the network's."""
        ours, theirs = self.network.trainable_variables, self.twin.trainable_variables
        return [ours] if theirs[0] is ours[0] else [ours, theirs]

    def classes(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the classes [n] int64 of images [n, ...]."""
        outputs = self.twin(images, training=False)
        classes = tf.argmax(outputs, -1)
        if not self.share:
            return classes
        logits = tf.sort(tf.math.log(tf.maximum(outputs, 1e-37)), direction="DESCENDING")  # but for a constant a row
        certainty = tf.math.divide_no_nan(logits[:, 0] - logits[:, 1], logits[:, 0] - logits[:, -1])
        doubtful = tf.where(certainty < self.share)
        if tf.size(doubtful) == 0:  # TensorFlow's max-pooling fails on no image
            return classes
        if self.whole_batch:
            return tf.argmax(self.network(images, training=False), -1)
        checked = tf.argmax(self.network(tf.gather_nd(images, doubtful), training=False), -1)
        return tf.tensor_scatter_nd_update(classes, doubtful, checked)
