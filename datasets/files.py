"""Reads the arrays of a data set from an .npz file, a folder of idx files or a folder of images by class."""

import gzip
import math
import zipfile
from pathlib import Path

import numpy as np

from datasets.arrays import ARRAYS
from datasets.errors import one_line
from datasets.folders import LAYOUT, has_images, read_images
from settings.errors import UsageError

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


FOUR_FILES = f"the four idx files {', '.join(IDX_FILES.values())}"
WANTED = f"give an .npz file with the arrays {', '.join(ARRAYS)}, or the folder of {FOUR_FILES}, or of {LAYOUT}"
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


def read_files(path: Path, torchvision: str) -> dict[str, np.ndarray]:
    """Returns the four arrays of an .npz file, a folder of idx files or a folder of images, as they are in there.

    `torchvision` is the name of the folder into which torchvision puts this data set. Raises UsageError, in one line,
    on everything else and on all that cannot be read.
    """
    try:
        if path.is_dir():
            place = _find(path, torchvision)
            if _has_idx(place):
                return {key: _read_idx(file, IDX_FILES[key]) for key, file in _idx_files(place).items()}
            return read_images(place)
        if not path.exists():
            raise UsageError(f"data file {path} does not exist; check --data-path and HL_DATA")
        if not path.is_file():
            raise UsageError(f"{path} cannot be read: it is not a file; {WANTED}")
    except OSError as error:  # such as a folder that may not be entered
        where = error.filename or path
        raise UsageError(f"{where} cannot be read ({error.strerror}); check --data-path and HL_DATA") from error
    return _read_npz(path)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """Returns the four arrays of an .npz file."""
    with one_line(path):
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


def _find(folder: Path, torchvision: str) -> Path:
    """Returns where the four idx files or the images are: in the folder, in torchvision's folders in it, or in any one
    folder in it.

    Raises UsageError where they are not, or in several of its folders.
    """
    for place in (folder, folder / "raw", folder / torchvision / "raw", folder / torchvision):
        if _holds_data(place):
            return place
    inside = sorted(place for place in folder.iterdir() if place.is_dir())
    deeper = [each for place in inside for each in (place, place / "raw")]
    found = [place for place in deeper if _holds_data(place)]
    if len(found) > 1:
        raise UsageError(f"{folder} holds several data sets; give one of {', '.join(map(str, found))}")
    if not found:
        if any((place / "data_batch_1").is_file() for place in (folder, *inside)):
            raise UsageError(
                f"{folder} holds CIFAR-10 as Python pickles, which are not read; leave --data-path out to let Keras "
                f"download it, or {WANTED}"
            )
        missing = next(name for key, name in IDX_FILES.items() if key not in _idx_files(folder))
        raise UsageError(
            f"data file {folder / missing} does not exist; a folder needs {FOUR_FILES}, plain or .gz, or {LAYOUT}"
        )
    return found[0]


def _holds_data(folder: Path) -> bool:
    return _has_idx(folder) or has_images(folder)


def _has_idx(folder: Path) -> bool:
    return len(_idx_files(folder)) == len(IDX_FILES)


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
    with one_line(path):
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
