"""The comparison of learners: what is trained against Keras, its rules by hand, and whole small comparisons."""

import dataclasses
import functools
import gzip
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from helpers import PROJECT, exit_code, wait_for

from data import digits_stand_in
from datasets.arrays import ARRAYS
from studies import units
from studies.learners import accuracies, alignments, report, task_sequences
from studies.learners.__main__ import main
from studies.learners.accuracies import ENTRIES, Training
from studies.learners.units import Images

FIGURES = ("accuracy", "alignment", "growth", "forgetting")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Flags for 240 training and 100 test images of the digits stand-in, in a file."""
    dataset = digits_stand_in(0, 240, 100)
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    np.savez(path, **{key: getattr(dataset, key) for key in ARRAYS})
    return ["--dataset", "other", "--data-path", str(path), "--epochs", "1", "--threads", "2"]


@pytest.fixture(scope="module")
def small():
    """Leaves 3 trainings and 2 of tuning, 2 alignments, 4 sequences and 4 of tuning, all of them small."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink(monkeypatch)
        yield


def shrink(monkeypatch):
    rates = {"dense 256-256": (1e-3, 3e-3), "attention l1": (1e-3,), "kde stacked-shift": (1e-3,)}
    kept = {name: dataclasses.replace(ENTRIES[name], rates=some) for name, some in rates.items()}
    monkeypatch.setattr(accuracies, "ENTRIES", kept)
    monkeypatch.setattr(accuracies, "TUNING_SEEDS", (100,))
    monkeypatch.setattr(task_sequences, "TUNING_SEEDS", (100,))
    monkeypatch.setattr(alignments, "ATTENTIONS", ("l1_scaled", "random"))
    monkeypatch.setattr(alignments, "HIDDEN_LAYERS", (1,))
    monkeypatch.setattr(alignments, "WIDTH", 8)
    monkeypatch.setattr(task_sequences, "WIDTHS", "8")
    monkeypatch.setattr(task_sequences, "planned", lambda dataset: ("split-domain",))
    monkeypatch.setattr(task_sequences, "PENALTY_STEPS", {"split-domain": (1.0,)})
    rates = {"backpropagation": (0.1,), "ewc": (0.1,), "l1_scaled": (0.1,), "joint": (0.1,)}
    monkeypatch.setattr(task_sequences, "RATES", rates)
    for part in (accuracies, alignments, task_sequences):  # the models of other sizes are of no use
        monkeypatch.setattr(part, "vector_model", functools.cache(part.vector_model.__wrapped__))


@pytest.fixture(scope="module")
def measured(small, digits, tmp_path_factory):
    """The folder of a small comparison of two seeds."""
    folder = tmp_path_factory.mktemp("comparison")
    assert compare(*digits, "--out", folder, "--seeds", "0-1") == 0
    return folder


def compare(*arguments):
    return main([str(argument) for argument in arguments])


def contents(folder):
    return {path.name: path.read_bytes() for path in (folder / "runs").iterdir()}


def test_small_comparison_writes_everything(measured):
    assert {path.stem for path in (measured / "figures").iterdir()} == set(FIGURES)
    assert {path.suffix for path in (measured / "figures").iterdir()} == {".png", ".pdf"}
    text = (measured / "report.md").read_text()
    assert "nan" not in text
    assert "forgets less than backpropagation" in text
    assert len(contents(measured)) == 2 * 3 + 2 + 2 * 2 + 2 * 4 + 4
    assert "chosen by the means over the seeds 100, on the last sixth of the training images" in text
    table = pd.read_csv(measured / "accuracy.csv")
    assert table["accuracy_without_noise"].notna().tolist() == (table["entry"] == "kde stacked-shift").tolist()


def test_finished_units_are_not_measured_again(measured, digits, tmp_path, capsys, unrendered):
    before = contents(measured)
    assert compare(*digits, "--out", measured, "--seeds", "0-1") == 0
    assert contents(measured) == before
    assert not re.search(r"^accuracy-\S+ +\d", capsys.readouterr().out, re.MULTILINE)  # no unit was measured
    assert compare(*digits, "--out", measured, "--seeds", "0-2", "--list") == 0
    states = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert (states.count("finished"), states.count("new")) == (len(before), 3 + 2 + 4)
    assert_packed_units_are_read(digits, measured, tmp_path / "packed", capsys)


def assert_packed_units_are_read(digits, plain, out, capsys):
    """No packed unit is measured again, the report is the same, and a damaged table is one line."""
    assert compare("--pack", plain, "--out", out) == 0
    parts = ("accuracy", "alignment", "forgetting", "rate", "strength", "tuning")
    assert set(contents(out)) == {f"{part}.csv.gz" for part in parts}
    reports = [out / name for name in ("report.md", "accuracy.csv", "alignment.csv", "forgetting.csv")]
    for path in reports:
        path.unlink()
    assert compare(*digits, "--out", out, "--seeds", "0-1") == 0
    assert not list(out.glob("runs/*.csv"))
    assert [path.read_bytes() for path in reports] == [(plain / path.name).read_bytes() for path in reports]
    assert_packed_units_are_packed_again(plain, out)
    (out / "runs" / "rate.csv.gz").write_bytes(b"no gzip")
    capsys.readouterr()
    assert compare(*digits, "--out", out, "--seeds", "0-1") == 2
    assert "rate.csv.gz cannot be read" in capsys.readouterr().err
    assert compare("--pack", plain, "--out", out) == 2
    assert "rate.csv.gz would be replaced" in capsys.readouterr().err


def assert_packed_units_are_packed_again(plain, packed):
    """Together with units measured since, digit by digit, and a unit that is there twice once."""
    extended, out = packed.parent / "extended", packed.parent / "again"
    shutil.copytree(packed, extended)
    old = plain / "runs" / "rate-split-domain-l1_scaled-0.1-seed100.csv"
    shutil.copy(old, extended / "runs")
    new = old.read_text().replace(",100,", ",101,")
    (extended / "runs" / "rate-split-domain-l1_scaled-0.1-seed101.csv").write_text(new)
    units.pack(extended, out)
    before, after = (gzip.decompress((each / "runs" / "rate.csv.gz").read_bytes()).decode() for each in (packed, out))
    added = [f"rate-split-domain-l1_scaled-0.1-seed101,{line}" for line in new.splitlines()[1:]]
    assert sorted(after.splitlines()) == sorted(before.splitlines() + added)
    assert contents(out)["tuning.csv.gz"] == contents(packed)["tuning.csv.gz"]


def test_learning_rates_are_judged_on_held_out_training_images(small, dataset, monkeypatch):
    """Every method and rate, by the tuning's seeds alone; what is reported is measured on all images."""
    learned = []
    monkeypatch.setattr(task_sequences, "learn", lambda *what: learned.append(what))
    images, measured = Images.of(dataset, 120), task_sequences.units([0, 1], "mnist")
    for unit in measured:
        if not isinstance(unit, task_sequences.Sequence):
            unit.measure(images, 1, None)
    assert {(method, rate) for _, method, rate, *_ in learned} == {
        (method, rate) for method, rates in task_sequences.RATES.items() for rate in rates
    }
    for *_, seed, shown, _ in learned:
        assert seed == 100
        np.testing.assert_array_equal(shown.x_test, images.x_train[100:])
        assert len(shown.x_train) == 100
    reported = task_sequences.Sequence(scenario="split-domain", method="l1_scaled", rate=0.1, seed=1)
    reported.measure(images, 1, None)
    assert learned[-1][-3:] == (1, images, 1)


def test_report_without_tuned_rates_says_so(measured, digits, tmp_path, unrendered):
    """As it was made before rates were tuned, or where a seed of the tuning is lacking."""
    shutil.copytree(measured, tmp_path, dirs_exist_ok=True)
    (tmp_path / "runs" / "rate-split-domain-l1_scaled-0.1-seed100.csv").unlink()
    assert "**The learning rates of these comparisons" in report.write_report(tmp_path)
    for path in tmp_path.glob("runs/rate-*.csv"):
        path.unlink()
    assert "**The learning rates of these comparisons" in report.write_report(tmp_path)
    assert compare(*digits, "--out", tmp_path, "--seeds", "0-1", "--parts", "forgetting") == 0
    assert "**The learning rates of these comparisons" not in (tmp_path / "report.md").read_text()


def test_interrupted_comparison_goes_on(small, digits, tmp_path, monkeypatch, capsys, unrendered):
    """The third training is interrupted; what was finished keeps its bytes, and nothing is half written."""
    measure = Training.measure

    def interrupted(self, *arguments):
        if self.entry == "kde stacked-shift":
            raise KeyboardInterrupt
        return measure(self, *arguments)

    monkeypatch.setattr(Training, "measure", interrupted)
    flags = [*digits, "--out", tmp_path, "--seeds", "0", "--parts", "accuracy"]
    assert compare(*flags) == 130
    said = capsys.readouterr()
    assert "go on with: python -m studies.learners" in said.err
    assert re.search(r"^accuracy-attention-l1-seed0 +\d", said.out, re.MULTILINE)
    before = contents(tmp_path)
    assert len(before) == 2 + 2
    monkeypatch.setattr(Training, "measure", measure)
    assert compare(*flags) == 0
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"accuracy-kde-stacked-shift-seed0.csv"}


@pytest.mark.slow
def test_killed_comparison_goes_on(digits, tmp_path, monkeypatch):
    arguments = [*digits, "--out", str(tmp_path), "--seeds", "0", "--parts", "alignment"]
    command = [sys.executable, "-m", "studies.learners", *arguments]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    wait_for(tmp_path, "runs/*.csv", process)
    process.kill()
    process.wait()
    before = contents(tmp_path)
    assert "alignment-l1_scaled-2-seed0.csv" in before
    monkeypatch.setattr(alignments, "ATTENTIONS", ("l1_scaled", "l1", "l2"))
    monkeypatch.setattr(alignments, "HIDDEN_LAYERS", (2,))
    monkeypatch.setattr(alignments, "read", lambda folder: pd.DataFrame())  # of the units that no one plans
    assert compare(*arguments) == 0
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert {f"alignment-{name}-2-seed0.csv" for name in ("l1_scaled", "l1", "l2")} <= set(after)


def test_unit_of_another_process_is_left_to_it(tmp_path, monkeypatch):
    """While waiting, the other process finishes the unit, and it is not measured a second time."""
    unit = Training(entry="kde stacked-shift", seed=0)
    units.prepare(tmp_path, {}, {})
    other = units.filelock.FileLock(tmp_path / "locks" / f"{unit.name()}.lock")
    other.acquire()

    def finish(seconds):
        unit.write([{"accuracy": 0.5}], tmp_path)
        other.release()

    monkeypatch.setattr(units.time, "sleep", finish)
    monkeypatch.setattr(Training, "measure", lambda *_: pytest.fail("it was measured again"))
    ended = []
    units.measure_all([unit], tmp_path, lambda unit: unit.measure(None, 0, tmp_path), lambda *what: ended.append(what))
    assert ended == [(unit, 0)]


@pytest.mark.parametrize(
    ("name", "widths", "optimizer"),
    [
        ("dense 256-256", (256, 256), lambda: keras.optimizers.Adam(1e-3)),
        ("dense 256-256-256", (256,) * 3, lambda: keras.optimizers.AdamW(1e-3, weight_decay=0.01, epsilon=1e-8)),
    ],
)
def test_plain_network_learns_as_by_keras_fit(name, widths, optimizer, dataset):
    """Two epochs on 150 images, in the order that is drawn for the seed."""
    images, model = Images.of(dataset, 150), ENTRIES[name].model(1e-3, 4, Images.of(dataset, 150))
    layers = [keras.layers.Dense(width, activation="relu") for width in widths]
    twin = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), *layers, keras.layers.Dense(10, activation="softmax")]
    )
    start = model.initial_weights(accuracies.generator(4, "weights")).numpy()
    sizes = np.cumsum([weight.size for weight in twin.get_weights()])[:-1]
    shapes = [weight.shape for weight in twin.get_weights()]
    twin.set_weights([part.reshape(shape) for part, shape in zip(np.split(start, sizes), shapes, strict=True)])
    twin.compile(optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rows = accuracies.learn(ENTRIES[name], 1e-3, 4, images, epochs=2)
    for epoch in (1, 2):
        order = accuracies.epoch_order(150, 4, epoch)[0]
        twin.fit(images.x_train.numpy()[order], images.y_train.numpy()[order], 64, 1, verbose=0, shuffle=False)
    for ours, theirs in zip(model.network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    accuracy = twin.evaluate(images.x_test, images.y_test, verbose=0)[1]
    assert rows[-1]["accuracy"] == pytest.approx(accuracy, abs=1 / 300)
    assert np.abs(model.network.get_weights()[0] - start[: 784 * 256].reshape(784, 256)).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--parts", "speed"], "--parts must be some of"),
        (["--seeds", "98-100"], "--seeds must be below 100"),
        (["--threads", "0"], "--threads at least 1"),
        (["--data-path", "/nowhere.npz"], "/nowhere.npz does not exist"),
        (["--samples", "5"], "--samples must be 0 (all) or 12 to 240"),
        (["--samples", "241"], "--samples must be 0 (all) or 12 to 240"),
        (["--samples", "12"], "is not among the first five sixths of the training images; shuffle the images"),
    ],
)
def test_bad_input_is_refused_in_one_line(digits, tmp_path, monkeypatch, capfd, arguments, says):
    monkeypatch.setattr(sys, "argv", ["studies.learners"])
    code = exit_code(main, *digits, "--out", tmp_path / "out", *arguments)
    line = capfd.readouterr().err
    assert code == 2
    assert line.count("\n") == 1
    assert line.startswith("studies.learners: error: ")
    assert says in line


def test_other_settings_need_another_folder(small, digits, tmp_path, capfd, unrendered):
    flags = [*digits, "--seeds", "0", "--parts", "alignment", "--out", tmp_path]
    assert compare(*flags) == 0
    measured = contents(tmp_path)
    assert compare(*flags, "--samples", "200") == 2
    assert "was started with samples 0, not 200" in capfd.readouterr().err
    assert contents(tmp_path) == measured
