"""Reads a folder of images by class, train/CLASS/*.png and test/CLASS/*.png, with Pillow."""

import warnings
from pathlib import Path

import numpy as np

from datasets.errors import one_line
from settings.errors import UsageError

PARTS = ("train", "test")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
LAYOUT = "images as train/CLASS/*.png and test/CLASS/*.png"
GREY, COLOURED = ("1", "L", "LA"), ("P", "PA", "RGB", "RGBA")  # Pillow's modes that 8 bits a channel hold exactly


def has_images(folder: Path) -> bool:
    """Tells whether a folder has the folders train and test."""
    return all((folder / part).is_dir() for part in PARTS)


def read_images(folder: Path) -> dict[str, np.ndarray]:
    """Returns the four arrays of a folder: images as uint8 [n, rows, columns], or where any of them has colours
    [n, rows, columns, 3], and labels [n], the positions of the sorted names of the folders in train.

    The classes take turns, each in the order of its sorted file names and spread evenly over the whole, because the
    splits take images in file order. Raises UsageError where images differ in size, hold more than 8 bits or
    transparent pixels, and where a class has no image, or has some in test only.
    """
    train, test = (_files_by_class(folder / part) for part in PARTS)
    classes = sorted(train)
    if unknown := sorted(set(test) - set(classes)):
        raise UsageError(
            f"{folder / 'test' / unknown[0]} is a class that {folder / 'train'} lacks; give both the same classes"
        )
    files = {
        part: _in_turn([of.get(name, []) for name in classes]) for part, of in zip(PARTS, (train, test), strict=True)
    }
    images = {part: [_read_image(path) for path, _ in files[part]] for part in PARTS}
    _check_sizes([path for part in PARTS for path, _ in files[part]], images["train"] + images["test"])
    coloured = any(image.ndim == 3 for part in PARTS for image in images[part])
    arrays = {}
    for part in PARTS:
        arrays[f"x_{part}"] = np.stack([_coloured(image) if coloured else image for image in images[part]])
        arrays[f"y_{part}"] = np.array([label for _, label in files[part]])
    return arrays


def _check_sizes(paths: list[Path], images: list[np.ndarray]):
    """Raises UsageError, which names the file, where an image has another size than the first one."""
    first, *others = (f"{image.shape[0]} x {image.shape[1]}" for image in images)
    for path, size in zip(paths[1:], others, strict=True):
        if size != first:
            raise UsageError(
                f"{path} has {size} pixels (rows x columns), {paths[0]} has {first}; give all images the same size"
            )


def _files_by_class(folder: Path) -> dict[str, list[Path]]:
    """Returns the sorted image files of each folder in `folder`, by its name."""
    with one_line(folder):
        places = [place for place in folder.iterdir() if place.is_dir() and not place.name.startswith((".", "__"))]
        files = {place.name: sorted(path for path in place.iterdir() if _is_image(path)) for place in places}
    if not files:
        raise UsageError(f"{folder} holds no folders of images; give one for every class: {LAYOUT}")
    for name, found in files.items():
        if not found:
            raise UsageError(
                f"{folder / name} is a class without an image; put some in ({', '.join(SUFFIXES)}) or remove it"
            )
    return files


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _in_turn(files: list[list[Path]]) -> list[tuple[Path, int]]:
    """Returns the files of all classes with their labels, those of every class evenly spread over the whole."""
    places = [
        ((number + 0.5) / len(of_class), label, path)
        for label, of_class in enumerate(files)
        for number, path in enumerate(of_class)
    ]
    return [(path, label) for _, label, path in sorted(places)]


def _read_image(path: Path) -> np.ndarray:
    """Returns an image as uint8 [rows, columns], or [rows, columns, 3] in colour."""
    from PIL import Image  # only where it is used

    with one_line(path), warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as image:
            if image.mode not in GREY + COLOURED:
                raise UsageError(f"{path} has pixels of Pillow's mode {image.mode}; save it as 8-bit grey or RGB")
            if getattr(image, "n_frames", 1) > 1:
                raise UsageError(f"{path} has {image.n_frames} frames; save one of them as an image of its own")
            if image.has_transparency_data and (np.asarray(image.convert("RGBA"))[..., 3] < 255).any():
                raise UsageError(f"{path} has transparent pixels; save it without transparency, as grey or RGB")
            return np.asarray(image.convert("L" if image.mode in GREY else "RGB"))


def _coloured(image: np.ndarray) -> np.ndarray:
    """Returns an image as [rows, columns, 3]; in a grey one all three channels are equal."""
    return image if image.ndim == 3 else np.repeat(image[..., np.newaxis], 3, axis=-1)
