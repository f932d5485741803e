"""Loading: only the right data sets are taken, each under its own name. Partition: counted by hand."""

import dataclasses
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import data
from config import Config
from data import partition
from datasets.arrays import ARRAYS, KNOWN
from settings.errors import UsageError


def test_npz_from_flag_and_environment(fashion, monkeypatch):
    config, arrays = fashion
    loaded = data.load_dataset(config)
    monkeypatch.setenv("HL_DATA", config.data_path)
    from_environment = data.load_dataset(Config(dataset="fashion-mnist"))
    for key in ARRAYS:
        np.testing.assert_array_equal(getattr(loaded, key), arrays[key])
        np.testing.assert_array_equal(getattr(from_environment, key), arrays[key])
    content = b"".join(arrays[key].tobytes() for key in ("x_train", "y_train", "x_test", "y_test"))
    assert loaded.name == "other-" + hashlib.sha256(content).hexdigest()[:8]  # nobody takes it for Fashion-MNIST


def test_data_of_ones_own(fashion, monkeypatch):
    config, arrays = fashion
    loaded = data.load_dataset(Config(dataset="other", data_path=config.data_path))
    assert loaded.name == data.load_dataset(config).name
    np.testing.assert_array_equal(loaded.x_test, arrays["x_test"])
    with pytest.raises(UsageError, match=r"are not MNIST's.*give --dataset other for data of your own"):
        data.load_dataset(Config(data_path=config.data_path))
    monkeypatch.setenv("HL_DATA", config.data_path)  # which is MNIST's place
    with pytest.raises(UsageError, match="--dataset other needs --data-path"):
        data.load_dataset(Config(dataset="other"))


def test_home_is_expanded(fashion, monkeypatch):
    config, arrays = fashion
    monkeypatch.setenv("HOME", str(Path(config.data_path).parent))
    from_flag = data.load_dataset(Config(dataset="fashion-mnist", data_path="~/fashion.npz"))
    monkeypatch.setenv("HL_DATA", "~/fashion.npz")
    from_environment = data.load_dataset(Config(dataset="fashion-mnist"))
    np.testing.assert_array_equal(from_flag.y_train, arrays["y_train"])
    assert from_environment.name == from_flag.name


def test_a_known_data_set_under_another_name_is_refused(fashion, monkeypatch):
    """Told by SHA-256, in any form of file; here the tiny data stand for each of the two."""
    config, arrays = fashion
    own = data.Dataset("", **arrays).sha256()
    for name, other, title in (("mnist", "fashion-mnist", "MNIST"), ("fashion-mnist", "mnist", "Fashion-MNIST")):
        with monkeypatch.context() as patch:
            patch.setitem(KNOWN, name, KNOWN[name]._replace(sha256=own))
            assert data.load_dataset(Config(dataset=name, data_path=config.data_path)).name == name
            with pytest.raises(UsageError, match=f"holds {title}, not .*give --dataset {name}"):
                data.load_dataset(Config(dataset=other, data_path=config.data_path))


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


def test_exclusive_split_by_hand():
    """Image p of class c stands at 10 p + c. Images 0 to 3 of a class are main images, the next ones supplementary.

    Of the ten supplementary images each of the nine other classes gives one, and the class after the main class a
    second one. Node 0 is the first to ask classes 1 to 9, and takes two of class 1.
    """
    rows = data.partition(labels_by_hand(), Config(samples_per_node=14, main_class_share=4 / 14, split="exclusive"))
    assert sorted(rows[0]) == sorted([0, 10, 20, 30, 41, 51, 42, 43, 44, 45, 46, 47, 48, 49])
    # Node 0 has taken image 4 of classes 2 to 9 and images 4 and 5 of class 1. Node 1 takes two of class 2.
    assert sorted(rows[1]) == sorted([1, 11, 21, 31, 52, 62, 53, 54, 55, 56, 57, 58, 59, 40])
    assert len(np.unique(rows)) == 140
    main = data.partition(labels_by_hand(), Config(nodes=20, samples_per_node=5))[:, :4]
    twenty = data.partition(labels_by_hand(), Config(nodes=20, samples_per_node=5, split="exclusive"))
    assert all(set(theirs) < set(row) for theirs, row in zip(main.tolist(), twenty.tolist(), strict=True))


def test_exclusive_split_uses_up_what_there_is():
    """600 images in ten classes of 60 are exactly enough for 60 nodes that take one image of each class, not for 61."""
    config = Config(nodes=60, samples_per_node=10, main_class_share=0.1, split="exclusive")
    assert sorted(data.partition(labels_by_hand(), config).ravel()) == list(range(600))
    with pytest.raises(UsageError, match=r"need 61 different images of class 0 of 60 .*lower --nodes"):
        data.partition(labels_by_hand(), dataclasses.replace(config, nodes=61))


def test_twenty_nodes_share_a_class_without_sharing_main_images():
    for split, eleventh in (("published", 2), ("disjoint", 12)):
        rows = data.partition(labels_by_hand(), Config(nodes=20, samples_per_node=5, split=split))
        assert rows[11].tolist() == [41, 51, 61, 71, {2: 2, 12: 13}[eleventh]]
        assert len(np.unique(rows[:, :4])) == 80


@pytest.mark.parametrize("split", ["disjoint", "published", "exclusive", "dirichlet"])
def test_another_world_deals_a_permuted_file(split):
    """The nodes hold what they would hold of the permuted file, by positions in the file itself."""
    labels = np.random.default_rng(0).integers(10, size=1000)
    config = Config(seed=5, samples_per_node=20, split=split, world="seed")
    order = np.random.default_rng([5, 12, 0]).permutation(1000)  # seed, purpose, no counters
    held = data.partition(labels, config)
    np.testing.assert_array_equal(
        held, order[data.partition(labels[order], Config(seed=5, samples_per_node=20, split=split))]
    )
    if split != "dirichlet":
        of_class_3 = [position for position in order.tolist() if labels[position] == 3]
        assert set(of_class_3[:16]) < set(held[3])
    other = data.partition(labels, dataclasses.replace(config, seed=6))
    assert len(np.intersect1d(held[0], other[0])) < 10


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
        Config(samples_per_node=301, split="exclusive"),
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
    assert (len(loaded.y_test), loaded.name) == (50, f"{data.load_dataset(config).name}-50-test-images")
    assert np.bincount(loaded.y_test).tolist() == [5] * 10


def test_all_test_images_are_kept_when_as_many_are_wanted(dataset):
    kept = data.fewer_test_images(dataset, len(dataset.y_test))
    np.testing.assert_array_equal(kept.x_test, dataset.x_test)


def test_mnist_itself():
    """The numbers of the splits on the real file, as docs/data.md has them."""
    path = os.environ.get("HL_DATA")
    if not path:
        pytest.skip("MNIST is not at hand: set HL_DATA to its file")
    mnist = data.load_dataset(Config(data_path=path))
    assert (mnist.x_train.shape, mnist.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    with pytest.raises(UsageError, match="holds MNIST, not Fashion-MNIST"):
        data.load_dataset(Config(dataset="fashion-mnist", data_path=path))
    assert not {image.tobytes() for image in mnist.x_train} & {image.tobytes() for image in mnist.x_test}
    published = data.partition(mnist.y_train, Config(split="published"))
    assert len(np.unique(published[:, 400:])) == 119
    assert len(np.unique(published)) == 4000
    for node, row in enumerate(published):
        assert (mnist.y_train[row] == node).sum() == 400
    images, holders = np.unique(data.partition(mnist.y_train, Config()), return_counts=True)
    assert (len(images), (holders > 1).sum(), (holders > 2).sum()) == (4000, 973, 27)
    for nodes in (10, 100):
        exclusive = data.partition(mnist.y_train, Config(nodes=nodes, split="exclusive"))
        assert len(np.unique(exclusive)) == nodes * 500
        counts = [np.bincount(mnist.y_train[row], minlength=10).tolist() for row in exclusive[:2]]
        assert counts == [[400, 12, *[11] * 8], [11, 400, 12, *[11] * 7]]


@given(
    nodes=st.integers(2, 30),
    classes=st.sampled_from([2, 4, 10, 20]),
    samples=st.integers(1, 60),
    share=st.floats(0, 1),
    split=st.sampled_from(["disjoint", "published", "exclusive", "dirichlet"]),
    alpha=st.floats(0.01, 100),
    seed=st.integers(0, 2**32 - 1),
)
def test_partitions(nodes, classes, samples, share, split, alpha, seed):
    """Every node gets its number of different images, in the promised classes; disjoint splits share none."""
    labels = np.random.default_rng(seed).permutation(np.arange(2000) % classes)
    config = Config(
        nodes=nodes,
        pca_components=2,
        samples_per_node=samples,
        main_class_share=share,
        split=split,
        dirichlet_alpha=alpha,
        seed=seed,
    )
    main = round(share * samples)
    turns, each = (nodes - 1) // classes + 1, 2000 // classes  # nodes of a main class, images of a class
    enough = turns * main <= each and (nodes if split == "disjoint" else turns) * (samples - main) <= 2000 - each
    if split == "exclusive":  # the remainder comes from the classes that follow the main class
        after = np.subtract.outer(np.arange(classes), np.arange(nodes)) % classes
        whole, rest = divmod(samples - main, classes - 1)
        enough = np.where(after == 0, main, whole + (after <= rest)).sum(1).max() <= each
    if not (nodes * samples <= 2000 if split == "dirichlet" else enough):
        with pytest.raises(UsageError, match="lower --nodes or --samples-per-node"):
            partition(labels, config)
        return
    held = partition(labels, config)
    assert held.shape == (nodes, samples)
    assert all(len(set(row)) == samples for row in held.tolist())
    if split in ("exclusive", "dirichlet"):
        assert len(np.unique(held)) == nodes * samples
    if split != "dirichlet":
        assert set((labels[held] == np.arange(nodes)[:, np.newaxis] % classes).sum(1)) == {main}
    np.testing.assert_array_equal(held, partition(labels, config))
