"""Measures the alignment of the attention update with the gradient by layer, in shallow and deep networks."""

import dataclasses
import functools
from pathlib import Path

import keras
import pandas as pd

from learners import make_learner
from models import VectorModel
from settings.random_streams import generator
from studies.learners.accuracies import ATTENTIONS, accuracy, epoch_draws, epoch_order
from studies.learners.units import Images, Unit
from studies.units import read_part

WIDTH, HIDDEN_LAYERS = 256, (2, 4, 6, 8)
EPOCHS, RATE, BATCH_SIZE = 2, 1e-3, 64  # of Adam, whose steps do not depend on how long the signals are
TRAINING_IMAGES, MEASURED_IMAGES = 12_000, 500
STEP = 0.01  # length of the step whose growth of attention is computed and predicted, in lengths of the kernel


@functools.cache
def vector_model(
    attention: str, hidden_layers: int, feedback_seed: int, shape: tuple[int, ...], classes: int
) -> VectorModel:
    """Builds the model of an attention and a depth."""
    widths = "-".join([str(WIDTH)] * hidden_layers)
    learner = make_learner("dense", widths, attention=attention, feedback_seed=feedback_seed)
    return VectorModel(learner.build(shape, classes), keras.optimizers.Adam(RATE), learner)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Alignment(Unit):
    """The cosines between attention updates and gradients in one network, before and while it is trained."""

    part = "alignment"
    variant: str  # of attention; the column `attention` is what neurons get
    hidden_layers: int

    def measure(self, images: Images, epochs: int, folder: Path) -> list[dict[str, float]]:
        from learners.attention_seeking import alignment

        feedback_seed = self.seed if self.variant == "random" else 0
        model = vector_model(self.variant, self.hidden_layers, feedback_seed, *images.form)
        weights, state = model.initial_weights(generator(self.seed, "weights")), model.initial_state()
        measured, rows = (images.x_train[-MEASURED_IMAGES:], images.y_train[-MEASURED_IMAGES:]), []
        for epoch in range((epochs or EPOCHS) + 1):
            if epoch:
                order = epoch_order(min(TRAINING_IMAGES, len(images.y_train)), self.seed, epoch)
                weights, state, _ = model.train(
                    weights, state, images.x_train, images.y_train, order, BATCH_SIZE, epoch_draws(self.seed, epoch)
                )
            reached = {"epoch": epoch, "accuracy": accuracy(model, weights, images.x_test, images.y_test)}
            # The network holds the weights that have just been tested.
            rows += [reached | row for row in alignment(model.network, *measured, STEP, relative=True)]
        return rows


def units(seeds: list[int], dataset: str) -> list[Unit]:
    """Returns the units of this part, seed after seed; they are the same for every data set."""
    return [
        Alignment(variant=variant, hidden_layers=hidden_layers, seed=seed)
        for seed in seeds
        for hidden_layers in HIDDEN_LAYERS
        for variant in ATTENTIONS
    ]


def read(folder: Path) -> pd.DataFrame:
    """Returns the finished measurements, one row a unit, epoch and layer."""
    table = read_part(folder, Alignment.part)
    if table.empty:
        return table
    return table.sort_values("variant", key=lambda names: names.map(ATTENTIONS.index), kind="stable")
