"""A folder of images by class: read exactly and in a fixed order, or refused in one line that names the file."""

import shutil

import numpy as np
import pytest
from PIL import Image

from config import Config
from data import load_dataset
from settings.errors import UsageError

CLASSES = ("apple", "cherry", "fig", "pear")


def image_of(seed, shape=(20, 30, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Four classes of 20 x 30 coloured pixels: two training images of each but six of figs, one test image of each."""
    for part, counts in (("train", (2, 2, 6, 2)), ("test", (1, 1, 1, 1))):
        for name, count in zip(CLASSES, counts, strict=True):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(count):
                shown = image_of([len(part), CLASSES.index(name), number])
                Image.fromarray(shown).save(tmp_path / part / name / f"{number}.png")
    return tmp_path


def load(path, name="fruit"):
    return load_dataset(Config(dataset=name, data_path=str(path)))


def test_images_are_read_exactly_and_classes_take_turns(folder):
    loaded = load(folder)
    assert loaded.x_train.shape == (12, 20, 30, 3)
    assert (loaded.classes, loaded.shape) == (4, (20, 30, 3))
    # The quarters at 1/4 and 3/4 of the file, figs at 1/12, 3/12, ..., 11/12; with equal places the lower label first.
    assert loaded.y_train.tolist() == [2, 0, 1, 2, 3, 2, 2, 0, 1, 2, 3, 2]
    assert loaded.y_test.tolist() == [0, 1, 2, 3]
    numbers = [0, 0, 0, 1, 0, 2, 3, 1, 1, 4, 1, 5]
    for shown, label, number in zip(loaded.x_train, loaded.y_train, numbers, strict=True):
        np.testing.assert_array_equal(shown, image_of([len("train"), label, number]))
    assert loaded.name == f"fruit-{loaded.sha256()[:8]}"


def test_the_order_is_that_of_names_whatever_the_disk_says(folder, tmp_path):
    loaded = load(folder)
    again = tmp_path / "another" / "one" / "deeper"
    for path in sorted(folder.glob("t*/*/*.png"), reverse=True):
        copy = again / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    (again / "train" / "fig" / ".DS_Store").touch()
    (again / "train" / "fig" / "Thumbs.db").touch()
    (again / "train" / ".ipynb_checkpoints").mkdir()
    assert load(again).sha256() == load(again.parent).sha256() == loaded.sha256()


@pytest.mark.parametrize("suffix", ["png", "bmp", "PPM", "tif", "webp"])
def test_formats_without_loss(folder, suffix):
    before = load(folder).x_train
    for path in folder.glob("t*/*/*.png"):
        with Image.open(path) as image:
            image.save(path.with_suffix(f".{suffix}"), **({"lossless": True} if suffix == "webp" else {}))
        if suffix != "png":
            path.unlink()
    np.testing.assert_array_equal(load(folder).x_train, before)


def test_jpeg_is_read_as_pillow_decodes_it(folder):
    path = folder / "train" / "apple" / "0.jpg"
    Image.fromarray(image_of(5)).save(path)
    (folder / "train" / "apple" / "0.png").unlink()
    with Image.open(path) as image:
        np.testing.assert_array_equal(load(folder).x_train[1], np.asarray(image))


def test_grey_images_have_one_channel_and_beside_coloured_ones_three_equal_ones(folder):
    grey = image_of(9, (20, 30))
    Image.fromarray(grey).save(folder / "train" / "apple" / "0.png")
    np.testing.assert_array_equal(load(folder).x_train[1], np.stack([grey] * 3, axis=-1))
    for path in folder.glob("t*/*/*.png"):
        Image.fromarray(grey).save(path)
    loaded = load(folder)
    assert loaded.shape == (20, 30, 1)
    np.testing.assert_array_equal(loaded.x_train, np.stack([grey] * 12))


def test_other_kinds_of_pixels_that_8_bits_hold(folder):
    shown, path = image_of([5, 0, 0]), folder / "train" / "apple" / "0.png"
    Image.fromarray(np.dstack([shown, np.full((20, 30), 255, np.uint8)])).save(path)  # an alpha that hides nothing
    np.testing.assert_array_equal(load(folder).x_train[1], shown)
    few = shown // 128 * 255  # eight colours
    Image.fromarray(few).quantize(8, dither=Image.Dither.NONE).save(path)
    np.testing.assert_array_equal(load(folder).x_train[1], few)
    Image.fromarray(few[..., 0] > 0).save(path)  # one bit a pixel
    np.testing.assert_array_equal(load(folder).x_train[1], np.stack([few[..., 0]] * 3, axis=-1))


def rewrite(name, image, **options):
    return lambda folder: image.save(folder / "train" / "apple" / name, **options)


def truncate(folder):
    path = folder / "train" / "apple" / "0.png"
    path.write_bytes(path.read_bytes()[:-700])


def only_in_test(folder):
    shutil.copytree(folder / "test" / "fig", folder / "test" / "plum")


def without(*parts):
    return lambda folder: shutil.rmtree(folder.joinpath(*parts))


FRAMES = [Image.fromarray(image_of(number)) for number in range(2)]
HALF = Image.fromarray(np.dstack([image_of(0), np.full((20, 30), 128, np.uint8)]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (rewrite("1.png", Image.fromarray(image_of(0, (20, 31)))), "apple/1.png has 20 x 31 pixels .* has 20 x 30"),
        (rewrite("1.png", Image.fromarray(image_of(0, (20, 30)).astype(np.uint16))), "mode I;16; save it as 8-bit"),
        (rewrite("1.jpg", Image.new("CMYK", (30, 20))), "1.jpg has pixels of Pillow's mode CMYK; save it as 8-bit"),
        (rewrite("1.png", HALF), "1.png has transparent pixels"),
        (rewrite("1.gif", FRAMES[0], save_all=True, append_images=FRAMES[1:]), "1.gif has 2 frames"),
        (truncate, "apple/0.png cannot be read: it is damaged"),
        (
            lambda folder: (folder / "train" / "apple" / "0.png").write_text("<html>"),
            "0.png cannot be read: it is damaged",
        ),
        (only_in_test, "test/plum is a class that .*train lacks"),
        (
            lambda folder: (folder / "train" / "plum").mkdir(),
            r"train/plum is a class without an image; put some in \(.bmp",
        ),
        (lambda folder: (folder / "test" / "fig" / "0.png").unlink(), "test/fig is a class without an image"),
        (without("train", "fig"), "test/fig is a class that .*train lacks"),
        (without("test"), "does not exist; a folder needs .* or images as train/CLASS/"),
        (lambda folder: [shutil.rmtree(path) for path in folder.glob("train/*")], "train holds no folders of images"),
        (lambda folder: [shutil.rmtree(path) for path in folder.glob("*/[cfp]*")], "from 0 to 0; 2 to 1,000 classes"),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(folder, change, says):
    change(folder)
    with pytest.raises(UsageError, match=says) as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_a_huge_image_is_refused_before_it_fills_the_memory(folder, monkeypatch):
    monkeypatch.setattr(
        Image, "MAX_IMAGE_PIXELS", 400
    )  # of 600; Pillow warns from this on, and gives up at twice as many
    with pytest.raises(UsageError, match=r"0.png cannot be read: it is damaged \(Image size \(600 pixels\)"):
        load(folder)


def test_a_folder_that_may_not_be_entered(folder, monkeypatch):
    def deny(*_):
        raise PermissionError(13, "Permission denied", str(folder / "train"))

    monkeypatch.setattr("datasets.folders._is_image", deny)
    with pytest.raises(UsageError, match=r"train cannot be read .Permission denied"):
        load(folder)
