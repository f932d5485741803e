"""Whole runs on images of other forms than MNIST's: they run, log and plot, and what cannot be right is one line."""

import gzip
import json
import struct

import numpy as np
import pandas as pd
import pytest
from helpers import refuse, run
from PIL import Image

import plots
from datasets.arrays import ARRAYS
from datasets.files import IDX_FILES
from runs.folder import FIGURE_NAMES

FLAGS = ("--samples-per-node", 10, "--episodes", 2, "--round-limit", 3, "--goal", 0.99, "--minibatch", 2)
FLAGS += ("--agent-hidden-units", "8", "--nodes", 6, "--pca-components", 6, "--main-class-share", 0.6)


def images_of(labels, shape):
    """Random images, of which a bright row tells the class."""
    rng = np.random.default_rng(len(labels))
    images = rng.integers(0, 100, (len(labels), *shape))
    images[np.arange(len(labels)), 3 * labels + 2] += 150
    return images.astype(np.uint8)


def arrays_of(shape, classes):
    labels = [np.arange(classes * count) % classes for count in (40, 5)]
    images = [images_of(each, shape) for each in labels]
    return dict(zip(ARRAYS, (images[0], labels[0], images[1], labels[1]), strict=True))


def folder_by_class(path):
    """Writes four classes of 20 x 30 coloured pixels."""
    arrays = arrays_of((20, 30, 3), 4)
    for part in ("train", "test"):
        for number, (image, label) in enumerate(zip(arrays[f"x_{part}"], arrays[f"y_{part}"], strict=True)):
            place = path / part / f"class-{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number:03}.png")
    return path, 4


def idx_of_kaggle(path):
    """Writes gzipped idx files with dots in their names, of five classes of 17 x 18 grey pixels."""
    arrays = arrays_of((17, 18), 5)
    path.mkdir()
    for key, name in IDX_FILES.items():
        sizes = arrays[key].shape
        content = struct.pack(f">4B{len(sizes)}I", 0, 0, 8, len(sizes), *sizes) + arrays[key].astype(np.uint8).tobytes()
        (path / f"{name.replace('-idx', '.idx')}.gz").write_bytes(gzip.compress(content))
    return path, 5


def npz_with_a_column_of_labels(path):
    """Writes an .npz file of eight classes of 32 x 32 coloured pixels, its labels int64 [n, 1]."""
    arrays = arrays_of((32, 32, 3), 8)
    columns = {key: arrays[key].astype(np.int64)[:, np.newaxis] for key in ("y_train", "y_test")}
    np.savez(path.with_suffix(".npz"), **arrays | columns)
    return path.with_suffix(".npz"), 8


@pytest.mark.parametrize(
    "write",
    [
        folder_by_class,
        *(pytest.param(each, marks=pytest.mark.slow) for each in (idx_of_kaggle, npz_with_a_column_of_labels)),
    ],
)
def test_images_of_any_form_run_log_and_plot(write, tmp_path, unrendered, capsys):
    path, classes = write(tmp_path / "images")
    run(*FLAGS, "--dataset", "my-images", "--data-path", path, "--figure-every", 0, "--run-dir", tmp_path / "run")
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    name = f"my-images-{described['dataset_sha256'][:8]}"
    assert described["dataset"] == name
    output = capsys.readouterr().out
    assert f"{name}, cnn, seed 0" in output
    assert "evaluation float32: images are" in output
    assert "NOT MNIST" not in output
    rounds, nodes = (pd.read_csv(tmp_path / "run" / f"{table}.csv") for table in ("rounds", "nodes"))
    assert len(rounds) == 6
    assert set(rounds["dataset"]) == {name}
    assert rounds["accuracy"].mul(5 * classes).round(6).mod(1).eq(0).all()  # of five test images a class
    counts = nodes.filter(like="label_")
    assert counts.shape == (6, classes)
    assert (counts.sum(axis=1) == 10).all()
    assert nodes["main_class"].tolist() == [node % classes for node in range(6)]
    assert [counts.loc[node, f"label_{node % classes}"] for node in range(6)] == [6] * 6
    assert len(list((tmp_path / "run" / "figures").glob("*.png"))) == len(FIGURE_NAMES)
    assert plots.main([str(tmp_path / "run"), "--out", str(tmp_path / "figures")]) == 0
    assert (tmp_path / "figures" / "nodes.pdf").exists()


@pytest.mark.slow
def test_baselines_send_images_of_their_size_and_a_resume_needs_the_same_data(tmp_path, capfd):
    path, _ = folder_by_class(tmp_path / "images")
    flags = (*FLAGS, "--dataset", "my-images", "--data-path", path, "--policy", "centralized", "--figure-every", -1)
    run(*flags, "--episodes", 1, "--run-dir", tmp_path / "run")
    sent = pd.read_csv(tmp_path / "run" / "rounds.csv")["bytes_sent"].tolist()
    assert sent == [5 * 10 * (20 * 30 * 3 + 1), 0, 0]  # five nodes send all they have, a byte for every number
    capfd.readouterr()
    (path / "test" / "class-0" / "000.png").unlink()
    resumed = ("--resume", "--run-dir", tmp_path / "run", "--episodes", 2)
    assert "was started on other data (my-images-" in refuse(capfd, *resumed)


@pytest.mark.parametrize(
    ("shape", "flags", "says"),
    [
        ((15, 40, 3), (), "images of 15 x 40 pixels are too small for the convolutional network, which needs 16 x 16"),
        ((15, 40), ("--samples-per-node", 41), "lower --nodes or --samples-per-node"),
        ((15, 40), ("--samples-per-node", 41, "--split", "exclusive"), "lower --nodes or --samples-per-node"),
        ((15, 40), ("--samples-per-node", 41, "--split", "dirichlet"), "lower --nodes or --samples-per-node"),
        ((15, 40), ("--evaluation-samples", 21), "--evaluation-samples must be at most 20"),
        ((16, 40), ("--evaluation", "fused-checked"), "is not available: images are 16 x 40 x 1, not 28 x 28 x 1"),
        ((28, 28), ("--evaluation", "fused-checked"), "is not available: images have 4 classes, not 10"),
    ],
)
def test_what_does_not_fit_is_refused_before_a_folder_is_made(shape, flags, says, tmp_path, capfd):
    np.savez(tmp_path / "images.npz", **arrays_of(shape, 4))
    data = ("--dataset", "mine", "--data-path", tmp_path / "images.npz", "--run-dir", tmp_path / "run")
    assert says in refuse(capfd, *FLAGS, *data, *flags)
    assert not (tmp_path / "run").exists()


def test_an_image_of_another_size_is_refused_in_one_line(tmp_path, capfd):
    path, _ = folder_by_class(tmp_path / "images")
    Image.new("RGB", (31, 20)).save(path / "train" / "class-2" / "002.png")
    error = refuse(capfd, "--dataset", "mine", "--data-path", path, "--run-dir", tmp_path / "run")
    assert f"error: {path}/train/class-2/002.png has 20 x 31 pixels (rows x columns), " in error
    assert not (tmp_path / "run").exists()
