"""Fine-tuning on frozen networks: pooling by hand, features and head in NumPy, and what stays as it was."""

import keras
import numpy as np
import pytest
from scipy import special

from data import normalise
from learners import fine_tuning
from learners.fine_tuning import LocalLearner, _pooled, tapped_features
from models import VectorModel
from settings.errors import UsageError


@pytest.mark.parametrize(
    ("length", "bins"),
    [
        (28, [(0, 9), (9, 18), (18, 27)]),
        (7, [(0, 2), (2, 4), (4, 6)]),
        (7, [(0, 3), (3, 6)]),
        (14, [(0, 6), (7, 13)]),
        (8, [(0, 1), (2, 3), (4, 5), (6, 7)]),
        (3, [(0, 0), (1, 1), (2, 2)]),
    ],
)
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_bins_by_hand(length, bins, axis):
    """The first and last position of each bin, and equal weights between them, along each axis of the maps."""
    shape, pooled = [length, 1, 1, 1], [1, 1, 1]
    shape[axis], pooled[axis - 1] = length, len(bins)
    matrix = _pooled(np.eye(length, dtype="f4").reshape(shape), tuple(pooled)).numpy()
    for column, (first, last) in zip(matrix.T, bins, strict=True):
        assert np.flatnonzero(column).tolist() == list(range(first, last + 1))
        np.testing.assert_allclose(column[first : last + 1], 1 / (last + 1 - first), rtol=1e-6)


def pooled_by_hand(maps):
    """Pools maps [n, 7, 4, 6] to [n, 3, 2, 3] and flattens."""
    rows, columns, channels = ((0, 3), (2, 5), (4, 7)), ((0, 2), (2, 4)), ((0, 2), (2, 4), (4, 6))
    cells = [maps[:, a:b, c:d, e:f].mean((1, 2, 3)) for a, b in rows for c, d in columns for e, f in channels]
    return np.stack(cells, 1)


def test_pooling_by_hand():
    maps = np.random.default_rng(0).normal(size=(2, 7, 4, 6)).astype("f4")
    np.testing.assert_allclose(_pooled(maps, (3, 2, 3)), pooled_by_hand(maps), atol=1e-6)


def size(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


@pytest.mark.parametrize(("name", "weights"), [("ResNet50", 447_306), ("VGG19", 201_546)])
def test_weight_counts_on_the_authors_backbones(name, weights):
    """Untrained ones; their last output is x, so that ResNet-50's is the last of the past once more."""
    backbone = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(224, 224, 3))
    taps, pooled = fine_tuning.TAPS[name]
    network = LocalLearner("copy", backbone, taps, pooled).build((32, 32, 3))
    assert size(network) == weights
    shapes = [backbone.get_layer(tap).output.shape[1:] for tap in taps]
    if name == "ResNet50":
        assert shapes == [(28, 28, 512), (14, 14, 1024), (7, 7, 2048)]
        assert backbone.get_layer(taps[-1]).output is backbone.output
    else:
        assert shapes == [(28, 28, 512)] * 2 + [(14, 14, 512)] * 4
        assert backbone.output.shape[1:] == (7, 7, 512)


def gelu(numbers):
    return numbers * (1 + special.erf(numbers / np.sqrt(2))) / 2


def test_head_equals_numpy():
    """Three past layers, heads of width 5, and the GELU of the logits before the softmax."""
    learner = LocalLearner("undisturbed", width=5)
    network, rng = learner.build((4, 9)), np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.4, variable.shape))
    weights = [variable.numpy().astype(float) for variable in network.trainable_variables]
    query, key, value, merge, hidden, last = zip(weights[::2], weights[1::2], strict=True)
    features, expected = rng.normal(size=(6, 4, 9)).astype("f4"), []
    for past, current in zip(features[:, :3], features[:, 3], strict=True):
        products = (past @ query[0] + query[1]).T @ (past @ key[0] + key[1]) / np.sqrt(5)
        mixed = special.softmax(products, axis=1) @ (current @ value[0] + value[1])
        merged = np.concatenate([mixed, mixed]) @ merge[0] + merge[1]
        logits = gelu(merged @ hidden[0] + hidden[1]) @ last[0] + last[1]
        expected.append(special.softmax(gelu(logits)))
    np.testing.assert_allclose(network(features, training=True), expected, atol=1e-5)


def test_plain_head_sees_the_last_map_only():
    network = LocalLearner("plain").build((4, 9))
    features = np.random.default_rng(0).normal(size=(3, 4, 9)).astype("f4")
    outputs = network(features).numpy()
    features[:, :3] = 0
    np.testing.assert_array_equal(network(features), outputs)
    features[:, 3] += 1
    assert np.abs(network(features) - outputs).max() > 1e-4


@pytest.fixture(scope="module")
def backbone(dataset):
    """A small network with batch statistics and dropout, trained on the tiny images between -1 and 1."""
    keras.utils.set_random_seed(1)  # of the first weights too
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(4, 4, strides=4, activation="relu"),
            layers.BatchNormalization(name="early"),
            layers.Dropout(0.5),
            layers.Conv2D(6, (1, 4), activation="relu", name="late"),
        ]
    )
    classifier = keras.Sequential([network, layers.Flatten(), layers.Dense(10, "softmax")])
    classifier.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    classifier.fit(normalise(dataset.x_train[:1500]) * 2 - 1, dataset.y_train[:1500], epochs=2, verbose=0)
    return network


def test_features_are_pooled_outputs_of_the_taps(backbone, dataset):
    images = normalise(dataset.x_test[:4])
    features = tapped_features(backbone, ("late",), (3, 2, 3), (28, 28, 1))(images, training=True).numpy()
    late = backbone.predict(images * 2 - 1, verbose=0)
    assert late.shape == (4, 7, 4, 6)
    assert features.shape == (4, 2, 18)
    for position in (0, 1):  # the tap, and the output, which is the same layer's
        np.testing.assert_allclose(features[:, position], pooled_by_hand(late), atol=1e-5)


def test_images_are_enlarged_and_coloured():
    backbone = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(3, 1, name="only")])
    kernel = np.eye(3, dtype=np.float32)[None, None] * [1, 2, 3]
    backbone.set_weights([kernel, np.zeros(3)])
    images = np.array([0.25, 0.75], np.float32)[:, None, None, None] * np.ones((1, 2, 2, 1), np.float32)
    features = tapped_features(backbone, ("only",), (1, 1, 3), (2, 2, 1))(images).numpy()
    np.testing.assert_allclose(features[:, 0], [[-0.5, -1, -1.5], [0.5, 1, 1.5]], atol=1e-6)


@pytest.mark.parametrize("variant", ["copy", "swap", "undisturbed", "plain"])
def test_training_leaves_the_backbone_as_it_was(backbone, dataset, variant):
    before = [array.copy() for array in backbone.get_weights()]
    learner = LocalLearner(variant, backbone, ("early", "late"), (3, 2, 2), width=8)
    network = learner.build()
    model = VectorModel(network, keras.optimizers.Adam(1e-2), learner)
    weights, images = model.initial_weights(np.random.default_rng(0)), normalise(dataset.x_train[:1500])
    order = np.stack([np.random.default_rng(epoch).permutation(1500) for epoch in range(2)]).astype(np.int32)
    labels = dataset.y_train.astype(np.int64)
    trained, _, loss = model.train(weights, model.initial_state(), images, labels, order, 50)
    assert model.size == size(learner.head((3, 12), 10))
    assert float(loss) < np.log(10)
    outputs = model.predict(trained, normalise(dataset.x_test)).numpy()
    assert (outputs.argmax(1) == dataset.y_test).mean() > 0.3
    for array, expected in zip(backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_missing_weights_and_unknown_networks_are_refused(monkeypatch):
    def fail(**options):
        raise Exception("URL fetch failure on https://example.org: no route\nmore")

    monkeypatch.setattr(keras.applications, "ResNet50", fail)
    with pytest.raises(UsageError, match=r"the weights of ResNet50 .* no route") as caught:
        LocalLearner(backbone="ResNet50")
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="one of ResNet50, VGG19, not 'AlexNet'"):
        LocalLearner(backbone="AlexNet")
