"""The training of the travelling model against Keras' own fit and evaluate."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import models
from config import Config
from data import normalise
from environment import HomogeneousLearningEnv
from settings.random_streams import generator


@pytest.fixture
def config():
    return Config(samples_per_node=84, goal=1.0)  # 84: the last batch of an epoch is smaller


def keras_model(weights):
    """Builds the local foundation model anew, from its description, with `weights` [P] and a fresh Adam."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(20, (5, 5), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(50, (5, 5), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    put(model, weights)
    return model


def put(model, weights):
    shapes = [array.shape for array in model.get_weights()]
    parts = np.split(weights, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1])
    model.set_weights([part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)])


def flat(model):
    return np.concatenate([array.ravel() for array in model.get_weights()])


def test_weight_count_and_initial_weights(config):
    model = models.local_foundation_model(config)
    weights = model.initial_weights(generator(0, "weights", 1)).numpy()
    assert weights.shape == (33_580,)
    kernel, bias = weights[:500], weights[500:520]
    limit = np.sqrt(6 / (25 * 1 + 25 * 20))  # Glorot: fan-in 25 * 1, fan-out 25 * 20
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.95 * limit
    assert not bias.any()


def test_rounds_equal_keras_fit(config, dataset):
    """Node 0, node 0, node 3, node 0: the weights travel, every node keeps its own Adam moments and step count."""
    environment = HomogeneousLearningEnv(config, dataset)
    environment.reset(seed=5)
    references = {node: keras_model(environment.weights.numpy()) for node in (0, 3)}
    current = environment.weights.numpy()
    for node in (0, 0, 3, 0):
        *_, info = environment.step(node)
        order = environment.nodes.image_order(node, environment.when())[0]
        images = environment.nodes.train_images.numpy()[order]
        labels = keras.utils.to_categorical(environment.nodes.train_labels.numpy()[order], 10)
        put(references[node], current)
        history = references[node].fit(images, labels, batch_size=32, epochs=1, shuffle=False, verbose=0)
        current = flat(references[node])
        np.testing.assert_allclose(environment.weights.numpy(), current, atol=1e-5)
        assert info["loss"] == pytest.approx(history.history["loss"][0], abs=1e-5)
        one_hot = keras.utils.to_categorical(dataset.y_test, 10)
        _, accuracy = references[node].evaluate(normalise(dataset.x_test), one_hot, verbose=0)
        assert info["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert int(references[0].optimizer.iterations) == 9  # three rounds of three batches: never reset


def test_two_local_epochs_equal_keras_fit(dataset):
    environment = HomogeneousLearningEnv(Config(samples_per_node=50, local_epochs=2, goal=1.0), dataset)
    environment.reset(seed=1)
    reference = keras_model(environment.weights.numpy())
    environment.step(0)
    first, second = environment.nodes.image_order(0, environment.when())
    assert not np.array_equal(first, second)
    for order in (first, second):
        images = environment.nodes.train_images.numpy()[order]
        labels = keras.utils.to_categorical(environment.nodes.train_labels.numpy()[order], 10)
        reference.fit(images, labels, batch_size=32, shuffle=False, verbose=0)
    np.testing.assert_allclose(environment.weights.numpy(), flat(reference), atol=1e-5)


def test_the_loss_does_not_depend_on_what_was_trained_on_before(config, dataset):
    """TensorFlow compiles once for each number of images, and after a few numbers once for all of them."""
    fresh, used = (models.local_foundation_model.__wrapped__(config) for _ in range(2))
    start, order = fresh.initial_weights(generator(0, "weights", 1)), np.arange(84, dtype=np.int32)

    def losses(model, numbers):
        images = tf.constant(normalise(dataset.x_train)), tf.constant(dataset.y_train.astype(np.int64))
        orders = [np.roll(order, place)[np.newaxis, :number] for place, number in enumerate(numbers)]
        return [float(model.train(start, model.initial_state(), *images, each, 8)[2]) for each in orders]

    losses(used, (30, 50, 70))
    assert losses(fresh, [84] * 20) == losses(used, [84] * 20)


def test_q_network_training_equals_keras_fit():
    config = Config(nodes=4, pca_components=3, agent_hidden_units="20,10")
    network = models.q_network(config)
    weights = network.initial_weights(generator(3, "agent weights"))
    reference = keras.Sequential(
        [
            keras.Input((12,)),
            keras.layers.Dense(20, activation="relu"),
            keras.layers.Dense(10, activation="relu"),
            keras.layers.Dense(4),
        ]
    )
    reference.compile(keras.optimizers.Adam(0.001), "mse")
    put(reference, weights.numpy())
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(40, 12)).astype("f4"), rng.normal(size=(40, 4)).astype("f4")
    order = rng.permutation(40)
    trained, _, loss = network.train(
        weights, network.initial_state(), inputs, targets, order.astype(np.int32)[np.newaxis], 16
    )
    history = reference.fit(inputs[order], targets[order], batch_size=16, shuffle=False, verbose=0)
    np.testing.assert_allclose(trained.numpy(), flat(reference), atol=1e-5)
    assert float(loss) == pytest.approx(history.history["loss"][0], abs=1e-5)
    np.testing.assert_allclose(
        network.predict(trained, inputs).numpy(), reference.predict(inputs, verbose=0), atol=1e-5
    )


def test_evaluation_batch_changes_nothing(config, dataset):
    """Also where it does not divide the number of test images."""
    model = models.local_foundation_model(config)
    weights = model.initial_weights(generator(0, "weights", 1))
    images, labels = normalise(dataset.x_test), dataset.y_test.astype(np.int64)
    reference = keras_model(weights.numpy())
    expected = int((reference.predict(images, verbose=0).argmax(1) == labels).sum())
    for batch in (7, 100, 1000):
        assert int(model.count_correct(weights, tf.constant(images), tf.constant(labels), batch)) == expected
