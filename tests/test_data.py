"""Loading: only the right files are taken. Partition: counted by hand."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

import data
from config import Config, UsageError
from data import ARRAYS, IDX_FILES


@pytest.fixture
def fashion(tmp_path, dataset, monkeypatch):
    """A config for a small .npz (Fashion-MNIST's hash is not checked), and the arrays in it."""
    monkeypatch.delenv("HL_DATA", raising=False)
    arrays = {key: getattr(dataset, key) for key in ARRAYS}
    path = tmp_path / "fashion.npz"
    np.savez(path, **arrays)
    return Config(dataset="fashion-mnist", data_path=str(path)), arrays


def write_idx(folder, arrays, opener=open, suffix=""):
    folder.mkdir()
    for key, name in IDX_FILES.items():
        header = struct.pack(">4B", 0, 0, 8, arrays[key].ndim) + struct.pack(
            f">{arrays[key].ndim}I", *arrays[key].shape
        )
        with opener(folder / (name + suffix), "wb") as file:
            file.write(header + arrays[key].tobytes())


def test_npz_from_flag_and_environment(fashion, monkeypatch):
    config, arrays = fashion
    loaded = data.load_dataset(config)
    monkeypatch.setenv("HL_DATA", config.data_path)
    from_environment = data.load_dataset(Config(dataset="fashion-mnist"))
    for key in ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, key), arrays[key])
        np.testing.assert_array_equal(getattr(from_environment, key), arrays[key])
    assert loaded.name == "fashion-mnist"


@pytest.mark.parametrize(("opener", "suffix"), [(open, ""), (gzip.open, ".gz")])
def test_idx_folder(fashion, tmp_path, opener, suffix):
    _, arrays = fashion
    write_idx(tmp_path / "idx", arrays, opener, suffix)
    loaded = data.load_dataset(Config(dataset="fashion-mnist", data_path=str(tmp_path / "idx")))
    for key in ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, key), arrays[key])


def spoil(arrays, **changes):
    return {key: changes.get(key, array) for key, array in arrays.items() if changes.get(key, array) is not None}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"y_test": None}, "lacks an array"),
        ({"x_train": np.zeros((3000, 28, 28), np.float32)}, "float32, not uint8"),
        ({"x_train": np.zeros((3000, 32, 32), np.uint8)}, "shape"),
        ({"x_train": np.zeros((3000, 28), np.uint8)}, "shape"),
        ({"y_train": np.zeros((2999,), np.uint8)}, "differ in length"),
        ({"y_train": np.full((3000,), 10, np.uint8)}, "labels above 9"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8)}, "shape"),
        ({"y_test": np.array([{}] * 300)}, "cannot be read"),  # would have to be unpickled
    ],
)
def test_foreign_npz_is_refused(fashion, changes, says):
    config, arrays = fashion
    np.savez(config.data_path, **spoil(arrays, **changes))
    with pytest.raises(UsageError, match=says):
        data.load_dataset(config)


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


def test_another_data_set_is_not_mnist(fashion):
    config, _ = fashion
    with pytest.raises(UsageError, match="not MNIST's"):
        data.load_dataset(Config(data_path=config.data_path))


def test_stand_in_comes_from_different_originals():
    """Its images are the digits they are labelled as; no test image is a training image's twin."""
    from sklearn.neighbors import KNeighborsClassifier

    stand_in = data.digits_stand_in(0, train_size=3000, test_size=500)
    again = data.digits_stand_in(0, train_size=3000, test_size=500)
    assert stand_in.name == "digits-stand-in"
    assert stand_in.x_train.shape == (3000, 28, 28)
    assert stand_in.sha256() == again.sha256()
    assert stand_in.sha256() != data.digits_stand_in(1, train_size=3000, test_size=500).sha256()
    train, test = stand_in.x_train.reshape(3000, -1), stand_in.x_test.reshape(500, -1)
    classifier = KNeighborsClassifier(1).fit(train, stand_in.y_train)
    assert classifier.score(test, stand_in.y_test) > 0.85
    to_other = classifier.kneighbors(test)[0][:, 0].mean()
    within = classifier.kneighbors(train, n_neighbors=2)[0][:, 1].mean()  # the nearest is the image itself
    assert to_other > 1.1 * within
    assert np.bincount(stand_in.y_test, minlength=10).min() > 20


def labels_by_hand():
    """A file of 600 labels 0, 1, ..., 9, 0, 1, ...: position p has label p % 10."""
    return np.arange(600) % 10


def test_published_split_by_hand():
    """Ten nodes of 5 images, 4 of the main class; all take their supplementary image from the start of the file."""
    rows = data.partition(labels_by_hand(), Config(samples_per_node=5, split="published"))
    assert rows[0].tolist() == [0, 10, 20, 30, 1]
    assert rows[3].tolist() == [3, 13, 23, 33, 0]
    assert all(row[4] in (0, 1) for row in rows)


def test_disjoint_split_by_hand():
    """Node n's supplementary image is number n of the other classes."""
    rows = data.partition(labels_by_hand(), Config(samples_per_node=5))
    assert rows[0].tolist() == [0, 10, 20, 30, 1]
    assert rows[3].tolist() == [3, 13, 23, 33, 4]  # others in file order: 0 1 2 4 ...
    assert rows[9].tolist() == [9, 19, 29, 39, 10]  # others: 0 .. 8, then 10


def test_twenty_nodes_share_a_class_without_sharing_main_images():
    for split, eleventh in (("published", 2), ("disjoint", 12)):
        rows = data.partition(labels_by_hand(), Config(nodes=20, samples_per_node=5, split=split))
        assert rows[11].tolist() == [41, 51, 61, 71, {2: 2, 12: 13}[eleventh]]
        assert len(np.unique(rows[:, :4])) == 80


def test_main_class_share(dataset):
    for share, main in ((0.0, 0), (0.6, 60), (1.0, 100)):
        config = Config(samples_per_node=100, main_class_share=share)
        rows = data.partition(dataset.y_train, config)
        assert rows.shape == (10, 100)
        assert [int((dataset.y_train[row] == node).sum()) for node, row in enumerate(rows)] == [main] * 10


def test_dirichlet_gives_every_image_once_and_skews_with_alpha(dataset):
    def mean_largest_share(alpha):
        rows = data.partition(dataset.y_train, Config(samples_per_node=250, split="dirichlet", dirichlet_alpha=alpha))
        assert rows.shape == (10, 250)
        assert len(np.unique(rows)) == 2500
        return np.mean([np.bincount(dataset.y_train[row]).max() / 250 for row in rows])

    assert mean_largest_share(0.1) > 0.4 > 0.15 > mean_largest_share(1000)


@pytest.mark.parametrize(
    "config",
    [
        Config(samples_per_node=400),
        Config(nodes=100, samples_per_node=100),
        Config(samples_per_node=301, split="dirichlet"),
        Config(samples_per_node=300, main_class_share=0, nodes=20),
    ],
)
def test_too_few_images(dataset, config):
    with pytest.raises(UsageError, match=r"lower --nodes or --samples-per-node"):
        data.partition(dataset.y_train, config)


def test_fewer_test_images_keep_the_classes_proportions(dataset):
    labels = np.array([0] * 60 + [1] * 30 + [2] * 10, np.uint8)
    images = np.arange(100, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones((1, 28, 28), np.uint8)
    whole = data.Dataset("tiny", dataset.x_train, dataset.y_train, images, labels)
    fewer = data.fewer_test_images(whole, 20)
    assert np.bincount(fewer.y_test).tolist() == [12, 6, 2]
    assert fewer.x_test[:, 0, 0].tolist() == list(range(2, 100, 5))  # the middle of every five
    assert fewer.name == "tiny-20-test-images"
    assert len(fewer.x_train) == len(whole.x_train)
    with pytest.raises(UsageError, match="at most 100"):
        data.fewer_test_images(whole, 101)


def test_evaluation_samples_are_used_and_marked(fashion):
    config, _ = fashion
    loaded = data.load_dataset(Config(dataset="fashion-mnist", data_path=config.data_path, evaluation_samples=50))
    assert (len(loaded.y_test), loaded.name) == (50, "fashion-mnist-50-test-images")
    assert np.bincount(loaded.y_test).tolist() == [5] * 10


def test_all_test_images_are_kept_when_as_many_are_wanted(dataset):
    kept = data.fewer_test_images(dataset, len(dataset.y_test))
    np.testing.assert_array_equal(kept.x_test, dataset.x_test)


def test_mnist_itself():
    """The numbers of the two splits on the real file: 119 distinct supplementary images in the published one."""
    path = os.environ.get("HL_DATA")
    if not path:
        pytest.skip("MNIST is not at hand: set HL_DATA to its file")
    mnist = data.load_dataset(Config(data_path=path))
    assert (mnist.x_train.shape, mnist.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    published = data.partition(mnist.y_train, Config(split="published"))
    assert len(np.unique(published[:, 400:])) == 119
    assert len(np.unique(published)) == 4000
    for node, row in enumerate(published):
        assert (mnist.y_train[row] == node).sum() == 400
