"""What TensorBoard reads of a run, by its own reader."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from helpers import run
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from config import Config
from runs.events import Events
from settings.errors import UsageError


@pytest.fixture(scope="module")
def logged(tiny, tmp_path_factory):
    """The folder of a run of 12 episodes and what TensorBoard reads of it."""
    folder = tmp_path_factory.mktemp("logged") / "run"
    flags = ("--episodes", 12, "--round-limit", 2, "--tensorboard", "--run-dir", folder)
    run(*tiny, "--policy", "random", *flags)
    return folder, read(folder)


def read(folder):
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    return events


def last(events, tag):
    """Returns (step, value) of the last tensor of a tag."""
    event = events.Tensors(tag)[-1]
    return event.step, tf.make_ndarray(event.tensor_proto)


def test_every_round_and_episode_is_there(logged):
    folder, events = logged
    assert {"round/accuracy", "episode/episode_return"} < set(events.Tags()["tensors"])
    assert [event.step for event in events.Tensors("episode/rounds")] == list(range(1, 13))
    values = [tf.make_ndarray(event.tensor_proto) for event in events.Tensors("round/accuracy")]
    assert values == pytest.approx(pd.read_csv(folder / "rounds.csv")["accuracy"].tolist(), rel=1e-6)


def test_settings_are_hyperparameters(logged):
    _, events = logged
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    settings = started.hparams
    assert started.group_name == "run"  # the folder
    assert settings["goal"].number_value == 0.2
    assert settings["policy"].string_value == "random"
    assert settings["dataset"].string_value.startswith("other-")  # that was used
    content = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    assert {metric.name.tag for metric in experiment.metric_infos} <= set(events.Tags()["tensors"])
    assert {info.name for info in experiment.hparam_infos} == set(settings)


def test_final_numbers_are_means_over_the_last_ten_episodes(logged):
    folder, events = logged
    episodes = pd.read_csv(folder / "episodes.csv")[2:]
    for name in ("rounds", "communication_cost", "reached_goal"):
        step, value = last(events, f"final/{name}")
        assert step == 12
        assert value == pytest.approx(episodes[name].mean(), rel=1e-6)


def test_figures_are_images(tmp_path):
    drawn = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    (tmp_path / "figures").mkdir()
    for name in ("nodes", "drawing"):  # the latter is the reader's own
        Image.fromarray(drawn).save(tmp_path / "figures" / f"{name}.png")
    (tmp_path / "figures" / "routes.png").write_bytes(b"")
    Events(tmp_path, Config(), "mnist", 7).figures()
    events = read(tmp_path)
    assert [tag for tag in events.Tags()["tensors"] if tag.startswith("figures/")] == ["figures/nodes"]
    step, (width, height, image) = last(events, "figures/nodes")
    assert (step, int(width), int(height)) == (7, 30, 20)
    assert (tf.io.decode_png(image) == drawn).numpy().all()


def test_a_folder_that_cannot_take_events_is_one_line(tmp_path):
    (tmp_path / "tensorboard").write_text("")
    with pytest.raises(UsageError, match="cannot take TensorBoard events"):
        Events(tmp_path, Config(), "mnist", 0)


def test_a_full_disk_is_not_taken_for_a_lack_of_memory(tmp_path, monkeypatch):
    """TensorFlow raises the same error for both."""

    def full(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    events = Events(tmp_path, Config(), "mnist", 1)
    monkeypatch.setattr(events._writer, "flush", full)
    with pytest.raises(OSError, match=r"tensorboard cannot take TensorBoard events \(No space left on device\)"):
        events.flush()
