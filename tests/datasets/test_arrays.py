"""Arrays as other tools write them are converted without loss; all else is refused in one line that says why."""

import hashlib

import numpy as np
import pytest

import data
from datasets.arrays import ARRAYS, convert, sha256
from settings.errors import UsageError


def one_hot(labels, dtype=float):
    return np.eye(10, dtype=dtype)[labels]


@pytest.mark.parametrize(
    "change",
    [
        lambda x, y: (x, y.astype(np.int64)),
        lambda x, y: (x.astype(np.int32), y.astype(np.int8)),
        lambda x, y: (x, y.astype(np.float32)),
        lambda x, y: (x, y[:, np.newaxis].astype(">u2")),
        lambda x, y: (x, one_hot(y)),
        lambda x, y: (x, one_hot(y, bool)),
        lambda x, y: (x.reshape(-1, 784), y),
        lambda x, y: (x[..., np.newaxis], y),
        lambda x, y: (x[:, np.newaxis], y),
        lambda x, y: (np.asfortranarray(x), y),
        lambda x, y: (x.astype(float), y),
        lambda x, y: (x.astype(np.float16), y),
        lambda x, y: (x / 255, y),
        lambda x, y: (x * (1 / 255), y),
        lambda x, y: ((x / 255).astype(np.float32), y),
        lambda x, y: (x.astype(np.float32) * np.float32(1 / 255), y),
        lambda x, y: ((x / 255).astype(np.float32).astype(float).reshape(-1, 784), y),
        lambda x, y: ((x / 255).astype(np.float16), y),
    ],
)
def test_arrays_as_other_tools_write_them_lose_nothing(fashion, change):
    config, arrays = fashion
    arrays["x_train"][0].flat[:256] = np.arange(256)  # every value a pixel can have
    expected = data.Dataset("", **arrays).sha256()
    pairs = [change(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test")]
    np.savez(config.data_path, **dict(zip(ARRAYS, (*pairs[0], *pairs[1]), strict=True)))
    assert data.load_dataset(config).sha256() == expected


def spoil(arrays, **changes):
    return {key: changes.get(key, array) for key, array in arrays.items() if changes.get(key, array) is not None}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"y_test": None}, "lacks an array"),
        ({"x_train": np.full((3000, 28, 28), 0.5, np.float32)}, "float32, not multiples of 1/255"),
        ({"x_train": np.full((3000, 28, 28), 100.5)}, "float64, not whole numbers"),
        ({"x_train": np.full((3000, 28, 28), -1.0)}, "from -1.0 to -1.0; .* uint8, 0 to 255"),
        ({"x_train": np.full((3000, 28, 28), 256)}, "from 256 to 256"),
        ({"x_train": np.full((3000, 28, 28), np.nan)}, "from nan"),
        ({"x_train": np.zeros((3000, 28, 28), bool)}, "x_train holds bool"),
        ({"x_train": np.zeros((3000, 28, 28), complex)}, "x_train holds complex"),
        (
            {"x_train": np.zeros((3000, 32, 32, 3), np.uint8)},
            "x_train has images of 32 x 32 x 3, x_test of 28 x 28",
        ),
        ({"x_train": np.uint8(3)}, "shape"),
        ({"y_train": np.uint8(3)}, "shape"),
        ({"y_train": np.full((3000,), "seven")}, "y_train holds text, where whole numbers are wanted, 0 for"),
        ({"y_train": np.full((3000,), -1)}, "labels below 0"),
        ({"y_train": np.full((3000,), 1.5)}, "not whole numbers"),
        ({"y_train": np.ones((3000, 10))}, "not one-hot"),
        ({"y_train": np.zeros((3000, 10))}, "not one-hot"),
        ({"y_train": np.zeros((3000, 2), np.uint8)}, r"y_train \[3000, 2\] is not one-hot"),
        ({"y_train": np.zeros((3000, 1, 1), np.uint8)}, "shape"),
        ({"x_train": np.zeros((3000, 1, 28, 28, 1), np.uint8)}, "shape"),
        ({"x_train": np.zeros((3000, 783), np.uint8)}, "shape"),
        ({"x_train": np.zeros((3000, 32, 32), np.uint8)}, "x_train has images of 32 x 32, x_test of 28 x 28; give"),
        ({"x_train": np.zeros((3000, 28), np.uint8)}, "shape"),
        ({"y_train": np.zeros((2999,), np.uint8)}, "differ in length"),
        ({"y_train": np.full((3000,), 1000)}, "labels above 999; at most 1,000"),
        ({"y_train": np.full((3000,), np.inf)}, "labels above 999"),
        ({"y_train": np.full((3000,), np.nan)}, "not whole numbers"),
        ({"y_train": np.ones((3000,), bool)}, "bool, not whole numbers"),
        ({"y_train": np.zeros((3000,), np.uint8)}, "labels from 0 to 0; 2 to 1,000 classes"),
        ({"y_train": 1 + np.arange(3000) % 10}, "labels up to 10 but no image of class 0; number"),
        ({"y_train": np.arange(3000) % 10 * 2}, "labels up to 18 but no image of class 1; number"),
        ({"y_test": np.arange(300) % 11}, "y_test holds class 10, of which y_train has no image"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8)}, "shape"),
        ({"y_test": np.array([{}] * 300)}, "cannot be read"),  # would have to be unpickled
    ],
)
def test_foreign_npz_is_refused(fashion, changes, says):
    config, arrays = fashion
    np.savez(config.data_path, **spoil(arrays, **changes))
    with pytest.raises(UsageError, match=says):
        data.load_dataset(config)


def test_one_array_of_whole_pixels_is_not_scaled_by_another(fashion):
    """Test images that happen to be dark are no pixels / 255 as long as the training images are not."""
    config, arrays = fashion
    dark = np.minimum(arrays["x_test"], 1)
    np.savez(config.data_path, **arrays | {"x_train": arrays["x_train"].astype(float), "x_test": dark.astype(float)})
    np.testing.assert_array_equal(data.load_dataset(config).x_test, dark)


def small(shape=(4, 5), classes=3, count=12):
    """Images of any shape, of which each class has some."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (2, count, *shape)).astype(np.uint8), np.arange(count) % classes
    return dict(zip(ARRAYS, (images[0], labels, images[1], labels), strict=True))


@pytest.mark.parametrize(
    ("given", "shape", "axes"),
    [
        ((4, 5), (4, 5), None),
        ((4, 5, 1), (4, 5), None),
        ((1, 6, 5), (6, 5), None),
        ((20, 30, 3), (20, 30, 3), None),
        ((3, 20, 30), (20, 30, 3), (0, 2, 3, 1)),  # PyTorch's order
        ((6, 5, 4), (6, 5, 4), None),
        ((3, 5, 3), (3, 5, 3), None),
        ((8, 5, 13), (8, 5, 13), None),
    ],
)
def test_images_of_any_shape(given, shape, axes):
    arrays = small(given)
    converted = convert(arrays, "here")
    assert converted["x_train"].shape == (12, *shape)
    for key in ("x_train", "x_test"):
        expected = arrays[key].transpose(axes) if axes else arrays[key].reshape(12, *shape)
        np.testing.assert_array_equal(converted[key], expected)
    dataset = data.Dataset("any", **converted)
    assert dataset.shape == (*shape, 1)[:3]
    assert data.normalise(dataset.x_test).shape == (12, *dataset.shape)


@pytest.mark.parametrize(("classes", "kind"), [(2, np.uint8), (256, np.uint8), (257, np.uint16), (1000, np.uint16)])
@pytest.mark.parametrize("given", [np.int64, np.uint64, ">i2", np.float32])
def test_two_to_a_thousand_classes(classes, kind, given):
    arrays = small(classes=classes, count=classes)
    labels = {key: arrays[key].astype(given)[:, np.newaxis] for key in ("y_train", "y_test")}
    dataset = data.Dataset("any", **convert(arrays | labels, "here"))
    assert dataset.classes == classes
    assert dataset.y_train.dtype == dataset.y_test.dtype == kind
    assert dataset.y_train.tolist() == list(range(classes))


def test_one_hot_of_four_classes():
    arrays = small(classes=4)
    hot = {key: one_hot(arrays[key])[:, :4] for key in ("y_train", "y_test")}
    assert convert(arrays | hot, "here")["y_test"].tolist() == [0, 1, 2, 3] * 3


def test_equal_bytes_in_another_shape_have_another_sha256():
    wide = convert(small((4, 6)), "here")
    tall = wide | {key: wide[key].reshape(12, 6, 4) for key in ("x_train", "x_test")}
    assert sha256(wide) != sha256(tall)
    square = convert(small((28, 28)), "here")
    assert sha256(square) == hashlib.sha256(b"".join(square[key].tobytes() for key in ARRAYS)).hexdigest()
