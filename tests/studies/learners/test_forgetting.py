"""Tasks, metrics of forgetting and elastic weight consolidation against computation by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import VectorModel
from studies.learners import forgetting, task_sequences
from studies.learners.forgetting import ElasticLearner, Task, fisher_diagonal, metrics, tasks
from studies.learners.units import Images

LABELS = np.arange(40) % 10
TESTS = np.arange(20) % 10


def test_metrics_by_hand():
    matrix = [[0.9, 0.2, 0.1], [0.7, 0.8, 0.3], [0.4, 0.85, 0.95]]
    found = metrics(matrix)
    assert found["acc"] == pytest.approx((0.4 + 0.85 + 0.95) / 3)
    assert found["learning_accuracy"] == pytest.approx((0.9 + 0.8 + 0.95) / 3)
    assert found["backward_transfer"] == pytest.approx((0.4 - 0.9 + 0.85 - 0.8) / 2)
    assert found["forgetting"] == pytest.approx((0.9 - 0.4 + 0.85 - 0.85) / 2)  # the second was never better


@pytest.mark.parametrize("scenario", ["split-domain", "split-class"])
def test_split_tasks_hold_just_their_digits(scenario):
    parts = tasks(scenario, LABELS, TESTS, seed=0)
    assert len(parts) == 5
    for number, task in enumerate(parts):
        digits = {2 * number, 2 * number + 1}
        for rows, labels in ((task.train, LABELS), (task.test, TESTS)):
            assert set(labels[rows]) == digits
            named = task.labels(tf.constant(labels), rows).numpy()
            wanted = labels[rows] % 2 if scenario == "split-domain" else labels[rows]
            np.testing.assert_array_equal(named, wanted)
    assert sorted(np.concatenate([task.train for task in parts])) == list(range(len(LABELS)))


def test_permuted_tasks_show_all_images_in_one_order_each():
    """Every pixel of the first image has another value, which tells where it has gone."""
    first = np.arange(784, dtype=np.float32).reshape(1, 28, 28, 1)
    images = np.concatenate([first, 1000 + first, 5000 - first])
    orders = []
    for task in tasks("permuted", LABELS, TESTS, seed=3):
        one, plus, minus = task.images(tf.constant(images), np.array([0, 1, 2])).numpy().reshape(3, 784)
        assert sorted(one) == list(range(784))
        np.testing.assert_array_equal(plus, 1000 + one)
        np.testing.assert_array_equal(minus, 5000 - one)
        assert sorted(task.train) == list(range(len(LABELS)))  # fewer than a task's limit
        orders.append(tuple(one))
    assert len(set(orders)) == len(orders) == 10
    others = tasks("permuted", LABELS, TESTS, seed=4)
    assert tuple(others[0].pixels) != tuple(tasks("permuted", LABELS, TESTS, seed=3)[0].pixels)


def test_permuted_tasks_are_limited(monkeypatch):
    monkeypatch.setattr(forgetting, "PERMUTED_IMAGES", 7)
    parts = tasks("permuted", LABELS, TESTS, seed=0)
    assert {len(set(task.train)) for task in parts} == {7}
    assert len({tuple(task.train) for task in parts}) > 1


def test_fisher_information_of_softmax_regression_by_hand():
    """For two classes, log p has the derivatives x (1 - p) and -x p, whose mean square is x^2 p (1 - p)."""
    rng = np.random.default_rng(0)
    images, kernel = rng.normal(size=(6, 3)).astype(np.float32), rng.normal(size=(3, 2)).astype(np.float32)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    network.set_weights([kernel, np.float32([0.3, -0.2])])
    p = 1 / (1 + np.exp(-(images @ (kernel[:, 0] - kernel[:, 1]) + 0.5)))
    uncertainty = p * (1 - p)
    of_kernel, of_bias = fisher_diagonal(network, images)
    np.testing.assert_allclose(of_kernel[:, 0], (images**2 * uncertainty[:, None]).mean(0), rtol=1e-4)
    np.testing.assert_allclose(of_kernel[:, 1], of_kernel[:, 0], rtol=1e-4)
    np.testing.assert_allclose(of_bias, [uncertainty.mean()] * 2, rtol=1e-4)


def test_fisher_information_of_a_deep_network_is_that_of_single_gradients():
    """Image by image and class by class, with the gradient of each weight instead of products of signals."""
    rng = np.random.default_rng(1)
    network = ElasticLearner("5-4", 1.0).build((4, 4, 1), 3)
    network.set_weights([rng.normal(0, 0.5, weight.shape) for weight in network.get_weights()])
    images = tf.constant(rng.random((4, 4, 4, 1)), tf.float32)
    totals = [np.zeros(weight.shape) for weight in network.get_weights()]
    for image in images:
        for label in range(3):
            with tf.GradientTape() as tape:
                probability = network(image[None])[0, label]
                logarithm = tf.math.log(probability)
            gradients = tape.gradient(logarithm, network.trainable_variables)
            for total, gradient in zip(totals, gradients, strict=True):
                total += float(probability) * gradient.numpy() ** 2 / len(images)
    for found, total in zip(fisher_diagonal(network, images), totals, strict=True):
        np.testing.assert_allclose(found, total, rtol=1e-3, atol=1e-7)


def elastic():
    """Returns a learner with two weights: (its model, its weights' values)."""
    learner = ElasticLearner("1", strength=10.0)
    learner.network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, use_bias=False)])
    learner.network.set_weights([np.float32([[1.0, -2.0]])])
    learner.anchors = [tf.Variable([[0.5, -1.0]])]
    learner.information = [tf.Variable([[0.2, 3.0]])]
    return learner


def test_penalty_by_hand():
    learner = elastic()
    # 10 / 2 * (0.2 * 0.5^2 + 3 * 1^2)
    assert float(learner.penalty()) == pytest.approx(15.25)
    with tf.GradientTape() as tape:
        penalty = learner.penalty()
    (slope,) = tape.gradient(penalty, learner.network.trainable_variables)
    np.testing.assert_allclose(slope, [[10 * 0.2 * 0.5, 10 * 3 * -1]])
    learner.start()
    assert float(learner.penalty()) == 0


def test_consolidation_adds_information_and_moves_the_anchors():
    learner = ElasticLearner("3", 1.0)
    network = learner.build((2, 2, 1), 2)
    rng = np.random.default_rng(2)
    totals = [0, 0, 0, 0]
    for _ in range(2):
        network.set_weights([rng.normal(size=weight.shape) for weight in network.get_weights()])
        images = tf.constant(rng.random((5, 2, 2, 1)), tf.float32)
        learner.consolidate(images)
        totals = [total + part for total, part in zip(totals, fisher_diagonal(network, images), strict=True)]
    assert float(learner.penalty()) == 0  # at the anchors
    for found, total in zip(learner.information, totals, strict=True):
        np.testing.assert_allclose(found, total, rtol=1e-6)


def test_training_follows_the_gradient_of_loss_and_penalty():
    """One step from uniform probabilities: the loss's gradient is x (p - y), the penalty's strength * (w - anchor)."""
    learner = ElasticLearner("", 0.5)
    learner.network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax", use_bias=False)])
    learner.anchors, learner.information = [tf.Variable(tf.ones((2, 2)))], [tf.Variable(tf.ones((2, 2)))]
    model = VectorModel(learner.network, keras.optimizers.SGD(0.1), learner)
    image, order = np.float32([[2.0, 4.0]]), np.zeros((1, 1), np.int32)
    weights, _, _ = model.train(tf.zeros(4), model.initial_state(), image, np.array([1]), order, 1)
    loss_slope, penalty_slope = np.array([[2 * 0.5, -2 * 0.5], [4 * 0.5, -4 * 0.5]]), 0.5 * (0 - 1)
    np.testing.assert_allclose(weights, -0.1 * (loss_slope + penalty_slope).ravel(), rtol=1e-5)


def test_joint_learning_meets_every_image_of_every_task_as_often(monkeypatch):
    """Counts what is trained on, by images whose value is their number."""
    seen = []

    def train(model, weights, shown, labels, seed, epochs):
        seen.extend(zip(shown[:, 0, 0, 0].numpy().tolist(), labels.numpy().tolist(), strict=True))
        return weights

    monkeypatch.setattr(task_sequences, "_train", train)
    monkeypatch.setattr(task_sequences, "_accuracies", lambda *_: [0.5, 0.5, 0.5, 0.5, 0.5])
    numbers = tf.constant(np.arange(len(LABELS), dtype=np.float32))
    pictures = tf.ones((1, 28, 28, 1)) * numbers[:, None, None, None]
    images = Images(pictures, tf.constant(LABELS), pictures[: len(TESTS)], tf.constant(TESTS))
    model = task_sequences.vector_model("split-class", "joint", 0.1)
    task_sequences.learn_jointly(model, "split-class", 0, images, epochs=2)
    assert sorted(seen) == sorted([(float(number), int(number) % 10) for number in range(len(LABELS))] * 2)


def test_strength_is_that_of_the_highest_final_accuracy():
    """The middle strength is best after the last task, another one before it."""
    tables = []
    for strength, first, last in ((1.0, 0.9, 0.2), (3.0, 0.1, 0.6), (9.0, 0.5, 0.5)):
        matrix = np.array([[first, 0.1], [last, last]])
        tables.append(task_sequences.pd.DataFrame(task_sequences.rows(matrix, 0.1, strength)))
    assert task_sequences.best_strength(tables) == 3.0


def test_task_without_a_pixel_order_shows_the_images_themselves():
    images = tf.constant(np.random.default_rng(0).random((5, 28, 28, 1)))
    task = Task(np.arange(5), np.arange(5))
    np.testing.assert_array_equal(task.images(images, np.array([4, 0])), images.numpy()[[4, 0]])
