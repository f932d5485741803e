"""Files of images: those of other tools are found and read, all else is refused in one line that says why."""

import gzip
import os
import pickle
import shutil
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import data
from config import Config
from datasets import files
from datasets.arrays import ARRAYS
from datasets.files import IDX_FILES
from settings.errors import UsageError


def write_idx(folder, arrays, opener=open, suffix=""):
    folder.mkdir(parents=True)
    for key, name in IDX_FILES.items():
        header = struct.pack(">4B", 0, 0, 8, arrays[key].ndim) + struct.pack(
            f">{arrays[key].ndim}I", *arrays[key].shape
        )
        with opener(folder / (name + suffix), "wb") as file:
            file.write(header + arrays[key].tobytes())


FLAT = ["{folder}/{name}", "{folder}/{dots}"]
FOLDER_EACH = ["{folder}/{name}/{name}", "{folder}/{dots}/{dots}"]


@pytest.mark.parametrize(
    ("opener", "suffix", "style"),
    [
        *[(open, "", style) for style in FLAT + FOLDER_EACH],
        *[(gzip.open, ".gz", style) for style in FLAT],
        *[(open, ".gz", style) for style in FLAT],  # unpacked by a tool that kept the name
        *[(gzip.open, "", style) for style in FLAT],
    ],
)
@pytest.mark.parametrize("folder", ["", "raw", "FashionMNIST/raw", "some-folder", "archive/raw"])
def test_idx_files_wherever_tools_put_them(fashion, tmp_path, opener, suffix, style, folder):
    _, arrays = fashion
    write_idx(tmp_path / "flat", arrays, opener, suffix)
    for name in IDX_FILES.values():
        place = Path(
            style.format(folder=tmp_path / "idx" / folder, name=name, dots=name.replace("-idx", ".idx")) + suffix
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tmp_path / "flat" / (name + suffix), place)
    loaded = data.load_dataset(Config(dataset="fashion-mnist", data_path=str(tmp_path / "idx")))
    for key in ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, key), arrays[key])


def test_kaggles_archive_has_folders_of_the_files_names(fashion, tmp_path):
    _, arrays = fashion
    write_idx(tmp_path / "idx", arrays)
    for name in IDX_FILES.values():
        (tmp_path / "idx" / name).rename(tmp_path / "idx" / name.replace("-idx", ".idx"))
        (tmp_path / "idx" / name).mkdir()
    loaded = data.load_dataset(Config(dataset="fashion-mnist", data_path=str(tmp_path / "idx")))
    np.testing.assert_array_equal(loaded.x_test, arrays["x_test"])


def test_of_several_idx_folders_torchvisions_is_taken_and_none_is_guessed(fashion, tmp_path):
    _, arrays = fashion
    write_idx(tmp_path / "idx" / "MNIST", arrays | {"y_test": 9 - arrays["y_test"]})
    write_idx(tmp_path / "idx" / "FashionMNIST", arrays)
    config = Config(dataset="fashion-mnist", data_path=str(tmp_path / "idx"))
    np.testing.assert_array_equal(data.load_dataset(config).y_test, arrays["y_test"])
    (tmp_path / "idx" / "FashionMNIST").rename(tmp_path / "idx" / "another")
    with pytest.raises(UsageError, match=r"several data sets; give one of .*/MNIST, .*/another"):
        data.load_dataset(config)


def test_of_several_folders_with_images_none_is_guessed(fashion, tmp_path):
    """Where torchvision's own folder is among them it is taken."""
    _, arrays = fashion
    for name in ("cats", "flowers"):
        for part in ("train", "test"):
            (tmp_path / name / part).mkdir(parents=True)
    with pytest.raises(UsageError, match=r"several data sets; give one of .*/cats, .*/flowers"):
        data.load_dataset(Config(dataset="flowers", data_path=str(tmp_path)))
    write_idx(tmp_path / "FashionMNIST" / "raw", arrays)
    loaded = data.load_dataset(Config(dataset="fashion-mnist", data_path=str(tmp_path)))
    np.testing.assert_array_equal(loaded.y_test, arrays["y_test"])


def test_a_folder_without_the_four_files_is_told_their_names(fashion, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as error:
        data.load_dataset(Config(dataset="fashion-mnist", data_path=str(tmp_path / "empty")))
    assert all(name in str(error.value) for name in IDX_FILES.values())


def test_cifar10s_pickles_are_not_read_and_its_user_is_told_what_to_do(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(pickle.dumps({}))
    for path in (tmp_path, tmp_path / "cifar-10-batches-py"):
        with pytest.raises(UsageError, match="CIFAR-10 as Python pickles, which are not read; leave --data-path out"):
            data.load_dataset(Config(dataset="cifar10", data_path=str(path)))


def test_damaged_files_are_refused(fashion, tmp_path):
    config, arrays = fashion
    whole = Path(config.data_path).read_bytes()
    flipped = whole[:5000] + bytes([whole[5000] ^ 255]) + whole[5001:]
    for content in (b"", b"not a zip", whole[: len(whole) // 2], flipped):
        with open(config.data_path, "wb") as file:
            file.write(content)
        with pytest.raises(UsageError, match="cannot be read"):
            data.load_dataset(config)
    write_idx(tmp_path / "idx", arrays)
    images = tmp_path / "idx" / IDX_FILES["x_train"]
    for content in (b"\0\0\x08\x03", b"\0\0\x08\x01" + images.read_bytes()[4:], images.read_bytes()[:-1]):
        images.write_bytes(content)
        with pytest.raises(UsageError, match="fresh copy"):
            data.load_dataset(Config(dataset="fashion-mnist", data_path=str(tmp_path / "idx")))
    images.unlink()
    with pytest.raises(UsageError, match="does not exist"):
        data.load_dataset(Config(dataset="fashion-mnist", data_path=str(tmp_path / "idx")))
    with pytest.raises(UsageError, match="does not exist"):
        data.load_dataset(Config(data_path=str(tmp_path / "nowhere.npz")))


def contents(arrays):
    """Yields (what people give in place of the data set, what they are told it is)."""
    idx = struct.pack(">4B3I", 0, 0, 8, 3, 1, 28, 28) + bytes(784)
    yield b"", "empty"
    yield b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", "a web page"
    yield b"\n<html></html>", "a web page"
    yield b"label,pixel0,pixel1\n5,0,0\n", "a text, such as CSV"
    yield idx, "a single idx file"
    yield gzip.compress(idx), "gzipped, a single idx file inside"
    yield pickle.dumps(arrays), "a Python pickle"
    yield gzip.compress(pickle.dumps(arrays)), "gzipped, a Python pickle inside"
    yield bytes(range(256)), "of another kind, or damaged"


def test_what_is_no_data_file_is_named_with_what_is_wanted(fashion, tmp_path):
    config, arrays = fashion
    path = Path(config.data_path)
    made = dict(contents(arrays))
    np.save(tmp_path / "array.npy", arrays["x_train"])
    made[(tmp_path / "array.npy").read_bytes()] = r"a single NumPy array \(.npy\)"
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("train-images-idx3-ubyte", b"")
    made[(tmp_path / "archive.zip").read_bytes()] = "an archive without arrays; unpack it"
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        with tarfile.open(tmp_path / "archive.tar", mode) as archive:
            archive.add(path, "fashion.npz")
        made[(tmp_path / "archive.tar").read_bytes()] = "an archive; unpack it"
    for content, kind in made.items():
        path.write_bytes(content)
        with pytest.raises(
            UsageError, match=f"it is (gzipped, )?{kind}.* give an .npz file with .* folder of"
        ) as error:
            data.load_dataset(config)
        assert "pickle=" not in str(error.value)
        assert "\n" not in str(error.value)


def test_what_cannot_be_opened_is_refused_in_one_line(fashion, tmp_path, monkeypatch):
    config, _ = fashion
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(UsageError, match="not a file"):
            data.load_dataset(Config(dataset="fashion-mnist", data_path=str(path)))

    def deny(*_, **__):
        raise PermissionError(13, "Permission denied", config.data_path)

    monkeypatch.setattr(files, "open", deny, raising=False)
    with pytest.raises(UsageError, match="Permission denied"):
        data.load_dataset(config)
    monkeypatch.setattr(Path, "is_dir", deny)
    with pytest.raises(UsageError, match="Permission denied"):
        data.load_dataset(config)


def test_a_header_that_asks_for_too_much_memory_is_refused(fashion):
    config, _ = fashion
    header = repr({"descr": "|u1", "fortran_order": False, "shape": (2**50, 28, 28)}).encode().ljust(117) + b"\n"
    with zipfile.ZipFile(config.data_path, "w") as archive:
        archive.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(UsageError, match="more memory than there is"):
        data.load_dataset(config)
