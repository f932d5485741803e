"""Loads the images and deals them out to the nodes."""

import dataclasses
import functools
import os
import re
from pathlib import Path
from typing import Protocol

import numpy as np

from config import Config
from datasets.arrays import ARRAYS, KNOWN, convert, identify, sha256
from datasets.download import from_keras
from datasets.files import WANTED, read_files
from settings.errors import UsageError
from settings.names import CLASSES, SIDE
from settings.random_streams import generator

STAND_IN = "digits-stand-in"
OTHER = "other"  # data of the user, who gave them no name
PIXELS = (np.arange(256) / 255).astype(np.float32)  # of each value from 0 to 255


class NamedData(Protocol):
    """What can tell which data set it is: a Dataset, or the nodes that hold one."""

    @property
    def name(self) -> str: ...

    def sha256(self) -> str: ...


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images and labels in file order.

    Images are uint8, [n, rows, columns] where they are grey and else [n, rows, columns, channels]. Labels [n] are whole
    numbers from 0, uint8 or with more than 256 classes uint16; every class has a training image.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def classes(self) -> int:
        """The number of classes, the largest training label plus one."""
        return class_count(self.y_train)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image as the models see it: (rows, columns, channels)."""
        return (*self.x_train.shape[1:], 1)[:3]

    def sha256(self) -> str:
        """Returns the hexadecimal SHA-256 of the four arrays, see datasets.arrays.sha256."""
        return self._digest

    @functools.cached_property
    def _digest(self) -> str:
        return sha256({key: getattr(self, key) for key in ARRAYS})


def is_stand_in(name: str) -> bool:
    """Tells whether a Dataset's name is that of the stand-in, whatever part of its test images is used."""
    return bool(re.fullmatch(rf"{STAND_IN}(-\d+-test-images)?", name))


def class_count(labels: np.ndarray) -> int:
    """Returns the number of classes of training labels [n], the largest one plus one."""
    return int(labels.max()) + 1


def normalise(images: np.ndarray) -> np.ndarray:
    """Returns uint8 images as [n, rows, columns, channels] float32 in 0..1 (authors' code: pixels / 255)."""
    return PIXELS[images if images.ndim == 4 else images[..., np.newaxis]]


def load_dataset(config: Config) -> Dataset:
    """Loads the data set, or where MNIST is not available the stand-in, and drops test images where that is asked for.

    The Dataset's name tells what was loaded: one of KNOWN, or for other data the name that the user gave them, or
    "other", and the first 8 digits of their SHA-256. Order: `data_path`, $HL_DATA, Keras' cache, Keras' download.
    Raises UsageError on a file that is not what it should be, where a data set other than MNIST is not available, and
    where more test images are asked for than there are.
    """
    dataset = _load(config)
    return fewer_test_images(dataset, config.evaluation_samples) if config.evaluation_samples else dataset


def fewer_test_images(dataset: Dataset, size: int) -> Dataset:
    """Keeps `size` test images, of each class in proportion, evenly spread over the file (ours, for exploration).

    Evenly, because MNIST's test images get easier towards the file's end. Raises UsageError where there are fewer.
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
        if config.data_path:
            raise UsageError(f"--dataset {STAND_IN} reads no file; leave out --data-path")
        return digits_stand_in(config.seed)
    if config.dataset == OTHER and not config.data_path:
        raise UsageError(f"--dataset {OTHER} needs --data-path; {WANTED}")
    path = os.path.expanduser(config.data_path or os.environ.get("HL_DATA", ""))
    if path:
        source = path if config.data_path else f"{path} (HL_DATA)"
        torchvision = KNOWN[config.dataset].torchvision if config.dataset in KNOWN else ""
        return _named(config.dataset, convert(read_files(Path(path), torchvision), source), source)
    arrays = from_keras(config.dataset)
    if arrays is not None:
        return Dataset(config.dataset, **arrays)
    if config.dataset != "mnist":
        raise UsageError(f"{config.dataset} could not be downloaded; give its file or folder with --data-path")
    return digits_stand_in(config.seed)


def _named(asked: str, arrays: dict[str, np.ndarray], source: str) -> Dataset:
    """Returns the Dataset under the name of what it is; raises UsageError where that is another one than was asked for.

    MNIST is never anything but MNIST. The other known sets may be replaced by any images, under another name.
    """
    name = identify(arrays)
    if name is None and asked == "mnist":
        raise UsageError(
            f"{source}: the arrays are not MNIST's (their SHA-256 differs); get a fresh copy, or give "
            f"--dataset {OTHER} for data of your own"
        )
    if asked != OTHER and name not in (None, asked):
        wanted = KNOWN[asked].title if asked in KNOWN else asked
        raise UsageError(
            f"{source} holds {KNOWN[name].title}, not {wanted}; give --dataset {name}, or the path of {wanted}"
        )
    given = OTHER if asked in KNOWN else asked
    return Dataset(name or f"{given}-{sha256(arrays)[:8]}", **arrays)


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

    With c classes node n's main class is n % c. Its main images are the slice n // c of that class in file order, its
    supplementary images the slice n (`disjoint`) or n // c (`published`, authors' code) of all other classes in file
    order. These are main images of other nodes; for splits in which no image is held twice see `_exclusive` and
    `_dirichlet`. With --world seed a permutation of the file, drawn from --seed, takes the place of the file order
    (ours).
    Raises UsageError where the images do not suffice.
    """
    if config.world == "seed":
        order = generator(config.seed, "deal").permutation(len(labels))
        return order[_deal(labels[order], config)]
    return _deal(labels, config)


def _deal(labels: np.ndarray, config: Config) -> np.ndarray:
    """Deals out the images in the order of `labels` [n]; see `partition`."""
    if config.split == "dirichlet":
        return _dirichlet(labels, config)
    main = round(config.main_class_share * config.samples_per_node)
    supplementary = config.samples_per_node - main
    if config.split == "exclusive":
        return _exclusive(labels, config.nodes, main, supplementary)
    classes, rows = class_count(labels), []
    for node in range(config.nodes):
        of_main_class = labels == node % classes
        turn = node if config.split == "disjoint" else node // classes
        rows.append(
            np.concatenate(
                [
                    _slice(np.flatnonzero(of_main_class), node // classes, main, node),
                    _slice(np.flatnonzero(~of_main_class), turn, supplementary, node),
                ]
            )
        )
    return np.stack(rows)


def _slice(positions: np.ndarray, index: int, size: int, node: int) -> np.ndarray:
    """Returns slice number `index` of `size` positions; raises UsageError where `positions` end before it does."""
    if (index + 1) * size > len(positions):
        raise UsageError(
            f"node {node} needs images {index * size + 1} to {(index + 1) * size} of its main class or of all others, "
            f"but there are only {len(positions)}; "
            "lower --nodes or --samples-per-node, or change --main-class-share"
        )
    return positions[index * size : (index + 1) * size]


def _exclusive(labels: np.ndarray, nodes: int, main: int, supplementary: int) -> np.ndarray:
    """Gives each node images that no other node holds, the same main images as the split `disjoint` (ours).

    The supplementary images come evenly from all other classes, the remainder from those that follow the main class.
    In each class, in file order, they begin after the main images of all nodes.
    """
    classes = class_count(labels)
    wanted = np.zeros((nodes, classes), int)
    for node in range(nodes):
        following = (node + 1 + np.arange(supplementary) % (classes - 1)) % classes
        wanted[node] = np.bincount(following, minlength=classes)
        wanted[node, node % classes] = main
    rows = [[] for _ in range(nodes)]
    for label, counts in enumerate(wanted.T):
        positions = np.flatnonzero(labels == label)
        if counts.sum() > len(positions):
            raise UsageError(
                f"the nodes need {counts.sum()} different images of class {label} of {len(positions)} that there are; "
                "lower --nodes or --samples-per-node, or choose another --split"
            )
        turns = np.argsort(np.arange(nodes) % classes != label, kind="stable")  # its main class comes first
        slices = np.split(positions[: counts.sum()], np.cumsum(counts[turns])[:-1])
        for node, images in zip(turns, slices, strict=True):
            rows[node] += images.tolist()
    return np.array(rows)


def _dirichlet(labels: np.ndarray, config: Config) -> np.ndarray:
    """Gives each node label shares drawn from Dirichlet(alpha), and images that no other node holds (ours)."""
    if config.nodes * config.samples_per_node > len(labels):
        raise UsageError(
            f"{config.nodes} nodes of {config.samples_per_node} images need more than the {len(labels)} there are; "
            "lower --nodes or --samples-per-node"
        )
    rng, classes = generator(config.seed, "partition"), class_count(labels)
    pools = [list(np.flatnonzero(labels == label)) for label in range(classes)]
    rows = []
    for _ in range(config.nodes):
        shares = rng.dirichlet(np.full(classes, config.dirichlet_alpha)) + 1e-12  # a share of 0 could leave no class
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
