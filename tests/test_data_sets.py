"""Which data set is taken under which name, and what nodes hold where there are not ten classes."""

import numpy as np
import pytest
from helpers import refuse

import data
from config import Config
from datasets.arrays import ARRAYS, KNOWN
from settings.errors import UsageError


@pytest.fixture
def flowers(tmp_path):
    """Twelve images of 4 x 5 coloured pixels for training and for testing, in three classes, and their file."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (2, 12, 4, 5, 3)).astype(np.uint8), np.arange(12) % 3
    arrays = dict(zip(ARRAYS, (images[0], labels[:, np.newaxis], images[1], labels[:, np.newaxis]), strict=True))
    np.savez(tmp_path / "flowers.npz", **arrays)
    return arrays, str(tmp_path / "flowers.npz")


def load(name, path, **settings):
    return data.load_dataset(Config(dataset=name, data_path=path, **settings))


def test_data_under_a_name_of_ones_own_are_called_that_and_by_their_sha256(flowers):
    arrays, path = flowers
    one = load("My-Flowers2", path)
    assert one.name == f"My-Flowers2-{one.sha256()[:8]}"
    assert (one.shape, one.classes, one.y_test.tolist()) == ((4, 5, 3), 3, [0, 1, 2] * 4)
    assert load("My-Flowers2", path, evaluation_samples=6).name == f"{one.name}-6-test-images"
    arrays["x_test"][0, 0, 0, 0] ^= 1
    np.savez(path, **arrays)
    other = load("My-Flowers2", path)
    assert other.name != one.name
    assert other.name.startswith("My-Flowers2-")


@pytest.mark.parametrize("name", ["my flowers", "a/b", "-x", "flow_ers", "ü", "a" * 41, "a.b"])
def test_names_are_letters_digits_and_dashes(name, flowers):
    with pytest.raises(UsageError, match="or a name of letters, digits and dashes, not"):
        Config(dataset=name, data_path=flowers[1])


def test_a_name_without_data_is_refused_before_anything_is_loaded(capfd):
    assert "any name with --data-path, not 'MNIST'" in refuse(capfd, "--dataset", "MNIST")
    assert "any name with --data-path, not 'cifar'" in refuse(capfd, "--dataset", "cifar", "--policy", "random")


def test_a_published_set_is_refused_under_the_name_of_a_user_and_other_takes_it(flowers, monkeypatch):
    _, path = flowers
    own = load("flowers", path).sha256()
    monkeypatch.setitem(KNOWN, "cifar10", KNOWN["cifar10"]._replace(sha256=own))
    assert load("cifar10", path).name == load("other", path).name == "cifar10"
    for name, wanted in (("flowers", "flowers"), ("CIFAR10", "CIFAR10"), ("fashion-mnist", "Fashion-MNIST")):
        with pytest.raises(UsageError, match=f"holds CIFAR-10, not {wanted}; give --dataset cifar10, or the path"):
            load(name, path)


def test_environment_variable_serves_the_published_sets_alone(flowers, monkeypatch):
    _, path = flowers
    monkeypatch.setenv("HL_DATA", path)
    assert data.load_dataset(Config(dataset="cifar10")).name.startswith("other-")
    with pytest.raises(UsageError, match="any name with --data-path"):
        Config(dataset="flowers")


def test_only_the_stand_in_is_called_the_stand_in(flowers):
    assert data.is_stand_in("digits-stand-in")
    assert data.is_stand_in("digits-stand-in-50-test-images")
    name = load("digits-stand-in-2", flowers[1], evaluation_samples=6).name
    assert name.startswith("digits-stand-in-2-")
    assert not data.is_stand_in(name)


def test_normalised_pixels_are_those_of_the_division():
    images = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    found = data.normalise(images)
    assert found.dtype == np.float32
    assert (found[..., 0] == (images / 255).astype(np.float32)).all()
    assert (data.normalise(images[..., np.newaxis].repeat(3, -1)) == found).all()


def test_splits_of_four_classes_by_hand():
    """Position p has label p % 4; node 5 has main class 1, of which node 1 holds the first four images."""
    labels = np.arange(400) % 4
    supplementary = {  # one image from outside class 1, whose positions are 0, 2, 3, 4, 6, 7, ...
        "published": 2,  # number 5 // 4
        "disjoint": 7,  # number 5
        "exclusive": 22,  # of class 2, after node 2's main images 2, 6, 10, 14 and node 1's 18
    }
    for split, last in supplementary.items():
        rows = data.partition(labels, Config(nodes=6, pca_components=6, samples_per_node=5, split=split))
        assert rows[1].tolist()[:4] == [1, 5, 9, 13]
        assert rows[5].tolist() == [17, 21, 25, 29, last]
    rows = data.partition(labels, Config(nodes=6, pca_components=6, samples_per_node=60, split="dirichlet"))
    assert len(np.unique(rows)) == 360


def test_fewer_nodes_than_classes():
    """Three nodes hold main images of the classes 0 to 2 of seven."""
    labels = np.arange(700) % 7
    rows = data.partition(labels, Config(nodes=3, pca_components=3, samples_per_node=10))
    counts = np.stack([np.bincount(labels[row], minlength=7) for row in rows])
    assert counts.argmax(1).tolist() == [0, 1, 2]
    assert counts.max(1).tolist() == [8, 8, 8]
