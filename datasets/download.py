"""Downloads Keras' copy of a data set, safely where several processes want it at once."""

import contextlib
import gzip
import os
import socket
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import filelock
import numpy as np

from datasets.arrays import ARRAYS, KNOWN, convert, sha256
from settings.errors import UsageError


def from_keras(name: str) -> dict[str, np.ndarray] | None:
    """Returns the four arrays of Keras' cached or downloaded data set, or None where it is not available.

    A failed or truncated download is tried once more. Raises UsageError where there is a copy that cannot be used; it
    stays as it is.
    """
    import keras  # only here: it takes seconds

    module = getattr(keras.datasets, name.replace("-", "_"))
    folder = _keras_folder()
    copies = [folder / file for file in KNOWN[name].keras_files]
    reason = ""
    with _one_at_a_time(folder, name), _put_back(copies) as there:
        for _ in range(2):
            timeout = socket.getdefaulttimeout()
            socket.setdefaulttimeout(30)
            try:
                (x_train, y_train), (x_test, y_test) = module.load_data()
                arrays = convert(dict(zip(ARRAYS, (x_train, y_train, x_test, y_test), strict=True)), str(folder))
                if sha256(arrays) == KNOWN[name].sha256:
                    there.clear()
                    return arrays
                reason = "its SHA-256 differs"
            except Exception as error:  # Keras raises a bare Exception where the download fails
                reason = (str(error).splitlines() or [type(error).__name__])[0]
            finally:
                socket.setdefaulttimeout(timeout)
            _remove_damaged(copies)
        if there:
            raise UsageError(
                f"Keras' copy of {KNOWN[name].title} in {folder} is not whole, and could not be replaced ({reason}); "
                "give another with --data-path, or remove it to download it again"
            )
    return None


def _keras_folder() -> Path:
    """Returns Keras' folder of data sets, which it chooses in this way."""
    from keras.src.backend.config import keras_home  # KERAS_HOME, as it was when Keras was imported

    home = os.path.expanduser(keras_home())
    if not os.access(home, os.W_OK):
        home = os.path.join("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    return Path(home, "datasets")


@contextlib.contextmanager
def _one_at_a_time(folder: Path, name: str) -> Iterator[None]:
    """Lets one process at a time look for Keras' copy of `name` in `folder`, for Keras overwrites what another loads.

    Goes on without where the folder cannot be locked.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(folder / f"{name}.lock")
            try:
                lock.acquire(timeout=5)
            except filelock.Timeout:
                print(f"waiting for another process that downloads {name} into {folder}", file=sys.stderr)
                lock.acquire()
            stack.callback(lock.release)
        yield


@contextlib.contextmanager
def _put_back(copies: list[Path]) -> Iterator[dict[Path, bytes]]:
    """Yields the contents of the copies that there are, and writes those that are still in the dict back at the end.

    Keras removes a copy that is not whole before it downloads another one, which may fail.
    """
    there = {path: path.read_bytes() for path in copies if path.is_file()}
    try:
        yield there
    finally:
        for path, content in there.items():
            if not path.is_file() or path.read_bytes() != content:
                path.write_bytes(content)


def _remove_damaged(copies: list[Path]):
    """Removes those gzip files that a download left incomplete, which Keras would take for whole."""
    for path in copies:
        if path.suffix == ".gz" and path.exists():
            try:
                gzip.decompress(path.read_bytes())
            except (gzip.BadGzipFile, EOFError, zlib.error):
                path.unlink()
