"""How the arrays of a data set are read from files, and brought to the one form that the other modules know."""

import contextlib
import gzip
import hashlib
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from settings.errors import UsageError
from settings.names import CLASSES, SIDE

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


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
        tuple(f"fashion-mnist/{name}.gz" for name in IDX_FILES.values()),
    ),
}

FOUR_FILES = f"the four idx files {', '.join(IDX_FILES.values())}"
WANTED = f"give an .npz file with the arrays {', '.join(ARRAYS)}, or the folder of {FOUR_FILES}"
GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
BEGINNINGS = {  # of files that people take for the data set
    b"\x93NUMPY": "a single NumPy array (.npy)",
    b"\0\0\x08": "a single idx file",
    b"\x80": "a Python pickle",
    b"\x89HDF": "an HDF5 file",
    b"PAR1": "a Parquet file",
    b"MATLAB": "a MATLAB file",
    b"BZh": "an archive; unpack it",
    b"\xfd7zXZ": "an archive; unpack it",
    b"7z\xbc\xaf": "an archive; unpack it",
    b"Rar!": "an archive; unpack it",
    b"<": "a web page",
}


def sha256(arrays: dict[str, np.ndarray]) -> str:
    """Returns the hexadecimal SHA-256 of the four arrays' bytes."""
    digest = hashlib.sha256()
    for key in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[key]).tobytes())
    return digest.hexdigest()


def identify(arrays: dict[str, np.ndarray]) -> str | None:
    """Returns which of KNOWN the arrays are, None where they are none of them."""
    found = sha256(arrays)
    return next((name for name, known in KNOWN.items() if known.sha256 == found), None)


def read_files(path: Path, torchvision: str) -> dict[str, np.ndarray]:
    """Returns the four arrays of an .npz file or of a folder of idx files, as they are in there.

    `torchvision` is the name of the folder into which torchvision puts this data set. Raises UsageError, in one line,
    on everything else and on all that cannot be read.
    """
    try:
        if path.is_dir():
            return {key: _read_idx(file, IDX_FILES[key]) for key, file in _find_idx(path, torchvision).items()}
        if not path.exists():
            raise UsageError(f"data file {path} does not exist; check --data-path and HL_DATA")
        if not path.is_file():
            raise UsageError(f"{path} cannot be read: it is not a file; {WANTED}")
    except OSError as error:  # such as a folder that may not be entered
        where = error.filename or path
        raise UsageError(f"{where} cannot be read ({error.strerror}); check --data-path and HL_DATA") from error
    return _read_npz(path)


@contextlib.contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turns every error of reading `path` into a UsageError."""
    try:
        yield
    except UsageError:
        raise
    except OSError as error:
        if error.strerror is None:  # not the system's: gzip's
            raise UsageError(f"{path} cannot be read: it is damaged ({error}); get a fresh copy") from error
        raise UsageError(f"{path} cannot be read ({error.strerror}); check the file and who may read it") from error
    except MemoryError as error:
        raise UsageError(f"{path} cannot be read: it asks for more memory than there is; get a fresh copy") from error
    except Exception as error:  # a damaged file raises a dozen different errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{path} cannot be read: it is damaged ({reason}); get a fresh copy") from error


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Returns the four arrays of an .npz file."""
    with _one_line(path):
        with open(path, "rb") as file:
            head = file.read(512)
        if not head.startswith(ZIP):
            raise UsageError(f"{path} cannot be read: it is {_kind(path, head)}; {WANTED}")
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if not any(name.endswith(".npy") for name in names):
            raise UsageError(f"{path} cannot be read: it is an archive without arrays; unpack it, and {WANTED}")
        arrays = {}
        with np.load(path, allow_pickle=False) as stored:
            for key in ARRAYS:
                if key not in stored:
                    raise UsageError(
                        f"{path} lacks an array: {key} is not among its {', '.join(stored.files[:6])}; {WANTED}"
                    )
                try:
                    arrays[key] = np.asarray(stored[key])  # a foreign member comes as bytes
                except ValueError as error:
                    if "pickle" not in str(error):  # which NumPy recommends, and nobody should
                        raise
                    raise UsageError(
                        f"{path} cannot be read: {key} holds Python objects or is damaged; save it as an array of uint8"
                    ) from error
        return arrays


def _kind(path: Path, head: bytes) -> str:
    """Returns what a file that is not an .npz file seems to be, by its first bytes."""
    if not head:
        return "empty"
    if head.startswith(GZIP):
        try:
            with gzip.open(path) as file:
                inner = file.read(512)
        except (OSError, EOFError, ValueError):
            return "a damaged gzip file"
        return f"gzipped, {_kind(path, inner)} inside" if not inner.startswith(GZIP) else "gzipped twice"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginning, kind in BEGINNINGS.items():
        if start.startswith(beginning):
            return kind
    if head[257:262] == b"ustar":
        return "an archive; unpack it"
    if b"\0" not in head and head.isascii():
        return "a text, such as CSV"
    return "of another kind, or damaged"


def _find_idx(folder: Path, torchvision: str) -> dict[str, Path]:
    """Returns where the four idx files are: in the folder, in torchvision's folders in it, or in any one folder in it.

    Raises UsageError where they are not, or in several of its folders.
    """
    for place in (folder, folder / "raw", folder / torchvision / "raw", folder / torchvision):
        if len(files := _idx_files(place)) == len(IDX_FILES):
            return files
    inside = sorted(place for place in folder.iterdir() if place.is_dir())
    found = [files for place in inside for deeper in (place, place / "raw") if len(files := _idx_files(deeper)) == 4]
    if len(found) > 1:
        places = ", ".join(str(files["x_train"].parent) for files in found)
        raise UsageError(f"{folder} holds several data sets; give one of {places}")
    if not found:
        missing = next(name for key, name in IDX_FILES.items() if key not in _idx_files(folder))
        raise UsageError(f"data file {folder / missing} does not exist; a folder needs {FOUR_FILES}, plain or .gz")
    return found[0]


def _idx_files(folder: Path) -> dict[str, Path]:
    """Returns which of the four idx files are in a folder, by key: with dashes, Kaggle's dots, or a folder each."""
    files = {}
    for key, name in IDX_FILES.items():
        dotted = name.replace("-idx", ".idx")
        names = (name, f"{name}.gz", dotted, f"{dotted}.gz", f"{name}/{name}", f"{dotted}/{dotted}", f"{name}/{dotted}")
        if file := next((folder / each for each in names if (folder / each).is_file()), None):
            files[key] = file
    return files


def _read_idx(path: Path, name: str) -> np.ndarray:
    """Returns the array of one idx file, plain or gzipped whatever its own name says.

    Magic 0 0 8 dimensions, sizes as big-endian int32, then the bytes.
    """
    with _one_line(path):
        raw = path.read_bytes()
        if raw.startswith(GZIP):
            raw = gzip.decompress(raw)
    dimensions = 3 if "idx3" in name else 1
    start = 4 + 4 * dimensions
    if len(raw) < start or raw[:4] != bytes([0, 0, 8, dimensions]):
        raise UsageError(f"{path} is not an idx file of {dimensions} dimensions; get a fresh copy")
    shape = tuple(np.frombuffer(raw[4:start], ">u4").tolist())
    if math.prod(shape) != len(raw) - start:
        raise UsageError(f"{path} has {len(raw) - start} bytes, its header says {shape}; get a fresh copy")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def convert(arrays: dict[str, np.ndarray], source: str) -> dict[str, np.ndarray]:
    """Returns images as uint8 [n, 28, 28] and labels as uint8 [n], converted without loss from what is usual elsewhere.

    Images may be [n, 784], [n, 28, 28, 1] or [n, 1, 28, 28], of whole numbers 0 to 255 of any type, or k / 255. Labels
    may be [n, 1], of any integer type or one-hot [n, 10]. Raises UsageError, which names `source`, on all else.
    """
    images = [arrays[key] for key in ("x_train", "x_test") if arrays[key].dtype.kind == "f" and arrays[key].size]
    scaled = bool(images) and max(float(array.max()) for array in images) <= 1
    converted = {}
    for key in ARRAYS:
        array = arrays[key]
        if array.dtype.kind not in "uif" and not (array.dtype.kind == "b" and key.startswith("y")):
            kind = "text" if array.dtype.kind in "USO" else array.dtype
            wanted = "numbers from 0 to 255" if key.startswith("x") else f"numbers from 0 to {CLASSES - 1}"
            raise UsageError(f"{source}: {key} holds {kind}, where {wanted} are wanted")
        converted[key] = _images(array, scaled, key, source) if key.startswith("x") else _labels(array, key, source)
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        sizes = len(converted[images]), len(converted[labels])
        if sizes[0] != sizes[1]:
            raise UsageError(f"{source}: {images} and {labels} differ in length ({sizes[0]} and {sizes[1]})")
    return converted


def _images(array: np.ndarray, scaled: bool, key: str, source: str) -> np.ndarray:
    """Returns images as uint8 [n, 28, 28]; `scaled` tells that floats are pixels / 255."""
    sizes = [size for size in array.shape[1:] if size != 1]
    if sizes not in ([SIDE, SIDE], [SIDE * SIDE]) or not len(array):
        wanted = f"[n, {SIDE}, {SIDE}] or [n, {SIDE * SIDE}]"
        raise UsageError(f"{source}: {key} has shape {list(array.shape)}, where grey images {wanted} are wanted")
    array = array.reshape(-1, SIDE, SIDE)
    if array.dtype == np.uint8:
        return array
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
    """Returns labels as uint8 [n]."""
    one_hot = array.ndim == 2 and array.shape[1] == CLASSES
    if not (one_hot or array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)) or not len(array):
        wanted = f"labels [n] or one-hot [n, {CLASSES}]"
        raise UsageError(f"{source}: {key} has shape {list(array.shape)}, where {wanted} are wanted")
    if one_hot:
        if not (((array == 0) | (array == 1)).all() and (np.count_nonzero(array, axis=1) == 1).all()):
            raise UsageError(
                f"{source}: {key} [n, {CLASSES}] is not one-hot; give one label from 0 to {CLASSES - 1} each"
            )
        return array.argmax(1).astype(np.uint8)
    array = array.reshape(-1)
    if not (array >= 0).all():
        raise UsageError(f"{source}: {key} holds labels below 0; labels from 0 to {CLASSES - 1} are wanted")
    if not (array < CLASSES).all():
        raise UsageError(f"{source}: {key} holds labels above {CLASSES - 1}; labels from 0 to {CLASSES - 1} are wanted")
    labels = array.astype(np.uint8)
    if (labels != array).any() or array.dtype.kind == "b":
        raise UsageError(
            f"{source}: {key} holds {array.dtype}, not whole numbers; labels 0 to {CLASSES - 1} are wanted"
        )
    return labels
