"""Trains each method on the sequences of tasks of `forgetting.py` and records the accuracies."""

import dataclasses
import functools
import math
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from learners import make_learner
from models import VectorModel
from settings.names import CLASSES
from settings.random_streams import generator
from studies.learners.accuracies import TUNING_SEEDS, accuracy, epoch_draws, epoch_order
from studies.learners.forgetting import (
    FISHER_IMAGES,
    SCENARIOS,
    ElasticLearner,
    Task,
    metrics,
    outputs,
    planned,
    tasks,
)
from studies.learners.units import MNIST, Images, Unit
from studies.units import read_part

WIDTHS = "256-256"
BATCH_SIZE = 64
EPOCHS = 2  # of each task
REFERENCE, ELASTIC, JOINT = "backpropagation", "ewc", "joint"
# The learning rates of plain gradient descent: half a decade apart, about those at which tasks are just learned well.
RATES = {
    REFERENCE: (0.01, 0.03, 0.1, 0.3),
    ELASTIC: (0.01, 0.03, 0.1, 0.3),
    "l1_scaled": (0.01, 0.03, 0.1, 0.3),
    "l1": (0.0003, 0.001, 0.003, 0.01),
    "lp": (0.003, 0.01, 0.03, 0.1),
    "random": (0.01, 0.03, 0.1, 0.3),
    "l1_scaled-look-ahead": (0.01, 0.03, 0.1, 0.3),
    "l2-look-ahead": (0.01, 0.03, 0.1, 0.3),
    "l2-anticipating": (0.01, 0.03, 0.1, 0.3),
    JOINT: (0.03, 0.1),
}
# The strengths of elastic weight consolidation that are tried, times the learning rate: up to the longest steps of the
# penalty with which plain gradient descent does not diverge.
PENALTY_STEPS = {"split-domain": (3.0, 10.0, 20.0), "split-class": (3.0, 10.0, 20.0), "permuted": (0.3, 1.0, 3.0)}


@functools.cache
def vector_model(
    scenario: str,
    method: str,
    rate: float,
    strength: float = 0.0,
    feedback_seed: int = 0,
    shape: tuple[int, ...] = MNIST,
    classes: int = CLASSES,
) -> VectorModel:
    """Builds the model of a method, trained by plain gradient descent, which keeps no state from task to task."""
    if method == ELASTIC:
        learner = ElasticLearner(WIDTHS, strength)
    elif method in (REFERENCE, JOINT):
        learner = make_learner("dense", WIDTHS)
    else:
        learner = make_learner("dense", WIDTHS, attention=method, feedback_seed=feedback_seed)
    return VectorModel(learner.build(shape, outputs(scenario, classes)), keras.optimizers.SGD(rate), learner)


def learn_in_turn(model: VectorModel, scenario: str, seed: int, images: Images, epochs: int) -> np.ndarray:
    """Learns the tasks in sequence; returns the accuracies [tasks, tasks] on all tasks after each."""
    all_tasks = tasks(scenario, images.y_train, images.y_test, seed, math.prod(images.form[0]))
    weights, rows = model.initial_weights(generator(seed, "weights")), []
    if isinstance(model.learner, ElasticLearner):
        model.learner.start()
    for number, task in enumerate(all_tasks):
        shown, labels = task.images(images.x_train, task.train), task.labels(images.y_train, task.train)
        weights = _train(model, weights, shown, labels, seed, [number * epochs + epoch for epoch in range(epochs)])
        rows.append(_accuracies(model, weights, all_tasks, images))
        if isinstance(model.learner, ElasticLearner):
            model.learner.consolidate(shown[:FISHER_IMAGES])  # the network holds the weights
    return np.array(rows)


def learn_jointly(model: VectorModel, scenario: str, seed: int, images: Images, epochs: int) -> np.ndarray:
    """Learns all tasks at once, with as many epochs as in sequence; returns the accuracies [1, tasks].

    To save memory, the mixed images are made and learned in as many parts as there are tasks.
    """
    all_tasks = tasks(scenario, images.y_train, images.y_test, seed, math.prod(images.form[0]))
    weights = model.initial_weights(generator(seed, "weights"))
    owners = np.repeat(np.arange(len(all_tasks)), [len(task.train) for task in all_tasks])
    rows = np.concatenate([task.train for task in all_tasks])
    for epoch in range(epochs):
        mixed = generator(seed, "order", epoch, len(all_tasks)).permutation(len(rows))
        for number, part in enumerate(np.array_split(mixed, len(all_tasks))):
            own = [(task, rows[part[owners[part] == place]]) for place, task in enumerate(all_tasks)]
            shown = tf.concat([task.images(images.x_train, chosen) for task, chosen in own], 0)
            labels = tf.concat([task.labels(images.y_train, chosen) for task, chosen in own], 0)
            weights = _train(model, weights, shown, labels, seed, [epoch * len(all_tasks) + number])
    return np.array([_accuracies(model, weights, all_tasks, images)])


def _train(
    model: VectorModel, weights: tf.Tensor, shown: tf.Tensor, labels: tf.Tensor, seed: int, epochs: list[int]
) -> tf.Tensor:
    """Trains on images for the epochs of these numbers; returns the new weights."""
    order = np.concatenate([epoch_order(len(labels), seed, epoch) for epoch in epochs])
    draws = epoch_draws(seed, epochs[0])
    return model.train(weights, model.initial_state(), shown, labels, order, BATCH_SIZE, draws)[0]


def _accuracies(model: VectorModel, weights: tf.Tensor, all_tasks: list[Task], images: Images) -> list[float]:
    """Returns the test accuracy on every task."""
    return [
        accuracy(model, weights, task.images(images.x_test, task.test), task.labels(images.y_test, task.test))
        for task in all_tasks
    ]


def rows(matrix: np.ndarray, rate: float, strength: float, first: int = 0) -> list[dict[str, float]]:
    """Returns a matrix of accuracies as rows of a table, tasks counted from 1."""
    return [
        {"rate": rate, "strength": strength, "after_task": first + after + 1, "task": task + 1, "accuracy": value}
        for (after, task), value in np.ndenumerate(matrix)
    ]


def learn(
    scenario: str, method: str, rate: float, strength: float, seed: int, images: Images, epochs: int
) -> list[dict[str, float]]:
    """Learns the tasks of a scenario by a method; returns the accuracies as rows of a table."""
    feedback_seed = seed if method == "random" else 0
    model = vector_model(scenario, method, rate, strength, feedback_seed, *images.form)
    if method != JOINT:
        return rows(learn_in_turn(model, scenario, seed, images, epochs or EPOCHS), rate, strength)
    matrix = learn_jointly(model, scenario, seed, images, epochs or EPOCHS)
    return rows(matrix, rate, strength, first=matrix.shape[1] - 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StrengthTuning(Unit):
    """The accuracies of elastic weight consolidation of one strength, on held-out training images."""

    part = "strength"
    scenario: str
    rate: float
    strength: float

    def measure(self, images: Images, epochs: int, folder: Path) -> list[dict[str, float]]:
        return learn(self.scenario, ELASTIC, self.rate, self.strength, self.seed, images.for_tuning(), epochs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RateTuning(Unit):
    """The accuracies of one method at one learning rate, on held-out training images.

    Those of elastic weight consolidation are the StrengthTuning of its best strength.
    """

    part = "rate"
    scenario: str
    method: str
    rate: float

    def measure(self, images: Images, epochs: int, folder: Path) -> list[dict[str, float]]:
        return learn(self.scenario, self.method, self.rate, 0.0, self.seed, images.for_tuning(), epochs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sequence(Unit):
    """The accuracies of one method at one learning rate on all tasks, after each."""

    part = "forgetting"
    scenario: str
    method: str
    rate: float

    def tuning(self) -> list[Unit]:
        """Returns the units that tune its strength and its learning rate."""
        where = {"scenario": self.scenario, "rate": self.rate}
        if self.method != ELASTIC:
            return [RateTuning(method=self.method, seed=seed, **where) for seed in TUNING_SEEDS]
        strengths = [step / self.rate for step in PENALTY_STEPS[self.scenario]]
        return [
            StrengthTuning(strength=strength, seed=seed, **where) for seed in TUNING_SEEDS for strength in strengths
        ]

    def needs(self) -> list[Unit]:
        return self.tuning() if self.method == ELASTIC else []

    def measure(self, images: Images, epochs: int, folder: Path) -> list[dict[str, float]]:
        strength = best_strength([unit.read(folder) for unit in self.needs()]) if self.needs() else 0.0
        return learn(self.scenario, self.method, self.rate, strength, self.seed, images, epochs)


def best_strength(tables: list[pd.DataFrame]) -> float:
    """Returns the strength with the highest mean accuracy on all tasks at the end, over the seeds."""
    last = pd.concat([table[table["after_task"] == table["after_task"].max()] for table in tables])
    return float(last.groupby("strength")["accuracy"].mean().idxmax())


def units(seeds: list[int], dataset: str) -> list[Unit]:
    """Returns the units of this part: the tuning first, then seed after seed."""
    sequences = [
        Sequence(scenario=scenario, method=method, rate=rate, seed=seed)
        for seed in seeds
        for scenario in planned(dataset)
        for method, rates in RATES.items()
        for rate in rates
    ]
    return list(dict.fromkeys(unit for sequence in sequences for unit in sequence.tuning())) + sequences


def read(folder: Path) -> pd.DataFrame:
    """Returns the finished sequences, one row a unit with its metrics; joint training has `acc` alone."""
    return _measured(read_part(folder, Sequence.part))


def read_tuning(folder: Path, sequences: pd.DataFrame) -> pd.DataFrame | None:
    """Returns the tuning units as `read` returns the sequences, one row a tuning seed.

    Returns None where a method and learning rate of the `sequences` (from `read`) lacks one of the tuning seeds.
    """
    by_strength = read_part(folder, StrengthTuning.part).assign(method=ELASTIC)
    tables = [read_part(folder, RateTuning.part)]
    for _, group in by_strength.groupby(["scenario", "rate"]) if len(by_strength) else ():
        tables.append(group[group["strength"] == best_strength([group])])
    tuned = _measured(pd.concat(tables, ignore_index=True))
    if tuned.empty:
        return None
    keys = ["scenario", "method", "rate"]
    tuned = sequences[keys].drop_duplicates().merge(tuned, how="left")
    return tuned if (tuned.groupby(keys)["seed"].nunique() == len(TUNING_SEEDS)).all() else None


def _measured(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the metrics of a table of accuracies, one row a unit."""
    found = []
    keys = ["scenario", "method", "rate", "strength", "seed"]
    for values, group in table.groupby(keys, sort=False) if len(table) else ():
        matrix = group.pivot(index="after_task", columns="task", values="accuracy").to_numpy()
        square = len(matrix) == matrix.shape[1]
        found.append(dict(zip(keys, values, strict=True)) | (metrics(matrix) if square else {"acc": matrix[-1].mean()}))
    found.sort(key=lambda row: (SCENARIOS.index(row["scenario"]), list(RATES).index(row["method"]), row["rate"]))
    return pd.DataFrame(found)
