"""The force networks: their sizes, the authors' network by hand, and both objectives."""

import keras
import numpy as np
import pytest
from scipy import special

from learners.pseudo_attention import SelfAttention
from studies.boids.networks import IMITATION, ZERO, ForceNetworks


def build(variant, objective=ZERO):
    learner = ForceNetworks(variant, objective)
    return learner, learner.build((15,), 6)


@pytest.mark.parametrize(
    ("variant", "of_one_force"),
    [
        ("linear", 4 * 2 + 2),
        ("plain-27", 4 + 1 + 2 + 2),
        ("pseudo-attention", (4 * 2 + 2) + 2 * 2 + (4 * 2 + 2)),
        ("plain-69", (4 * 3 + 3) + (3 * 2 + 2)),
        ("pseudo-attention-8", (4 * 8 + 8) + 2 * 8 + (16 * 8 + 8) + (8 * 2 + 2)),
        ("plain-636", (4 * 30 + 30) + (30 * 2 + 2)),
        ("normalised-627", (4 * 23 + 23) + 2 * 23 + (23 * 2 + 2)),
    ],
)
def test_weights(variant, of_one_force):
    count = build(variant)[1].count_params()
    assert count == 3 * of_one_force
    assert variant.rpartition("-")[2] in (str(count), "linear", "attention", "8")


def by_hand(numbers, dense, gain, merge):
    """Computes the authors' network for the numbers [4] of a force."""
    hidden = numbers @ dense[0] + dense[1]
    hidden = hidden * special.ndtr(hidden)
    hidden = (hidden - hidden.mean()) / np.sqrt(hidden.var() + 1e-5) * gain[0] + gain[1]
    mixed = [special.softmax(hidden[i] * hidden / np.sqrt(8)) @ hidden for i in range(2)]
    return np.concatenate([mixed, mixed]) @ merge[0] + merge[1]


def test_pseudo_attention_equals_a_computation_by_hand():
    """Three forces of one boid, of which the second does not act."""
    _, network = build("pseudo-attention")
    rng = np.random.default_rng(100)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.7, variable.shape))
    inputs = np.append(rng.normal(size=12), [1, 0, 1]).astype("f4")
    forces = network(inputs[np.newaxis]).numpy().reshape(3, 2)
    kinds = keras.layers.Dense, keras.layers.LayerNormalization, SelfAttention
    dense, gains, merges = (
        [layer.get_weights() for layer in network.layers if isinstance(layer, kind)] for kind in kinds
    )
    for number in (0, 2):
        expected = by_hand(inputs[4 * number : 4 * number + 4], dense[number], gains[number], merges[number])
        np.testing.assert_allclose(forces[number], expected, atol=1e-4)
    assert forces[1].tolist() == [0, 0]


def test_objectives():
    """Forces (1, 2), (3, -1), (-1, 0) sum to (3, 1): a mean square of 5; against others each number counts."""
    outputs, labels = keras.ops.convert_to_tensor([[1.0, 2, 3, -1, -1, 0]]), np.array([[1.0, 2, 3, -1, -1, 3]], "f4")
    assert ForceNetworks("linear", ZERO).losses(labels, outputs).numpy() == pytest.approx([5])
    assert ForceNetworks("linear", IMITATION).losses(labels, outputs).numpy() == pytest.approx([9 / 6])


def test_pseudo_attention_of_two_numbers_sees_only_which_is_larger():
    """Normalised, two numbers are about (1, -1) or (-1, 1), or 0 where GELU makes both 0: there are three forces."""
    inputs = np.hstack([np.random.default_rng(100).normal(0, 300, (60, 12)), np.ones((60, 3))]).astype("f4")
    different = {}
    for variant in ("pseudo-attention", "linear"):
        keras.utils.set_random_seed(100)
        forces = build(variant)[1](inputs).numpy()[:, :2]
        equal = np.abs(forces[:, np.newaxis] - forces).max(axis=2) < 0.01
        different[variant] = len(np.unique(equal, axis=0))
    assert different == {"pseudo-attention": 3, "linear": 60}
