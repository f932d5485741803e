"""Keras' download: tried again, never disturbed by another process, and never replaced in silence."""

import dataclasses
import gzip
import socket
import struct
import subprocess
import sys

import filelock
import keras
import numpy as np
import pytest

import data
from config import Config
from datasets import download
from datasets.arrays import KNOWN
from datasets.files import IDX_FILES
from settings.errors import UsageError


@pytest.fixture
def cache(tmp_path, dataset, monkeypatch):
    """Keras' folder of data sets, still empty; the tiny data set stands for both published ones."""
    monkeypatch.delenv("HL_DATA", raising=False)
    monkeypatch.setattr(download, "_keras_folder", lambda: tmp_path / "datasets")
    for name, known in KNOWN.items():
        monkeypatch.setitem(KNOWN, name, known._replace(sha256=dataset.sha256()))
    return tmp_path / "datasets"


def serve(monkeypatch, name, outcomes):
    """Lets Keras' loading have these outcomes, one a call: an error to raise, or arrays; returns the calls' times."""
    calls, outcomes = [], iter(outcomes)

    def load_data():
        calls.append(socket.getdefaulttimeout())
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return (outcome.x_train, outcome.y_train), (outcome.x_test, outcome.y_test)

    monkeypatch.setattr(getattr(keras.datasets, name), "load_data", load_data)
    return calls


def test_a_failed_download_is_tried_once_more(cache, dataset, monkeypatch):
    calls = serve(monkeypatch, "mnist", [ValueError("Incomplete or corrupted file detected."), dataset])
    loaded = data.load_dataset(Config())
    assert (loaded.name, loaded.sha256()) == ("mnist", dataset.sha256())
    assert calls == [30, 30]  # seconds without an answer
    assert socket.getdefaulttimeout() is None


def test_the_stand_in_comes_after_two_failures(cache, monkeypatch):
    calls = serve(monkeypatch, "mnist", [Exception("no network")] * 2)
    monkeypatch.setattr(data, "digits_stand_in", lambda seed: f"stand-in {seed}")
    assert data.load_dataset(Config(seed=3)) == "stand-in 3"
    assert len(calls) == 2
    serve(monkeypatch, "fashion_mnist", [Exception("no network")] * 2)
    with pytest.raises(UsageError, match="could not be downloaded"):
        data.load_dataset(Config(dataset="fashion-mnist"))


def test_a_damaged_copy_is_no_reason_for_the_stand_in(cache, monkeypatch):
    cache.mkdir()
    (cache / "mnist.npz").write_bytes(b"PK\x03\x04 the rest never came")
    serve(monkeypatch, "mnist", [Exception("URL fetch failure")] * 2)
    with pytest.raises(
        UsageError, match=r"MNIST in .*datasets is not whole, and could not be replaced \(URL fetch fail"
    ):
        data.load_dataset(Config())


@pytest.mark.parametrize("error", [Exception("URL fetch failure"), KeyboardInterrupt()])
def test_a_copy_that_keras_removes_is_put_back(cache, monkeypatch, error):
    """Keras removes a copy with another SHA-256, also where the download that follows fails."""
    cache.mkdir()
    (cache / "mnist.npz").write_bytes(b"packed anew")

    def load_data():
        (cache / "mnist.npz").unlink(missing_ok=True)
        raise error

    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)
    for _ in range(2):  # the next start refuses it too
        with pytest.raises((UsageError, KeyboardInterrupt)):
            data.load_dataset(Config())
        assert (cache / "mnist.npz").read_bytes() == b"packed anew"


def test_other_arrays_are_not_taken_from_keras(cache, dataset, monkeypatch):
    serve(monkeypatch, "fashion_mnist", [data.Dataset("", dataset.x_train, dataset.y_train, *[dataset.x_test] * 2)] * 2)
    with pytest.raises(UsageError, match="could not be downloaded"):
        data.load_dataset(Config(dataset="fashion-mnist"))


def test_fashion_mnists_truncated_files_are_fetched_again_and_whole_ones_kept(cache, dataset, monkeypatch):
    """Keras has no SHA-256 of them, and would read the truncated file for ever."""
    folder = cache / "fashion-mnist"
    folder.mkdir(parents=True)
    for name in IDX_FILES.values():
        (folder / f"{name}.gz").write_bytes(gzip.compress(struct.pack(">4BI", 0, 0, 8, 1, 1000) + bytes(1000)))
    cut = folder / f"{IDX_FILES['x_train']}.gz"
    cut.write_bytes(cut.read_bytes()[:-9])
    serve(monkeypatch, "fashion_mnist", [EOFError("Compressed file ended"), dataset])
    assert data.load_dataset(Config(dataset="fashion-mnist")).name == "fashion-mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        {f"{n}.gz" for n in IDX_FILES.values()} - {cut.name}
    )


def test_cifar10_comes_with_a_column_of_labels_and_is_never_replaced(cache, dataset, monkeypatch):
    columns = {key: getattr(dataset, key)[:, np.newaxis] for key in ("y_train", "y_test")}
    serve(monkeypatch, "cifar10", [dataclasses.replace(dataset, **columns)])
    loaded = data.load_dataset(Config(dataset="cifar10"))
    assert (loaded.name, loaded.sha256(), loaded.y_test.ndim) == ("cifar10", dataset.sha256(), 1)
    serve(monkeypatch, "cifar10", [Exception("no network")] * 2)
    with pytest.raises(UsageError, match="cifar10 could not be downloaded; give its file or folder with --data-path"):
        data.load_dataset(Config(dataset="cifar10"))


def test_keras_copy_of_cifar10_is_where_keras_puts_it(cache, tmp_path, monkeypatch):
    """Asked of Keras itself, from an archive that it fetches from the disk and that is not CIFAR-10's."""
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    fetched = []
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", lambda _, path, *more: fetched.append(path) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        keras.datasets.cifar10.load_data()
    assert fetched == [str(cache / KNOWN["cifar10"].keras_files[0])]


HOLD = """import filelock, pathlib, sys, time
with filelock.FileLock(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(1)
    pathlib.Path(sys.argv[2]).touch()"""


def test_another_processs_download_is_waited_for(cache, dataset, monkeypatch):
    cache.mkdir()
    ended = cache / "ended"
    command = [sys.executable, "-c", HOLD, str(cache / "mnist.lock"), str(ended)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "locked\n"
    serve(monkeypatch, "mnist", [dataset])
    load, waited = keras.datasets.mnist.load_data, []
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: waited.append(ended.exists()) or load())
    np.testing.assert_array_equal(data.load_dataset(Config()).y_test, dataset.y_test)
    assert waited == [True]
    assert other.wait() == 0


def test_a_folder_that_cannot_be_locked_is_used_all_the_same(cache, dataset, monkeypatch):
    def refuse(*_, **__):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    serve(monkeypatch, "mnist", [dataset, dataset])
    assert data.load_dataset(Config()).name == "mnist"
    cache.rmdir()
    cache.write_text("a file, where Keras' folder should be")
    assert data.load_dataset(Config()).name == "mnist"


def test_keras_home_is_where_keras_looks(tmp_path, monkeypatch):
    """Asked of Keras itself, with a file that it is not to download."""
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "there.txt").write_text("there")
    path = keras.utils.get_file("there.txt", origin="http://127.0.0.1:9/there.txt")
    assert download._keras_folder() == tmp_path / "datasets"
    assert path == str(tmp_path / "datasets" / "there.txt")
