"""The environment by its id: made, rendered, checked and put into vectors by Gymnasium."""

import copy
import dataclasses

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics

from data import load_dataset
from environment import HomogeneousLearningEnv

ID = "environment:HomogeneousLearning-v0"  # without the part before the colon after an import of environment


@pytest.fixture
def config(fashion):
    """Settings of a small environment whose data set is read from a file."""
    return dataclasses.replace(fashion[0], samples_per_node=40, evaluation_batch=300, round_limit=2, goal=1.0)


def test_an_environment_by_its_id_has_the_same_numbers(config):
    made, direct = gymnasium.make(ID, config=config), HomogeneousLearningEnv(config, load_dataset(config))
    assert made.spec.id == "HomogeneousLearning-v0"
    np.testing.assert_array_equal(made.reset(seed=5)[0], direct.reset(seed=5)[0])
    for node in (0, 3):
        numbers, expected = made.step(node), direct.step(node)
        np.testing.assert_array_equal(numbers[0], expected[0])
        assert numbers[1:4] == expected[1:4]
        assert numbers[4]["accuracy"] == expected[4]["accuracy"]


def test_calls_out_of_turn_raise_gymnasiums_error(config):
    environment = gymnasium.make(ID, config=config, render_mode="ansi")
    for call in (environment.render, environment.unwrapped.render, lambda: environment.step(0)):
        with pytest.raises(gymnasium.error.ResetNeeded):
            call()
    environment.reset()
    environment.step(0)
    assert environment.step(0)[3]
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(0)
    assert environment.render().endswith("truncated")  # the last round stays to be seen
    environment.reset()
    environment.step(0)


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*:UserWarning")
def test_gymnasium_accepts_it_with_its_pictures(config):
    check_env(gymnasium.make(ID, config=config).unwrapped)


def test_render_modes(config):
    environment = gymnasium.make(ID, config=config, render_mode="ansi")
    environment.reset(seed=1)
    assert environment.render() == "episode 1  round 0  node 0 holds a new model"
    environment.step(7)
    *_, info = environment.step(7)
    distance = environment.unwrapped.distances[0, 7]
    assert f"round 2  node 0 -> 7  distance {distance:.4f}  accuracy {info['accuracy']:.4f}" in environment.render()
    assert copy.deepcopy(environment).render() == environment.render()
    with pytest.raises(ValueError, match="render_mode must be one of"):
        HomogeneousLearningEnv(config, render_mode="human")
    silent = HomogeneousLearningEnv(config)
    with pytest.warns(UserWarning, match="make the environment with render_mode"):
        assert silent.render() is None


def test_a_snapshot_has_the_path_of_the_episode(config):
    environment = gymnasium.make(ID, config=config, render_mode="rgb_array").unwrapped
    environment.reset()
    environment.step(0)
    before, picture = environment.snapshot(), environment.render()
    environment.step(4)
    assert (environment.render() != picture).any()
    environment.restore(before)
    np.testing.assert_array_equal(environment.render(), picture)


def episodes(environments):
    """Steps two environments of a vector twice; returns the first accuracies, and their episodes' statistics."""
    environments.reset(seed=[0, 1])
    accuracies = environments.step(np.array([0, 0]))[4]["accuracy"]
    statistics = environments.step(np.array([3, 3]))[4]["episode"]
    environments.close()
    return accuracies, statistics


@pytest.mark.slow
def test_vectors_in_this_process_and_in_others(config):
    settings = {"num_envs": 2, "wrappers": [RecordEpisodeStatistics], "config": config}
    here = episodes(gymnasium.make_vec(ID, vectorization_mode="sync", **settings))
    spawned = {"vectorization_mode": "async", "vector_kwargs": {"context": "spawn"}}
    there = episodes(gymnasium.make_vec(ID, **spawned, **settings))
    for accuracies, statistics in (here, there):
        assert accuracies.shape == (2,)
        assert statistics["l"].tolist() == [2, 2]
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_array_equal(here[1]["r"], there[1]["r"])
