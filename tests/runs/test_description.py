"""How a run is described: presets that do not move, schemas that earlier runs are read by, what a resume compares."""

import argparse
import dataclasses
import json
import shutil
import subprocess

import pytest
from helpers import refuse, run

import config
from config import Config
from runs import description, options, presets, schemas
from runs.description import read_description
from runs.folder import holds_run
from runs.options import parse
from settings.errors import UsageError


@pytest.fixture
def edited(monkeypatch):
    """The defaults of config.py as somebody has edited them."""

    def edit(**defaults):
        fields = [
            (field.name, field.type, dataclasses.field(default=default, metadata=field.metadata))
            for field in dataclasses.fields(Config)
            for default in [defaults.get(field.name, field.default)]
        ]
        changed = dataclasses.make_dataclass("Config", fields, bases=(Config,), frozen=True)
        for module in (config, options, presets, schemas):
            monkeypatch.setattr(module, "Config", changed)

    return edit


@pytest.mark.parametrize(
    ("name", "value"),
    [("engine", None), ("environment", "none"), ("evaluation", 3), ("resumed", {}), ("end", 0), ("dataset", ["mnist"])],
)
def test_a_description_of_another_form_is_refused(name, value, finished, tmp_path, capfd):
    folder = shutil.copytree(finished, tmp_path / "run")
    about = json.loads((folder / "run.json").read_text())
    for changed in (about | {name: value}, {key: kept for key, kept in about.items() if key != name}):
        (folder / "run.json").write_text(json.dumps(changed))
        before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        line = refuse(capfd, "--resume", "--run-dir", folder)
        assert "run.json is damaged" in line
        assert name in line
        assert before == {path: path.read_bytes() for path in before}


def test_preset_paper_is_what_config_says_until_that_is_edited(edited):
    assert Config().as_text() == presets.PAPER
    assert parse([])[1].preset == "paper"
    edited(goal=0.6, target_every=3)
    changed, given = parse(["--episodes", "7"])
    assert (changed.goal, changed.target_every, changed.episodes, given.preset) == (0.6, 3, 7, "edited")
    authors, given = parse(["--preset", "paper", "--episodes", "7"])
    assert authors.as_text() == presets.PAPER | {"episodes": 7}
    assert given.preset == "paper"
    assert parse(["--preset", "improved"])[0].goal == 0.8


def written(folder, settings, **more):
    about = {"preset": "paper", "dataset": "mnist", "dataset_sha256": "cafe", "resumed": [], "end": None}
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps(about | {"config": settings} | more))
    return folder


def of_first_schema():
    """The settings that the first published runs had, by their names."""
    gone = ("world", "learner", "learner_variant", "greedy_from", "evaluation")
    settings = {name: value for name, value in presets.PAPER.items() if name not in gone}
    return settings | {"evaluation_dtype": "winograd-checked", "observation": "pca", "n_step": 1}


def test_an_edited_default_does_not_change_what_a_published_run_was(edited, tmp_path):
    folder = written(tmp_path, of_first_schema())
    edited(world="seed", learner="kde", greedy_from=60, goal=0.5)
    then = read_description(folder)["config"]
    assert (then.learner, then.greedy_from) == ("cnn", 0)
    assert (then.goal, then.evaluation, then.world) == (0.8, "auto", "authors")
    assert read_description(folder)["evaluation"] == "winograd-checked"


def test_runs_of_the_second_schema_had_the_authors_world(edited, tmp_path):
    settings = {name: value for name, value in presets.PAPER.items() if name != "world"}
    folder = written(tmp_path, settings | {"goal": 0.7}, schema=2, evaluation="float32", learns=True)
    edited(world="seed")
    then = read_description(folder)["config"]
    assert (then.world, then.goal) == ("authors", 0.7)


def test_runs_of_the_fourth_schema_are_read_unless_they_used_what_is_gone(tmp_path):
    settings = presets.PAPER | OF_SCHEMA_5 | {"replay": "uniform", "shaping": 0, "goal": 0.7}
    about = {"schema": 4, "evaluation": "float32", "learns": True}
    assert read_description(written(tmp_path, settings, **about))["config"] == Config(**presets.PAPER | {"goal": 0.7})
    with pytest.raises(UsageError, match="made with --replay balanced, which is gone; use the version of its commit"):
        read_description(written(tmp_path, settings | {"replay": "balanced"}, **about))


OF_SCHEMA_5 = {
    "observation": "pca",
    "agent_network": "dense",
    "n_step": 1,
    "renamed_share": 0,
    "round_price": 0,
    "explore_repeat": 1,
    "average_last": 0,
    "patience": 0,
}


@pytest.mark.parametrize("policy", ["dqn", "lazy_rules:Lazy"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("observation", "holder,visits"),
        ("agent_network", "shared"),
        ("n_step", 3),
        ("renamed_share", 0.5),
        ("round_price", 1),
        ("explore_repeat", 3),
        ("average_last", 20),
        ("patience", 2),
    ],
)
def test_runs_of_the_fifth_schema_are_read_unless_they_used_what_is_gone(tmp_path, policy, name, value):
    settings = presets.PAPER | OF_SCHEMA_5 | {"goal": 0.7, "policy": policy}
    about = {"schema": 5, "evaluation": "float32", "learns": True}
    then = read_description(written(tmp_path, settings, **about))["config"]
    assert then == Config(**presets.PAPER | {"goal": 0.7, "policy": policy})
    settings |= {name: value}
    with pytest.raises(UsageError, match=rf"made with --{name.replace('_', '-')} {value}.*, which is gone"):
        read_description(written(tmp_path, settings, **about))


@pytest.mark.parametrize("policy", ["random", "home", "fedavg"])
def test_runs_whose_policy_never_used_what_is_gone_are_read(tmp_path, policy):
    settings = presets.PAPER | OF_SCHEMA_5 | {"policy": policy, "observation": "round", "n_step": 3, "patience": 1}
    then = read_description(written(tmp_path, settings, schema=5, evaluation="float32", learns=True))["config"]
    assert then == Config(**presets.PAPER | {"policy": policy})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema": schemas.SCHEMA + 1}, "use a later version"),
        ({"schema": schemas.SCHEMA}, "is missing or unknown"),  # this schema writes all of them
        ({"config": 3}, "damaged or of another version"),
        ({"config": {"goal": "high"}}, "damaged or of another version"),
    ],
)
def test_descriptions_that_cannot_be_read(changes, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        read_description(written(tmp_path, of_first_schema(), **changes))


def test_a_description_that_is_nested_too_deeply(tmp_path):
    (tmp_path / "run.json").write_text("[" * 100_000)
    assert not holds_run(tmp_path)
    with pytest.raises(UsageError, match="damaged or of another version"):
        read_description(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    written(tmp_path, of_first_schema())
    path = tmp_path / "run.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_description(tmp_path)["schema"] == 1


def test_a_run_of_an_earlier_version_is_not_resumed(tmp_path, capfd):
    written(tmp_path, of_first_schema(), git_commit="0123456789")
    assert "earlier version (commit 0123456)" in refuse(capfd, "--resume", "--run-dir", tmp_path)


def test_changed_code_is_noted_but_not_changed_results(tmp_path, monkeypatch):
    for name in ("runs", "results"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.py").touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *step], check=True)
    monkeypatch.setattr(description, "__file__", str(tmp_path / "runs" / "description.py"))
    options = argparse.Namespace(command_line="python main.py")
    (tmp_path / "results" / "file.py").unlink()
    assert not description.part(options)["git_modified"]
    (tmp_path / "runs" / "file.py").write_text("changed")
    assert description.part(options)["git_modified"]


def test_a_finished_run_is_left_as_it_is(tiny, tmp_path, monkeypatch):
    """As where another sweep of the folder finished it meanwhile."""
    run(*tiny, "--run-dir", tmp_path, "--policy", "random", "--episodes", 1)
    before = (tmp_path / "run.json").read_bytes()
    monkeypatch.setattr("settings.machine._processor", lambda: "abacus")
    run("--resume", "--run-dir", tmp_path)
    assert (tmp_path / "run.json").read_bytes() == before


def test_every_part_of_a_resumed_run_is_described(tiny, tmp_path, monkeypatch, capfd):
    run(*tiny, "--run-dir", tmp_path, "--policy", "random", "--episodes", 1)
    monkeypatch.setattr("settings.machine._processor", lambda: "abacus")
    run("--resume", "--run-dir", tmp_path, "--episodes", 2)
    described = json.loads((tmp_path / "run.json").read_text())
    (part,) = described["resumed"]
    assert part["processor"] == "abacus" != described["processor"]
    assert part["command_line"].startswith("python main.py --resume --run-dir")
    assert set(part) == {
        "python",
        "packages",
        "processor",
        "cores",
        "git_commit",
        "git_modified",
        "command_line",
        "start",
    }
    assert set(part) < set(described)
    capfd.readouterr()


def test_settings_of_the_environment_that_change_numbers_are_compared(tiny, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    run(*tiny, "--run-dir", tmp_path, "--policy", "random", "--episodes", 1)
    assert json.loads((tmp_path / "run.json").read_text())["environment"]["ONEDNN_MAX_CPU_ISA"] == "SSE41"
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA")
    again = ("--resume", "--run-dir", tmp_path, "--episodes", 2)
    assert "first: export ONEDNN_MAX_CPU_ISA='SSE41'" in refuse(capfd, *again)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math")
    assert "first: unset XLA_FLAGS" in refuse(capfd, *again)
    monkeypatch.delenv("XLA_FLAGS")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # our own --threads counts
    run(*again)
