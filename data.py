"""Which images there are, and which node holds which of them."""

import dataclasses
import gzip
import hashlib
import os
import socket
from pathlib import Path
from typing import Protocol

import numpy as np

from config import Config, UsageError, generator

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
CLASSES = 10
SIDE = 28
# SHA-256 over the bytes of the four uint8 arrays, in the order of ARRAYS.
MNIST_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
STAND_IN = "digits-stand-in"
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


class NamedData(Protocol):
    """What can tell which data set it is: a Dataset, or an engine whose nodes hold one."""

    @property
    def name(self) -> str: ...

    def sha256(self) -> str: ...


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images [n, 28, 28] uint8 with labels [n] uint8 in 0..9, in file order."""

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def sha256(self) -> str:
        """Returns the hexadecimal SHA-256 of the four arrays' bytes."""
        digest = hashlib.sha256()
        for key in ARRAYS:
            digest.update(np.ascontiguousarray(getattr(self, key)).tobytes())
        return digest.hexdigest()


def normalise(images: np.ndarray) -> np.ndarray:
    """Returns images [n, 28, 28] uint8 as [n, 28, 28, 1] float32 in 0..1 (authors' code: pixels / 255)."""
    return (images[..., np.newaxis] / 255).astype(np.float32)


def load_dataset(config: Config) -> Dataset:
    """Loads the data set, or where MNIST cannot be had the stand-in, and drops test images where that is asked for.

    The Dataset's name tells both. Order: `data_path`, $HL_DATA, Keras' cache, Keras' download. Raises UsageError on a
    file that is not what it should be, and where a data set other than MNIST cannot be had.
    """
    dataset = _load(config)
    return fewer_test_images(dataset, config.evaluation_samples) if config.evaluation_samples else dataset


def fewer_test_images(dataset: Dataset, size: int) -> Dataset:
    """Keeps `size` test images, of each class in proportion, evenly spread over the file (ours, for exploration).

    Evenly, because MNIST's test images get easier towards the file's end.
    """
    labels = dataset.y_test
    if size > len(labels):
        raise UsageError(f"--evaluation-samples must be at most {len(labels)}, the test images there are, not {size}")
    by_class = np.argsort(labels, kind="stable")
    kept = np.sort(by_class[((np.arange(size) + 0.5) * len(labels) / size).astype(int)])
    name = f"{dataset.name}-{size}-test-images"
    return dataclasses.replace(dataset, name=name, x_test=dataset.x_test[kept], y_test=labels[kept])


def _load(config: Config) -> Dataset:
    """Returns the whole data set."""
    if config.dataset == STAND_IN:
        return digits_stand_in(config.seed)
    path = config.data_path or os.environ.get("HL_DATA", "")
    if path:
        return _checked(config.dataset, _read_files(Path(path)), path)
    arrays = _from_keras(config.dataset)
    if arrays is not None:
        return _checked(config.dataset, arrays, "Keras' copy")
    if config.dataset != "mnist":
        raise UsageError(f"{config.dataset} could not be downloaded; give its file or folder with --data-path")
    return digits_stand_in(config.seed)


def _from_keras(name: str) -> dict[str, np.ndarray] | None:
    """Returns Keras' cached or downloaded arrays, or None where they cannot be had."""
    import keras  # only here: it takes seconds

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(30)
    try:
        module = keras.datasets.mnist if name == "mnist" else keras.datasets.fashion_mnist
        (x_train, y_train), (x_test, y_test) = module.load_data()
    except Exception:  # Keras raises a bare Exception where the download fails
        return None
    finally:
        socket.setdefaulttimeout(timeout)
    return dict(zip(ARRAYS, (x_train, y_train, x_test, y_test), strict=True))


def _read_files(path: Path) -> dict[str, np.ndarray]:
    """Returns the four arrays of an .npz file or of a folder of idx files (plain or .gz)."""
    try:
        if path.is_dir():
            return {key: _read_idx(path, name) for key, name in IDX_FILES.items()}
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in ARRAYS}
    except UsageError:
        raise
    except FileNotFoundError as error:
        raise UsageError(f"data file {error.filename} does not exist; check --data-path and HL_DATA") from error
    except KeyError as error:
        raise UsageError(f"{path} lacks an array; an .npz file needs {', '.join(ARRAYS)}") from error
    except Exception as error:  # a damaged file raises a dozen different errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{path} cannot be read as .npz or idx files ({reason}); get a fresh copy") from error


def _read_idx(folder: Path, name: str) -> np.ndarray:
    """Returns the array of one idx file: magic 0 0 8 dimensions, sizes as big-endian int32, then the bytes."""
    path = folder / name
    if path.exists():
        raw = path.read_bytes()
    else:
        with gzip.open(folder / f"{name}.gz") as file:
            raw = file.read()
    dimensions = 3 if "idx3" in name else 1
    start = 4 + 4 * dimensions
    if len(raw) < start or raw[:4] != bytes([0, 0, 8, dimensions]):
        raise UsageError(f"{path} is not an idx file of {dimensions} dimensions; get a fresh copy")
    shape = np.frombuffer(raw[4:start], ">i4").astype(int)
    if (shape < 0).any() or shape.prod() != len(raw) - start:
        raise UsageError(
            f"{path} has {len(raw) - start} bytes, its header says {tuple(shape.tolist())}; get a fresh copy"
        )
    return np.frombuffer(raw[start:], np.uint8).reshape(shape)


def _checked(name: str, arrays: dict[str, np.ndarray], source: str) -> Dataset:
    """Returns the Dataset once shapes, types, labels and, for MNIST, the SHA-256 are right; else raises UsageError."""
    for key in ARRAYS:
        array = arrays[key]
        if array.dtype != np.uint8:
            raise UsageError(f"{source}: {key} holds {array.dtype}, not uint8; this is not {name}")
        if (
            array.ndim != (3 if key.startswith("x") else 1)
            or array.shape[1:] not in ((), (SIDE, SIDE))
            or not len(array)
        ):
            raise UsageError(f"{source}: {key} has shape {array.shape}; this is not {name}")
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        if len(arrays[images]) != len(arrays[labels]):
            raise UsageError(f"{source}: {images} and {labels} differ in length; this is not {name}")
        if arrays[labels].max() >= CLASSES:
            raise UsageError(f"{source}: {labels} holds labels above {CLASSES - 1}; this is not {name}")
    dataset = Dataset(name, **arrays)
    if name == "mnist" and dataset.sha256() != MNIST_SHA256:
        raise UsageError(f"{source}: the arrays are not MNIST's (their SHA-256 differs); get a fresh copy")
    return dataset


def digits_stand_in(seed: int, train_size: int = 60_000, test_size: int = 10_000) -> Dataset:
    """Makes a stand-in for MNIST from scikit-learn's 1,797 handwritten 8x8 digits (ours).

    They are brought to 28x28 and enlarged by shifts of up to 2 pixels and rotations of up to 10 degrees. Training and
    test images come from different originals (two thirds and one third of each class).
    """
    from scipy import ndimage
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = generator(seed, "stand-in")
    originals = np.stack([np.pad(ndimage.zoom(image / 16 * 255, 2.5, order=1), 4) for image in digits.images])
    for_test = np.zeros(len(originals), bool)
    for label in range(CLASSES):
        of_class = np.flatnonzero(digits.target == label)
        for_test[of_class[: len(of_class) // 3]] = True

    def enlarge(pool: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = rng.choice(pool, size)
        angles, shifts = np.deg2rad(rng.uniform(-10, 10, size)), rng.uniform(-2, 2, (size, 2))
        centre = np.full(2, (SIDE - 1) / 2)
        images = np.empty((size, SIDE, SIDE), np.uint8)
        for row, (original, angle, shift) in enumerate(zip(chosen, angles, shifts, strict=True)):
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            offset = centre - turn @ (centre + shift)
            images[row] = ndimage.affine_transform(originals[original], turn, offset, order=1).clip(0, 255)
        return images, digits.target[chosen].astype(np.uint8)

    x_train, y_train = enlarge(np.flatnonzero(~for_test), train_size)
    x_test, y_test = enlarge(np.flatnonzero(for_test), test_size)
    return Dataset(STAND_IN, x_train, y_train, x_test, y_test)


def partition(labels: np.ndarray, config: Config) -> np.ndarray:
    """Returns which images each node holds: positions [nodes, samples_per_node] in `labels` [n].

    Node n's main class is n % 10. Its main images are the slice n // 10 of that class in file order, its supplementary
    images the slice n (`disjoint`) or n // 10 (`published`, authors' code) of all other classes in file order.
    Raises UsageError where the images do not suffice.
    """
    if config.split == "dirichlet":
        return _dirichlet(labels, config)
    main = round(config.main_class_share * config.samples_per_node)
    supplementary = config.samples_per_node - main
    rows = []
    for node in range(config.nodes):
        of_main_class = labels == node % CLASSES
        turn = node if config.split == "disjoint" else node // CLASSES
        rows.append(
            np.concatenate(
                [
                    _slice(np.flatnonzero(of_main_class), node // CLASSES, main, node),
                    _slice(np.flatnonzero(~of_main_class), turn, supplementary, node),
                ]
            )
        )
    return np.stack(rows)


def _slice(positions: np.ndarray, index: int, size: int, node: int) -> np.ndarray:
    """Returns slice number `index` of `size` positions; raises UsageError where `positions` end before it does."""
    if (index + 1) * size > len(positions):
        raise UsageError(
            f"node {node} needs image {(index + 1) * size} of {len(positions)} that there are; "
            "lower --nodes or --samples-per-node, or change --main-class-share"
        )
    return positions[index * size : (index + 1) * size]


def _dirichlet(labels: np.ndarray, config: Config) -> np.ndarray:
    """Gives each node label shares drawn from Dirichlet(alpha), and images that no other node holds (ours)."""
    if config.nodes * config.samples_per_node > len(labels):
        raise UsageError(
            f"{config.nodes} nodes of {config.samples_per_node} images need more than the {len(labels)} there are; "
            "lower --nodes or --samples-per-node"
        )
    rng = generator(config.seed, "partition")
    pools = [list(np.flatnonzero(labels == label)) for label in range(CLASSES)]
    rows = []
    for _ in range(config.nodes):
        shares = rng.dirichlet(np.full(CLASSES, config.dirichlet_alpha)) + 1e-12  # a share of 0 could leave no class
        row = []
        while len(row) < config.samples_per_node:
            left = np.array([len(pool) for pool in pools])
            open_shares = np.where(left > 0, shares, 0)
            counts = rng.multinomial(config.samples_per_node - len(row), open_shares / open_shares.sum())
            for pool, count in zip(pools, np.minimum(counts, left), strict=True):
                row += pool[:count]
                del pool[:count]
        rows.append(row)
    return np.array(rows)
