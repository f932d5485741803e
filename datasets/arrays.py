"""Converts the arrays of a data set to one form, without loss, and recognises published sets by their SHA-256."""

import hashlib
from typing import NamedTuple

import numpy as np

from settings.errors import UsageError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MOST_CLASSES = 1000
FLAT, MNIST, CIFAR10 = 28 * 28, (28, 28), (32, 32, 3)  # shapes of published images


class Known(NamedTuple):
    """A published data set: title, SHA-256 over the bytes of its four uint8 arrays in the order of ARRAYS, the folder
    into which torchvision puts it, and Keras' files of it, relative to Keras' folder of data sets."""

    title: str
    sha256: str
    torchvision: str
    keras_files: tuple[str, ...]


KNOWN = {
    "mnist": Known(
        "MNIST", "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16", "MNIST", ("mnist.npz",)
    ),
    "fashion-mnist": Known(
        "Fashion-MNIST",
        "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
        "FashionMNIST",
        tuple(
            f"fashion-mnist/{part}-idx{form}-ubyte.gz"
            for part, form in (("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1))
        ),
    ),
    "cifar10": Known(
        "CIFAR-10",
        "80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660",
        "cifar-10-batches-py",
        ("cifar-10-batches-py-target_archive",),
    ),
}


def sha256(arrays: dict[str, np.ndarray]) -> str:
    """Returns the hexadecimal SHA-256 of the four arrays' bytes.

    Where the images have not the shape of a published set, their arrays' shapes follow as text, so that the same bytes
    in another shape have another SHA-256.
    """
    digest = hashlib.sha256()
    for key in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[key]))
    if arrays["x_train"].shape[1:] not in (MNIST, CIFAR10):
        digest.update(str([arrays[key].shape for key in ARRAYS]).encode())
    return digest.hexdigest()


def identify(arrays: dict[str, np.ndarray]) -> str | None:
    """Returns which of KNOWN the arrays are, None where they are none of them."""
    found = sha256(arrays)
    return next((name for name, known in KNOWN.items() if known.sha256 == found), None)


def convert(arrays: dict[str, np.ndarray], source: str) -> dict[str, np.ndarray]:
    """Returns images as uint8 [n, rows, columns] or [n, rows, columns, channels] and labels as [n], without loss.

    Images may be of any size, with the channels last or, if there are 1 or 3, first; grey ones of 28 x 28 may be flat,
    [n, 784]. Their values are whole numbers 0 to 255 of any type, or k / 255. Labels are whole numbers from 0 of any
    type, [n] or [n, 1], or one-hot, [n, classes]. They become uint8, or uint16 where there are more than 256 classes.
    Raises UsageError, which names `source`, on all else, and where a class has no training image.
    """
    images = [arrays[key] for key in ("x_train", "x_test") if arrays[key].dtype.kind == "f" and arrays[key].size]
    scaled = bool(images) and max(float(array.max()) for array in images) <= 1
    converted = {}
    for key in ARRAYS:
        array, is_image = arrays[key], key.startswith("x")
        if array.dtype.kind not in "uif" and not (array.dtype.kind == "b" and not is_image):
            kind = "text" if array.dtype.kind in "USO" else array.dtype
            wanted = (
                "numbers from 0 to 255 are wanted" if is_image else "whole numbers are wanted, 0 for the first class"
            )
            raise UsageError(f"{source}: {key} holds {kind}, where {wanted}")
        converted[key] = _images(array, scaled, key, source) if is_image else _labels(array, key, source)
    _check_shapes(converted, source)
    _check_classes(converted["y_train"], converted["y_test"], source)
    smallest = np.uint8 if converted["y_train"].max() < 256 else np.uint16
    return {key: array if key.startswith("x") else array.astype(smallest) for key, array in converted.items()}


def _check_shapes(arrays: dict[str, np.ndarray], source: str):
    """Raises UsageError where images and labels, or the images of training and test, do not fit together."""
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        sizes = len(arrays[images]), len(arrays[labels])
        if sizes[0] != sizes[1]:
            raise UsageError(f"{source}: {images} and {labels} differ in length ({sizes[0]} and {sizes[1]})")
    train, test = (" x ".join(map(str, arrays[key].shape[1:])) for key in ("x_train", "x_test"))
    if train != test:
        raise UsageError(f"{source}: x_train has images of {train}, x_test of {test}; give both the same shape")


def _check_classes(train: np.ndarray, test: np.ndarray, source: str):
    """Raises UsageError where a class has no training image, or there are too few or too many classes."""
    counts = np.bincount(train)
    if not 2 <= len(counts) <= MOST_CLASSES:
        raise UsageError(
            f"{source}: y_train has labels from 0 to {len(counts) - 1}; 2 to {MOST_CLASSES:,} classes are wanted"
        )
    if not counts.all():
        missing, last = int(counts.argmin()), len(counts) - 1
        raise UsageError(
            f"{source}: y_train has labels up to {last} but no image of class {missing}; number the classes from 0 "
            "without gaps"
        )
    if test.max() >= len(counts):
        raise UsageError(
            f"{source}: y_test holds class {test.max()}, of which y_train has no image; leave it out of y_test"
        )


def _images(array: np.ndarray, scaled: bool, key: str, source: str) -> np.ndarray:
    """Returns images as uint8 [n, rows, columns] or [n, rows, columns, channels]; `scaled`: floats are pixels / 255."""
    if array.ndim == 2 and array.shape[1] == FLAT:
        array = array.reshape(-1, *MNIST)
    if array.ndim not in (3, 4) or not array.size:
        wanted = f"images [n, rows, columns], [n, rows, columns, channels] or [n, {FLAT}]"
        raise UsageError(f"{source}: {key} has shape {list(array.shape)}, where {wanted} are wanted")
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[-1] > 4:
        array = np.moveaxis(array, 1, -1)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    return np.ascontiguousarray(array) if array.dtype == np.uint8 else _pixels(array, scaled, key, source)


def _pixels(array: np.ndarray, scaled: bool, key: str, source: str) -> np.ndarray:
    """Returns an array of whole numbers of another type, or of k / 255, as uint8."""
    scaled = scaled and array.dtype.kind == "f"
    # What k / 255 lost in its own type, or as float32 before it became float64.
    lost = 300 * max(np.finfo(array.dtype).eps, np.finfo(np.float32).eps) if scaled else 0
    pixels = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), 1000):  # in parts, for a float64 copy of all would fill the memory
        part = array[start : start + 1000]
        low, high = part.min(), part.max()
        if not 0 <= low <= high <= 255:  # nor NaN
            raise UsageError(f"{source}: {key} holds values from {low} to {high}; save the images as uint8, 0 to 255")
        values = part.astype(float) * (255 if scaled else 1)
        whole = np.rint(values)
        if (np.abs(values - whole) > lost).any():
            what = "multiples of 1/255" if scaled else "whole numbers"
            raise UsageError(f"{source}: {key} holds {array.dtype}, not {what}; save the images as uint8, 0 to 255")
        pixels[start : start + 1000] = whole
    return pixels


def _labels(array: np.ndarray, key: str, source: str) -> np.ndarray:
    """Returns labels as int64 [n], from 0 to at most MOST_CLASSES - 1."""
    if array.ndim not in (1, 2) or not array.size:
        wanted = "labels [n], [n, 1] or one-hot [n, classes]"
        raise UsageError(f"{source}: {key} has shape {list(array.shape)}, where {wanted} are wanted")
    if array.ndim == 2 and array.shape[1] > 1:
        if not (((array == 0) | (array == 1)).all() and (np.count_nonzero(array, axis=1) == 1).all()):
            raise UsageError(
                f"{source}: {key} {list(array.shape)} is not one-hot; give one label from 0 for each image"
            )
        return array.argmax(1)
    array = array.reshape(-1)
    if array.dtype.kind == "b" or not (array == np.floor(array)).all():
        raise UsageError(f"{source}: {key} holds {array.dtype}, not whole numbers; give labels 0, 1, 2, ...")
    if array.min() < 0:
        raise UsageError(f"{source}: {key} holds labels below 0; labels start at 0")
    if array.max() >= MOST_CLASSES:
        raise UsageError(f"{source}: {key} holds labels above {MOST_CLASSES - 1}; at most {MOST_CLASSES:,} classes fit")
    return array.astype(np.int64)
