"""What the study of accuracies plans on each data set, which rates it chooses, and the rates of a schedule."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from learners import VARIANTS
from studies.learners import accuracies
from studies.learners.accuracies import ENTRIES, Restarts, Training, Tuning, best_rate, planned
from studies.learners.task_sequences import RATES
from studies.learners.units import Images

SHAPES = {"mnist": (28, 28, 1), "cifar10": (32, 32, 3)}


def test_rates_rise_by_a_cosine_and_start_anew():
    """lr = last + (first - last)(1 + cos(pi t / 8)) / 2, t being the epoch modulo 8, in each of 3 batches an epoch."""
    rates = [float(Restarts(1e-3, 5e-3, 8, 3)(step)) for step in range(30)]
    per_epoch = [0.001, 0.001152241, 0.001585786, 0.002234633, 0.003, 0.003765367, 0.004414214, 0.004847759, 0.001]
    np.testing.assert_allclose(rates[:27], np.repeat(per_epoch, 3), rtol=1e-6)
    assert rates[27] == pytest.approx(rates[3])


def test_networks_of_d2bl_for_cifar10_have_its_sizes():
    """428,290 and 24,898 weights, as d2bl's notebooks print them."""
    sizes = {"kde joint-shift, five layers": 428_290, "pseudo-attention unmapped-copy, width 8": 24_898}
    for name, size in sizes.items():
        entry = ENTRIES[name]
        assert accuracies.vector_model(entry, 1e-3, None, (32, 32, 3), 10, 196).size == size
        assert accuracies.quiet_model(entry, (32, 32, 3), 10).size == size


def test_every_data_set_has_its_own_entries():
    assert set(planned("mnist")) == set(planned("other")) < set(ENTRIES)
    assert {ENTRIES[name].stored_on for name in planned("mnist")} == {"mnist"}
    assert [name for name in planned("cifar10") if ENTRIES[name].stored] == [
        name for name, entry in ENTRIES.items() if entry.stored_on == "cifar10" and entry.stored
    ]
    forgetting = {f"attention {method}" for method in RATES if method in VARIANTS["attention-seeking"]}
    for dataset in ("fashion-mnist", "cifar10"):
        attentions = {name for name in planned(dataset) if name.startswith("attention")}
        assert attentions == forgetting
        assert all(ENTRIES[name].plain in ("", *planned(dataset)) for name in planned(dataset))


def test_rates_are_tuned_before_the_training_that_is_reported():
    """By the tuning seeds alone, which are none of those that are reported."""
    units = accuracies.units([0, 1], "cifar10")
    tuning = [unit for unit in units if isinstance(unit, Tuning)]
    assert units[: len(tuning)] == tuning
    assert {unit.seed for unit in tuning} == {100, 101}
    assert {unit.seed for unit in units if isinstance(unit, Training)} == {0, 1}
    assert len(tuning) == 2 * 3 * 8


def test_best_rate_is_that_of_the_last_epochs_mean():
    def table(rate, *accuracies):
        return pd.DataFrame({"rate": rate, "accuracy": accuracies})

    assert best_rate([table(0.1, 0.9, 0.5), table(0.1, 0.9, 0.7), table(0.2, 0.1, 0.6), table(0.2, 0.1, 0.7)]) == 0.2


def test_every_plain_network_is_about_as_large():
    """Parameters of a learner and of what it is compared with, from the networks themselves, for their data set."""
    images = {name: Images(tf.zeros((1, *shape)), *[tf.constant([9])] * 3) for name, shape in SHAPES.items()}
    for name, entry in ENTRIES.items():
        if entry.plain:
            assert not ENTRIES[entry.plain].plain
            shown = images[entry.stored_on]
            ours, theirs = entry.model(entry.rates[0], 0, shown).size, ENTRIES[entry.plain].model(0.1, 0, shown).size
            assert theirs == pytest.approx(ours, rel=0.05), name
            assert (entry.epochs, entry.batch_size) == (ENTRIES[entry.plain].epochs, ENTRIES[entry.plain].batch_size)
