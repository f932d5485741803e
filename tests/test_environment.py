"""A round and what is seen of it: against scikit-learn's PCA, Gymnasium's checker and numbers worked out by hand."""

import random

import numpy as np
import pytest
import tensorflow as tf
from gymnasium.utils.env_checker import check_env
from sklearn.decomposition import PCA

from config import Config
from data import normalise
from environment import HomogeneousLearningEnv, distance_matrix, distance_travelled, reward, transfers
from policies.observation import pca_observation

SMALL = {"samples_per_node": 40, "evaluation_batch": 300}


def test_distances_equal_the_published_ones():
    """NumPy's legacy generator with seed 0 begins 0.5488135, 0.71518937, 0.60276338, ...; row 1 with 0.79172504."""
    distances = distance_matrix(Config())
    assert distances[0, 1] == pytest.approx((0.71518937 + 0.79172504) / 20, abs=1e-8)
    np.testing.assert_array_equal(distances, distances.T)
    assert not np.diag(distances).any()
    others = distances[~np.eye(10, dtype=bool)]
    assert [round(float(x), 4) for x in (others.min(), others.max(), others.mean())] == [0.0040, 0.0961, 0.0476]


def test_another_world_has_other_distances():
    """They are means of two draws for each pair, from the generator with the key (seed, purpose, one counter, 0)."""
    draws = np.random.default_rng([7, 14, 1, 0]).random((10, 10))
    distances = distance_matrix(Config(seed=7, world="seed"))
    assert distances[2, 6] == distances[6, 2] == pytest.approx((draws[2, 6] + draws[6, 2]) / 2 * 0.1, abs=1e-15)
    assert not np.diag(distances).any()
    others = [
        distance_matrix(Config(seed=8, world="seed")),
        distance_matrix(Config(seed=7, world="seed", distance_seed=1)),
    ]
    assert all(abs(other - distances).max() > 0.01 for other in others)
    np.testing.assert_array_equal(distance_matrix(Config(seed=7)), distance_matrix(Config()))  # the authors'


def test_reward_by_hand():
    assert reward(0.8, 0.05, Config()) == pytest.approx(-0.05)  # 32**0 - 0.05 - 1
    assert reward(0.6, 0.0, Config()) == pytest.approx(0.5 - 1)  # 32**-0.2 is a half
    assert reward(1.0, 0.1, Config()) == pytest.approx(2 - 0.1 - 1)


def test_distance_travelled_by_hand():
    distances = np.array([[0, 1, 2], [1, 0, 4], [2, 4, 0]])
    assert distance_travelled(distances, 0, (0,)) == 0
    assert distance_travelled(distances, 0, (2,)) == 2
    assert distance_travelled(distances, 0, (1, 2)) == 1 + 2 + 4  # out to both, then from 2 to the averaging 1


def test_transfers_by_hand():
    assert [transfers(0, (0,)), transfers(0, (3,))] == [0, 1]
    assert transfers(0, (1, 2)) == 3  # to both, and from 2 to the averaging 1
    assert transfers(0, (1, 0)) == 2  # to 1, and from 0 to 1


@pytest.mark.parametrize("chosen", [(0,), (7,), (3, 8), (9, 1, 4), tuple(range(10))])
def test_observation_equals_scikit_learns_pca(chosen):
    """Up to the signs, which scikit-learn no longer fixes in the same way."""
    rng = np.random.default_rng(len(chosen))
    previous = rng.normal(size=2000)
    models = np.tile(previous, (10, 1))
    deltas = rng.normal(size=(len(chosen), 2000)) * np.arange(1, len(chosen) + 1)[:, np.newaxis]
    models[list(chosen)] += deltas
    expected = PCA(10, svd_solver="full").fit_transform(models)
    observed = pca_observation(deltas, chosen, nodes=10, components=10).reshape(10, 10)
    np.testing.assert_allclose(np.abs(observed), np.abs(expected), atol=1e-4)
    for column in observed.T:
        assert column.max() == np.abs(column).max()  # the node farthest from zero is positive


def test_observation_of_one_trained_node_in_closed_form():
    """(N - 1) / N of the update's length for the trained node, -1 / N for the others, zero elsewhere."""
    observed = pca_observation(np.array([[3.0, 4.0]]), (6,), nodes=10, components=10).reshape(10, 10)
    expected = np.zeros((10, 10))
    expected[:, 0] = -0.5
    expected[6, 0] = 4.5
    np.testing.assert_allclose(observed, expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*:UserWarning")
def test_gymnasium_accepts_several_nodes_a_round(dataset):
    check_env(HomogeneousLearningEnv(Config(nodes_per_round=3, **SMALL), dataset), skip_render_check=True)


def test_a_node_trains_on_its_own_images(dataset):
    environment = HomogeneousLearningEnv(Config(**SMALL), dataset)
    environment.reset(seed=0)
    environment.step(0)
    nodes = environment.nodes
    for node in (0, 4):
        trained_on = nodes.train_images.numpy()[nodes.image_order(node, environment.when())[0]]
        held = normalise(dataset.x_train[nodes.partition[node]])
        assert sorted(image.tobytes() for image in trained_on) == sorted(image.tobytes() for image in held)
        assert not np.array_equal(trained_on, held)  # in another order
    np.testing.assert_array_equal(nodes.label_counts().sum(1), 40)
    np.testing.assert_array_equal(np.diag(nodes.label_counts()), 32)


def test_an_episode_by_the_rules(dataset):
    """The starter trains first whatever is asked; the limit truncates, the goal terminates."""
    environment = HomogeneousLearningEnv(Config(round_limit=3, goal=1.0, starter=2, **SMALL), dataset)
    observation, info = environment.reset(seed=0)
    assert observation.shape == (100,)
    assert not observation.any()
    assert info["episode_number"] == 1
    *_, terminated, truncated, info = environment.step(5)
    assert (info["node"], info["previous_node"], info["distance"], terminated, truncated) == (
        (2,),
        2,
        0.0,
        False,
        False,
    )
    _, gained, *_, info = environment.step(5)
    assert (info["node"], info["previous_node"]) == ((5,), 2)
    assert info["distance"] == environment.distances[2, 5]
    assert gained == pytest.approx(32 ** (info["accuracy"] - 1) - environment.distances[2, 5] - 1, abs=1e-12)
    *_, terminated, truncated, info = environment.step(5)
    assert (info["round"], terminated, truncated) == (3, False, True)
    _, info = environment.reset()
    assert info["episode_number"] == 2
    easy = HomogeneousLearningEnv(Config(goal=0.01, **SMALL), dataset)
    easy.reset()
    *_, terminated, truncated, _ = easy.step(0)
    assert (terminated, truncated) == (True, False)
    with pytest.raises(ValueError, match="not in"):
        environment.step(10)


def test_several_nodes_a_round_average_their_models(dataset):
    config = Config(nodes_per_round=2, goal=1.0, **SMALL)
    environment = HomogeneousLearningEnv(config, dataset)
    single = HomogeneousLearningEnv(Config(goal=1.0, **SMALL), dataset)
    results = []
    for node in (3, 6):
        single.reset(seed=0)
        single.step(0)
        single.step(node)
        results.append(single.weights.numpy())
    environment.reset(seed=0)
    *_, info = environment.step(environment.starter_action)
    assert info["node"] == (0,)
    *_, info = environment.step(np.array([3, 6]))
    assert info["node"] == (3, 6)
    np.testing.assert_allclose(environment.weights.numpy(), np.mean(results, axis=0), atol=1e-6)
    *_, info = environment.step(np.array([6, 6]))
    assert (info["node"], info["previous_node"]) == ((6,), 3)


def test_the_holder_fills_in_where_too_few_of_several_nodes_answer(dataset):
    failures = {"leaving": "1:1,2:1", "failed_attempts": "charged"}
    environment = HomogeneousLearningEnv(Config(nodes_per_round=3, goal=1.0, **failures, **SMALL), dataset)
    environment.reset(seed=0)
    environment.step(environment.starter_action)
    action = environment.reach([1, 4, 2])
    assert action.tolist() == [4, 0, 0]
    *_, info = environment.step(action)
    assert (info["node"], info["unreachable"], info["bytes_sent"]) == ((4, 0), (1, 2), 2 * 134_320)
    between = environment.distances[0]  # to 4 and back, and two attempts
    assert info["distance"] == pytest.approx(2 * between[4] + between[1] + between[2])


def test_bytes_steps_and_visits(dataset):
    """33,580 weights of 4 bytes a move; 40 images in batches of 32 are 2 steps."""
    environment = HomogeneousLearningEnv(Config(goal=1.0, **SMALL), dataset)
    environment.reset()
    infos = [environment.step(node)[4] for node in (0, 3, 3)]
    assert [info["bytes_sent"] for info in infos] == [0, 134_320, 0]
    assert [info["gradient_steps"] for info in infos] == [2, 2, 2]
    assert infos[0]["visits"].tolist() == [1] + [0] * 9
    assert infos[2]["visits"].tolist() == [1, 0, 0, 2] + [0] * 6


def test_unreachable_nodes_are_passed_over(dataset):
    """Node 3 has left, so that the next one trains; the way to it is charged only when the option says so."""
    for charged in ("free", "charged"):
        config = Config(goal=1.0, leaving="3:1,4:2", failed_attempts=charged, **SMALL)
        environment = HomogeneousLearningEnv(config, dataset)
        environment.reset(seed=0, options={"episode": 1})
        environment.step(0)
        action = environment.reach([3, 5, 4])
        assert action == 5
        *_, info = environment.step(action)
        assert (info["node"], info["unreachable"]) == ((5,), (3,))
        extra = environment.distances[0, 3] if charged == "charged" else 0
        assert info["distance"] == pytest.approx(environment.distances[0, 5] + extra)
        assert environment.reach([4]) == 4  # leaves in episode 2
        *_, info = environment.step(3)  # who does not ask first finds out
        assert (info["node"], info["unreachable"]) == ((5,), (3,))
    environment.reset(seed=0, options={"episode": 2})
    environment.step(0)
    assert environment.reach([4, 3, 6]) == 6


def test_round_1_is_the_starters_whatever_is_asked(dataset):
    """Nobody is asked in vain for it, and no way is charged."""
    environment = HomogeneousLearningEnv(Config(leaving="3:1", failed_attempts="charged", **SMALL), dataset)
    environment.reset(seed=0)
    *_, info = environment.step(3)
    assert (info["node"], info["unreachable"], info["distance"]) == ((0,), (), 0)


def test_nodes_are_unreachable_with_the_drop_rate(dataset):
    environment = HomogeneousLearningEnv(Config(drop_rate=0.3, goal=1.0, round_limit=400, **SMALL), dataset)
    environment.reset(seed=0)
    failed = []
    for _ in range(400):
        environment.round += 1  # a round in which nothing is trained
        failed.append(environment.reach(range(1, 10)) != 1)
        assert environment.reach([0]) == 0  # the holder always answers itself
    assert 0.23 < np.mean(failed) < 0.37  # 0.3 within three standard errors
    everyone = HomogeneousLearningEnv(Config(drop_rate=1, **SMALL), dataset)
    everyone.reset()
    everyone.step(0)
    *_, info = everyone.step(everyone.reach([4, 5]))
    assert (info["node"], info["unreachable"]) == ((0,), (4, 5))


def play(environment, seed, episode=1):
    environment.reset(seed=seed, options={"episode": episode})
    return [environment.step(node)[4]["accuracy"] for node in (0, 3, 3)], environment.weights.numpy()


def test_everything_follows_from_seed_and_episode(dataset):
    """Neither the order of the episodes nor the global generators matter; another seed or episode is another run."""
    environment = HomogeneousLearningEnv(Config(goal=1.0, **SMALL), dataset)
    first, weights = play(environment, 0)
    _, other_episode = play(environment, 0, episode=2)
    _, other_seed = play(environment, 1)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    tf.random.set_seed(5)
    random.random(), np.random.rand(3), tf.random.uniform([3])  # noqa: NPY002
    again, weights_again = play(HomogeneousLearningEnv(Config(goal=1.0, **SMALL), dataset), 0)
    assert first == again
    np.testing.assert_array_equal(weights, weights_again)
    assert not np.array_equal(weights, other_episode)
    assert not np.array_equal(weights, other_seed)
