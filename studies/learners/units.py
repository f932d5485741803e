"""Defines what a unit of the study of learners is measured on: the images, and the number of epochs."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from data import Dataset, normalise
from learners.cnn import SMALLEST
from settings.errors import UsageError
from settings.names import SIDE
from studies import units

MNIST = (SIDE, SIDE, 1)  # the shape of an image, if nothing else is said


@dataclasses.dataclass(frozen=True)
class Images:
    """Training and test images: images [n, rows, columns, channels] float32 in 0..1 with labels [n] int64."""

    x_train: tf.Tensor
    y_train: tf.Tensor
    x_test: tf.Tensor
    y_test: tf.Tensor

    @classmethod
    def of(cls, dataset: Dataset, samples: int = 0) -> "Images":
        """Takes the first `samples` training images of a Dataset (0: all) and its test images.

        Raises UsageError where there are not as many.
        """
        count = samples or len(dataset.y_train)
        if not 12 <= count <= len(dataset.y_train):
            raise UsageError(f"--samples must be 0 (all) or 12 to {len(dataset.y_train)}, not {samples}")
        return cls(
            tf.constant(normalise(dataset.x_train[:count])),
            tf.constant(dataset.y_train[:count].astype(np.int64)),
            tf.constant(normalise(dataset.x_test)),
            tf.constant(dataset.y_test.astype(np.int64)),
        )

    def check(self, parts: list[str]):
        """Raises UsageError where the images cannot serve all `parts` of the study, see PARTS of its command."""
        (rows, columns, _), classes = self.form
        tuning = self.for_tuning()
        held_out = "the last sixth of the training images, which tune the learning rates"
        for labels, name in (
            (tuning.y_train, "the first five sixths of the training images"),
            (tuning.y_test, held_out),
            (self.y_test, "the test images"),
        ):
            if missing := sorted(set(range(classes)) - set(labels.numpy().tolist())):
                raise UsageError(f"class {missing[0]} is not among {name}; shuffle the images, or use more of them")
        if "accuracy" in parts and min(rows, columns) < SMALLEST:
            raise UsageError(
                f"images of {rows} x {columns} pixels are too small for the convolutional network, which needs "
                f"{SMALLEST} x {SMALLEST}; enlarge them, or give --parts without accuracy"
            )
        if "forgetting" in parts and classes < 4:
            raise UsageError(f"{classes} classes make no sequence of tasks; give --parts without forgetting")

    @property
    def form(self) -> tuple[tuple[int, ...], int]:
        """The shape of an image (rows, columns, channels) and the number of classes, as networks are built for them."""
        return tuple(self.x_train.shape[1:]), 1 + max(
            int(labels.numpy().max()) for labels in (self.y_train, self.y_test)
        )

    def for_tuning(self) -> "Images":
        """Returns the training images alone; the last sixth of them, in file order, serve as test images."""
        start = len(self.y_train) * 5 // 6
        return Images(self.x_train[:start], self.y_train[:start], self.x_train[start:], self.y_train[start:])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unit(units.Unit):
    """One measurement of the study of learners."""

    def measure(self, images: Images, epochs: int, folder: Path) -> units.Rows:
        """Returns the rows (dicts) of this unit; `epochs` replace the planned ones where they are not 0."""
        raise NotImplementedError
