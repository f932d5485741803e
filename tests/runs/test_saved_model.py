"""Which episode's model a run keeps, and what a resumed run knows of it."""

import types

import pytest

from config import Config
from runs.saved_model import SavedModel
from settings.errors import UsageError

EPISODES = [(30, 0.79, False), (12, 0.81, True), (12, 0.83, True), (12, 0.83, True), (15, 0.99, True), (9, 0.70, False)]
BEST = [None, 2, 3, 3, 3, 3]  # the best episode after each: the fewest rounds, then the accuracy, then the earlier one


def environment(episode):
    """Returns an environment whose model is a number, which its file has as text."""
    return types.SimpleNamespace(
        weights=episode, nodes=types.SimpleNamespace(model_file=lambda weights: b"%d" % weights)
    )


def record(episode):
    rounds, accuracy, reached_goal = EPISODES[episode - 1]
    values = {"rounds": rounds, "final_accuracy": accuracy, "reached_goal": reached_goal, "episode": episode}
    return types.SimpleNamespace(**values)


def logged(episodes):
    """Returns the text of an episodes.csv with as many episodes."""
    lines = [f"{n},{rounds},{accuracy},{goal}" for n, (rounds, accuracy, goal) in enumerate(EPISODES[:episodes], 1)]
    return "\n".join(["episode,rounds,final_accuracy,reached_goal", *lines, ""])


@pytest.mark.parametrize("name", ["best.keras", "last.keras"])
@pytest.mark.parametrize("before", [0, 1, 2, 4])
def test_the_model_that_is_kept(tmp_path, name, before):
    """In one go and after a resume, the file has the same model."""
    text, last = logged(before), len(EPISODES)
    kept = BEST[before - 1] if name == "best.keras" and before else before
    if kept:
        (tmp_path / name).write_bytes(b"%d" % kept)
    saved = SavedModel(Config(save_model=name), tmp_path, text)
    for episode in range(before + 1, last + 1):
        saved.episode(record(episode), environment(episode))
        expected = BEST[episode - 1] if name == "best.keras" else episode
        assert not expected or (tmp_path / name).read_bytes() == b"%d" % expected
    about = {"best.keras": "episode 3, after 12 rounds, accuracy 0.8300", "last.keras": "episode 6, after 9 rounds"}
    assert about[name] in saved.describe()


def test_no_model_is_kept_where_no_episode_reached_the_goal_or_none_was_asked_for(tmp_path):
    text = logged(0)
    for name, said in (("best.keras", "There is no best.keras: no episode reached the goal."), ("none", "")):
        saved = SavedModel(Config(save_model=name), tmp_path, text)
        saved.episode(record(1), environment(1))
        assert saved.describe() == said
        assert not list(tmp_path.glob("*.keras"))


def test_a_lost_file_is_told(tmp_path):
    text = logged(4)
    with pytest.raises(UsageError, match=r"best\.keras, of episode 3, is gone; put it back, or --overwrite"):
        SavedModel(Config(save_model="best.keras"), tmp_path, text)
