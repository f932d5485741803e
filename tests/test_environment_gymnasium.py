"""The environment among Gymnasium's wrappers and vectors, copied, pickled and in other processes."""

import copy
import multiprocessing
import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as VectorStatistics

from baselines.references import make_environment
from config import Config
from environment import HomogeneousLearningEnv
from settings.errors import UsageError

SMALL = {"samples_per_node": 40, "evaluation_batch": 300}


def test_step_needs_an_episode_that_is_going_on(dataset):
    environment = HomogeneousLearningEnv(Config(round_limit=1, goal=1.0, **SMALL), dataset)
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(0)
    environment.reset()
    before = environment.snapshot()
    assert environment.step(0)[3]
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(0)
    environment.restore(before)
    assert environment.step(0)[3]
    easy = HomogeneousLearningEnv(Config(goal=0.01, **SMALL), dataset)
    easy.reset()
    assert easy.step(0)[2]
    with pytest.raises(gymnasium.error.ResetNeeded):
        easy.step(0)


def test_numpy_numbers_are_seeds_and_settings(dataset):
    config = Config(seed=np.int64(3), nodes=np.uint8(10), goal=np.float32(0.8), distance_scale=np.float64(0.1))
    assert config == Config(seed=3)
    assert {type(getattr(config, name)) for name in ("seed", "nodes")} == {int}
    assert {type(getattr(config, name)) for name in ("goal", "distance_scale")} == {float}
    for value in (np.float64(3.0), np.bool_(True), np.float32("nan"), np.arange(3)):
        with pytest.raises(UsageError, match="--seed must be a whole number"):
            Config(seed=value)
    environment = HomogeneousLearningEnv(Config(**SMALL), dataset)
    environment.reset(seed=np.int64(3))
    weights = environment.weights.numpy()
    environment.reset(seed=3)
    np.testing.assert_array_equal(weights, environment.weights.numpy())


def vector(dataset, wrap=lambda environment: environment, **options):
    """Two environments whose episodes end after two and three rounds."""
    configs = [Config(goal=1.0, round_limit=rounds, **SMALL) for rounds in (2, 3)]
    made = [lambda config=config: wrap(HomogeneousLearningEnv(config, dataset)) for config in configs]
    return SyncVectorEnv(made, **options)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("place", ["each", "vector"])
def test_statistics_of_episodes_that_end_at_different_rounds(dataset, mode, place):
    if place == "each":
        environments = vector(dataset, RecordEpisodeStatistics, autoreset_mode=mode)
    else:
        environments = VectorStatistics(vector(dataset, autoreset_mode=mode))
    _, infos = environments.reset(seed=1)
    assert infos["episode_number"].tolist() == [1, 1]
    lengths = [[], []]
    for _ in range(8):
        *_, infos = environments.step(np.array([1, 2]))
        assert infos["visits"].shape == (2, 10)
        assert infos["round"].dtype == int
        final = infos.get("final_info", infos) if place == "each" else infos
        for number in np.flatnonzero(final.get("_episode", [])):
            lengths[number].append(int(final["episode"]["l"][number]))
    if mode is AutoresetMode.NEXT_STEP:  # a reset takes a step of its own: ends at steps 2, 5, 8 and at 3, 7
        assert lengths == [[2, 2, 2], [3, 3]]
    else:  # ends at steps 2, 4, 6, 8 and at 3, 6
        assert lengths == [[2, 2, 2, 2], [3, 3]]


def numbers(environment, nodes):
    """Plays rounds; returns their accuracies and the weights after them."""
    accuracies = [environment.step(node)[4]["accuracy"] for node in nodes]
    return accuracies, environment.weights.numpy()


@pytest.mark.parametrize("policy", ["dqn", "gossip-ring"])
@pytest.mark.parametrize("through", [copy.deepcopy, lambda environment: pickle.loads(pickle.dumps(environment))])
def test_a_copy_goes_on_with_the_same_numbers_and_leaves_the_original_alone(dataset, policy, through):
    config = Config(goal=1.0, policy=policy, **SMALL)
    environment = make_environment(config, dataset)
    early = through(environment)  # before the first reset
    environment.reset(seed=4)
    numbers(environment, (0, 3))
    other = through(environment)
    expected = environment.snapshot()
    copied = numbers(other, (3, 5, 0))
    assert environment.round == 2
    assert environment.snapshot()[0]["weights"] is expected[0]["weights"]
    again = numbers(environment, (3, 5, 0))
    assert copied[0] == again[0]
    np.testing.assert_array_equal(copied[1], again[1])
    for each in (environment, other):
        each.reset()
    np.testing.assert_array_equal(numbers(environment, (0,))[1], numbers(other, (0,))[1])
    assert (other.nodes.name, other.nodes.sha256()) == ("tiny", dataset.sha256())
    early.reset(seed=4)
    numbers(early, (0, 3, 3, 5))
    np.testing.assert_array_equal(numbers(early, (0,))[1], again[1])


def go_on(pickled, results):
    results.put(numbers(pickle.loads(pickled), (3, 5)))


def test_a_pickle_goes_on_in_a_spawned_process(dataset):
    environment = HomogeneousLearningEnv(Config(goal=1.0, **SMALL), dataset)
    environment.reset(seed=4)
    numbers(environment, (0, 3))
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=go_on, args=(pickle.dumps(environment), results))
    process.start()
    accuracies, weights = results.get(timeout=120)
    process.join()
    expected = numbers(environment, (3, 5))
    assert accuracies == expected[0]
    np.testing.assert_array_equal(weights, expected[1])


def test_an_environment_on_ray_says_that_it_cannot_be_copied():
    environment = HomogeneousLearningEnv(Config(**SMALL), None, nodes=object())
    for attempt in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="Ray actors cannot be copied; make another"):
            attempt(environment)


def in_fork(what):
    """Returns the error of `what` in a forked process, None where there was none; fails where it hangs."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def attempt():
        try:
            what()
            send.send(None)
        except UsageError as error:
            send.send(str(error))

    process = context.Process(target=attempt)
    process.start()
    try:
        assert receive.poll(60), "it hangs"
        return receive.recv()
    finally:
        process.kill()
        process.join()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_is_told_to_spawn(dataset):
    environment = HomogeneousLearningEnv(Config(**SMALL), dataset)  # TensorFlow has begun to compute
    environment.reset()
    for attempt in (
        environment.reset,
        lambda: environment.step(0),
        lambda: HomogeneousLearningEnv(Config(**SMALL), dataset).reset(),
        lambda: copy.deepcopy(environment),
    ):
        assert 'context="spawn"' in in_fork(attempt)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*fork.*:DeprecationWarning")
def test_a_forked_vector_passes_the_error_on(dataset):
    make = [lambda: HomogeneousLearningEnv(Config(**SMALL), dataset)] * 2
    environments = AsyncVectorEnv(make, context="fork")
    with pytest.raises(UsageError, match='context="spawn"'):
        environments.reset(seed=0)
    environments.close(terminate=True)
