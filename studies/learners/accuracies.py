"""Measures the test accuracy of each learner and of a plain network of equal size trained by backpropagation.

One process trains on all images; no model travels. Tuned learning rates have the highest accuracy on held-out training
images, over separate seeds.
"""

import dataclasses
import functools
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from learners import VARIANTS, make_learner
from learners.d2bl import adamw
from models import VectorModel
from settings.random_streams import generator, layer_seed
from studies.learners.units import Images, Unit
from studies.units import read_part

TUNING_SEEDS = (100, 101)
EVALUATION_BATCH = 250
ATTENTIONS = VARIANTS["attention-seeking"]
ADAM_RATES = (3e-4, 1e-3, 3e-3)
SGD_RATES = (0.03, 0.1, 0.3)


def _sgd(rate: float, batches: int) -> keras.optimizers.SGD:
    return keras.optimizers.SGD(rate)


def _adam(rate: float, batches: int) -> keras.optimizers.Adam:
    return keras.optimizers.Adam(rate)


def _adamw(rate: float | keras.optimizers.schedules.LearningRateSchedule, batches: int) -> keras.optimizers.AdamW:
    return adamw(rate)


class Restarts(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that follows a cosine from `first` to `last` over `period` epochs, again and again.

    It changes from epoch to epoch; an epoch has that many `batches`.
    """

    def __init__(self, first: float, last: float, period: int, batches: int):
        self.first, self.last, self.period, self.batches = first, last, period, batches

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        epoch = tf.cast(step, tf.int64) // self.batches % self.period
        share = (1 + tf.cos(np.pi * tf.cast(epoch, tf.float32) / self.period)) / 2
        return self.last + (self.first - self.last) * share


def _rising_adamw(rate: float, batches: int) -> keras.optimizers.AdamW:
    """Builds AdamW with the schedule that the logs of D2BL's KDE runs on CIFAR-10 show: the rate rises to 0.005 in
    eight epochs, then starts anew."""
    return _adamw(Restarts(rate, 5e-3, 8, batches), batches)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row of the comparison: a learner in one variant, and its training settings.

    `plain` names the entry of the plain network it is compared with; it is empty for a plain network. `optimizer(rate,
    batches)` builds the optimizer, for epochs of so many batches. If there are several `rates`, one is chosen by
    tuning. `stored` is the test accuracy in D2BL's published notebooks after the last epoch, on the data set
    `stored_on`; `doubt` says why it may not belong to these settings. A `noisy` learner also draws at random in tests;
    it is tested with and without this noise.
    """

    learner: str
    variant: str
    plain: str
    optimizer: object
    rates: tuple
    batch_size: int
    epochs: int = 10
    stored: float | None = None
    noisy: bool = False
    options: tuple = ()
    stored_on: str = "mnist"
    doubt: str = ""

    def model(self, rate: float, seed: int, images: Images) -> VectorModel:
        """Returns its VectorModel; the seed determines the fixed feedback of learners that have it."""
        batches = -(-len(images.y_train) // self.batch_size)
        feedback_seed = seed if ("attention", "random") in self.options else None
        return vector_model(self, rate, feedback_seed, *images.form, batches)


def _attention_seeking(attention: str) -> Entry:
    return Entry("dense", "256-256", "dense 256-256", _adam, ADAM_RATES, 64, 5, options=(("attention", attention),))


def _kde(variant: str, stored: float | None = None) -> Entry:
    noisy = variant != "plain"
    return Entry("kde", variant, "kde plain" if noisy else "", _adamw, (1e-3,), 64, stored=stored, noisy=noisy)


def _pseudo_attention(variant: str, stored: float | None = None) -> Entry:
    plain = "pseudo-attention plain, width 9"
    return Entry("pseudo-attention", variant, plain, _adamw, (1e-3,), 16, stored=stored, noisy="-" in variant)


def _kde_cifar10(variant: str, stored: float, doubt: str = "") -> Entry:
    noisy = variant != "plain"
    plain, options = "kde plain, five layers" if noisy else "", (("notebook", 1),)
    settings = {"stored": stored, "noisy": noisy, "options": options, "stored_on": "cifar10", "doubt": doubt}
    return Entry("kde", variant, plain, _rising_adamw, (1e-3,), 256, 50, **settings)


def _pseudo_attention_cifar10(
    variant: str, batch_size: int, epochs: int, options: dict[str, int], plain: str = "", **stored: object
) -> Entry:
    settings = {"noisy": "-" in variant, "options": tuple(options.items()), "stored_on": "cifar10", **stored}
    return Entry("pseudo-attention", variant, plain, _adamw, (1e-3,), batch_size, epochs, **settings)


# Every learning rate, batch size and number of epochs of the comparison. Where the notebooks of D2BL store an accuracy,
# the settings are theirs, and so is the batch size of the Hebbian rule.
ENTRIES = {
    "dense 256-256": Entry("dense", "256-256", "", _adam, ADAM_RATES, 64, 5),
    **{f"attention {attention}": _attention_seeking(attention) for attention in ATTENTIONS},
    "dense 256-256-256": Entry("dense", "256-256-256", "", _adamw, (1e-3,), 64, stored=0.9806),
    "kde plain": _kde("plain"),
    "kde stacked-shift": _kde("stacked-shift", 0.8313),
    "kde stacked-gate": _kde("stacked-gate", 0.6162),
    "kde joint-shift": _kde("joint-shift"),
    "kde feature-shift": _kde("feature-shift"),
    # One unit wider than the learner's, which makes up for most of the weights of the attention: 7,345 to 7,474.
    "pseudo-attention plain, width 9": Entry(
        "pseudo-attention", "plain", "", _adamw, (1e-3,), 16, options=(("width", 9),)
    ),
    "pseudo-attention mapped": _pseudo_attention("mapped", 0.9257),
    "pseudo-attention mapped-copy": _pseudo_attention("mapped-copy", 0.9260),
    "pseudo-attention unmapped": _pseudo_attention("unmapped"),
    "hebbian plain": Entry("hebbian", "plain", "", _sgd, SGD_RATES, 100),
    # Its steps have a length of their own, which no rate changes; the optimizer is idle.
    "hebbian one-layer": Entry("hebbian", "one-layer", "hebbian plain", _sgd, (0.0,), 100),
    "cnn plain": Entry("cnn", "plain", "", _adam, (1e-3,), 32, epochs=3),
}
FOR_CIFAR10 = {
    "kde plain, five layers": _kde_cifar10("plain", 0.5161),
    "kde joint-shift, five layers": _kde_cifar10("joint-shift", 0.5170, "its log shows another schedule than its code"),
    "kde joint-gate, five layers": _kde_cifar10("joint-gate", 0.4837),
    "pseudo-attention plain, width 8": _pseudo_attention_cifar10("plain", 256, 7, {"notebook": 1, "width": 8}),
    "pseudo-attention unmapped-copy, width 8": _pseudo_attention_cifar10(
        *("unmapped-copy", 256, 7, {"notebook": 1, "width": 8}, "pseudo-attention plain, width 8"),
        stored=0.3400,
        doubt="its notebook has a softmax and the rate 0.005",
    ),
    # One unit wider than the learner's, as above: 53,033 weights to 52,058.
    "pseudo-attention plain, width 17": _pseudo_attention_cifar10("plain", 120, 10, {"width": 17}),
    "pseudo-attention mapped-copy, width 16": _pseudo_attention_cifar10(
        *("mapped-copy", 120, 10, {"width": 16, "heads": 1}, "pseudo-attention plain, width 17"),
        stored=0.3883,
        doubt="we could not match it to its code",
    ),
}
ENTRIES |= FOR_CIFAR10
# On these data sets fewer entries are compared: the attentions whose forgetting is measured, for one.
FOR_ATTENTION = ("dense 256-256", *(f"attention {name}" for name in ATTENTIONS if name not in ("l2", "soft", "share")))
PLANNED = {"fashion-mnist": FOR_ATTENTION, "cifar10": (*FOR_ATTENTION, *FOR_CIFAR10)}


def planned(dataset: str) -> list[str]:
    """Returns the names of the entries that are compared on a data set."""
    return [*PLANNED.get(dataset, (name for name in ENTRIES if name not in FOR_CIFAR10))]


@functools.cache
def vector_model(
    entry: Entry, rate: float, feedback_seed: int | None, shape: tuple[int, ...], classes: int, batches: int
) -> VectorModel:
    """Builds the model of an Entry, one for all seeds where possible: building takes as long as an epoch."""
    fixed = {} if feedback_seed is None else {"feedback_seed": feedback_seed}
    learner = make_learner(entry.learner, entry.variant, **dict(entry.options), **fixed)
    return VectorModel(learner.build(shape, classes), entry.optimizer(rate, batches), learner)


@functools.cache
def quiet_model(entry: Entry, shape: tuple[int, ...], classes: int) -> VectorModel:
    """Builds the same network without random draws in tests."""
    learner = make_learner(entry.learner, entry.variant, evaluation_noise=False, **dict(entry.options))
    return VectorModel(learner.build(shape, classes), keras.optimizers.SGD(0.0), learner)


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Draws the order of an epoch's images: positions [1, count] int32."""
    return generator(seed, "order", epoch).permutation(count).astype(np.int32)[None]


def epoch_draws(seed: int, epoch: int) -> np.ndarray:
    """Draws the seed of an epoch's random draws [2] uint32."""
    return layer_seed(seed, "draws", epoch)


def accuracy(model: VectorModel, weights: tf.Tensor, images: tf.Tensor, labels: tf.Tensor) -> float:
    """Returns the share of images that `model`, a VectorModel, classifies correctly."""
    return int(model.count_correct(weights, images, labels, EVALUATION_BATCH)) / len(labels)


def learn(entry: Entry, rate: float, seed: int, images: Images, epochs: int) -> list[dict[str, float]]:
    """Trains on all training images; returns a row after every epoch: accuracy, loss, seconds of training."""
    model, rows = entry.model(rate, seed, images), []
    weights, state = model.initial_weights(generator(seed, "weights")), model.initial_state()
    for epoch in range(1, epochs + 1):
        start, order = time.perf_counter(), epoch_order(len(images.y_train), seed, epoch)
        weights, state, loss = model.train(
            weights, state, images.x_train, images.y_train, order, entry.batch_size, epoch_draws(seed, epoch)
        )
        row = {"rate": rate, "epoch": epoch, "loss": float(loss), "seconds": time.perf_counter() - start}
        rows.append(row | {"accuracy": accuracy(model, weights, images.x_test, images.y_test)})
        rows[-1] |= {"parameters": model.size, "accuracy_without_noise": np.nan}
    if entry.noisy:
        quiet = quiet_model(entry, *images.form)
        rows[-1]["accuracy_without_noise"] = accuracy(quiet, weights, images.x_test, images.y_test)
    return rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning(Unit):
    """The accuracy of one entry at one learning rate, on held-out training images."""

    part = "tuning"
    entry: str
    rate: float

    def measure(self, images: Images, epochs: int, folder: Path) -> list[dict[str, float]]:
        entry = ENTRIES[self.entry]
        return learn(entry, self.rate, self.seed, images.for_tuning(), epochs or entry.epochs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training(Unit):
    """The test accuracy of one entry."""

    part = "accuracy"
    entry: str

    def needs(self) -> list[Unit]:
        rates = ENTRIES[self.entry].rates
        return [
            Tuning(entry=self.entry, rate=rate, seed=seed) for seed in TUNING_SEEDS for rate in rates if len(rates) > 1
        ]

    def measure(self, images: Images, epochs: int, folder: Path) -> list[dict[str, float]]:
        entry = ENTRIES[self.entry]
        return learn(entry, self.rate(folder), self.seed, images, epochs or entry.epochs)

    def rate(self, folder: Path) -> float:
        """Returns its learning rate: the tuned one, where there is a choice."""
        rates = ENTRIES[self.entry].rates
        return rates[0] if len(rates) == 1 else best_rate([unit.read(folder) for unit in self.needs()])


def best_rate(tables: list[pd.DataFrame]) -> float:
    """Returns the learning rate of the highest accuracy after the last epoch, in the mean over the seeds."""
    last = pd.concat([table.tail(1) for table in tables])
    return float(last.groupby("rate")["accuracy"].mean().idxmax())


def units(seeds: list[int], dataset: str) -> list[Unit]:
    """Returns the units of this part: the tuning first, then seed after seed."""
    trainings = [Training(entry=entry, seed=seed) for seed in seeds for entry in planned(dataset)]
    return list(dict.fromkeys(unit for training in trainings for unit in training.needs())) + trainings


def read(folder: Path) -> pd.DataFrame:
    """Returns the finished trainings, one row a unit: what its last epoch gave, and the median time of an epoch.

    The first epoch takes longer, as TensorFlow traces the training in it, and counts only where it is the only one.
    """
    table = read_part(folder, Training.part)
    if table.empty:
        return table
    later = table[(table["epoch"] > 1) | (table.groupby(["entry", "seed"])["epoch"].transform("max") == 1)]
    seconds = later.groupby(["entry", "seed"])["seconds"].median().rename("seconds_per_epoch")
    last = table.groupby(["entry", "seed"], sort=False).tail(1)
    return last.drop(columns="seconds").merge(seconds, on=["entry", "seed"])
