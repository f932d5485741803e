"""Reads and writes run.json: how a run was made, on what, and every part in which it was resumed."""

import argparse
import datetime
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from policies.rules import learns
from runs.folder import DESCRIPTION, write_atomically
from runs.packed import is_packed, read_packed_description
from runs.schemas import RESUMABLE, SCHEMA, read_settings
from settings.declare import flag
from settings.errors import UsageError
from settings.machine import machine, numeric_environment
from settings.names import LEARNING

if TYPE_CHECKING:
    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes

FORM = {"preset": str, "dataset": str, "dataset_sha256": str, "resumed": list, "end": (str, type(None))}  # of run.json
FORM_TO_RESUME = {"engine": str, "environment": dict, "evaluation": str}  # of what a resumed run needs besides
# Settings that a resumed run may change; `evaluation` since the description tells which one was used.
FREE_ON_RESUME = ("episodes", "data_path", "figure_every", "evaluation")
# Settings in which runs of the same experiment may differ.
NOT_SETTINGS = {*FREE_ON_RESUME, "save_model", "seed", "policy", "split", "first_episode", "threads", "route"}


def read_description(folder: Path) -> dict:
    """Returns what run.json says of a run, packed or not, with its configuration as a Config.

    Raises UsageError where it is missing or damaged.
    """
    path, packed = folder / DESCRIPTION, is_packed(folder)
    try:
        description = read_packed_description(folder) if packed else json.loads(path.read_text(encoding="utf-8-sig"))
        _check_form(description, FORM)
        description["schema"] = description.get("schema", 1)
        # Before schema 2 it was the setting alone that told how a run was evaluated.
        description.setdefault("evaluation", description["config"].get("evaluation_dtype"))
        description.setdefault("learns", description["config"].get("policy") in LEARNING)
        return description | {"config": read_settings(description["config"], description["schema"])}
    except FileNotFoundError as error:
        raise UsageError(f"{folder} holds no run; check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError) as error:
        raise UsageError(f"{path} is damaged or of another version ({error}); put it back or run it anew") from error


def _check_form(description: dict, form: dict):
    """Raises ValueError where a key of `form` is missing, or its value is not of the type that stands there."""
    for name, kind in form.items():
        if name not in description:
            raise ValueError(f"it lacks {name}")
        if not isinstance(description[name], kind):
            raise ValueError(f"{name} is {description[name]!r}")


def write_description(folder: Path, description: dict):
    """Writes run.json from a dict whose configuration is a Config."""
    plain = description | {"config": description["config"].as_text()}
    write_atomically(folder / DESCRIPTION, json.dumps(plain, indent=2).encode() + b"\n")


def describe(config: Config, nodes: "LocalNodes | RayNodes", options: argparse.Namespace) -> dict:
    """Returns what run.json says at the start: settings, data, environment, versions, machine, commit, command."""
    return {
        "schema": SCHEMA,
        "config": config,
        "preset": options.preset,
        "seed": config.seed,
        "dataset": nodes.name,
        "dataset_sha256": nodes.sha256(),
        "evaluation": nodes.evaluation,
        "engine": options.engine,
        "learns": learns(config.policy),
        "environment": numeric_environment(),
        "threads": config.threads,
        **part(options),
        "resumed": [],
        "end": None,
    }


def part(options: argparse.Namespace) -> dict:
    """Returns on what, by which code and by which command a run is started or resumed now."""
    return machine() | {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_modified": bool(_git("status", "--porcelain", "--untracked-files=no", ":/", ":(top,exclude)results")),
        "command_line": options.command_line,
        "start": now(),
    }


def redescribe(folder: Path, config: Config, nodes: "LocalNodes | RayNodes", options: argparse.Namespace) -> dict:
    """Reads the description of a run to resume; raises UsageError where what fixes its numbers differs now."""
    description = read_description(folder)
    if description["schema"] < RESUMABLE:
        commit = str(description.get("git_commit"))[:7]
        raise UsageError(f"{folder} is a run of an earlier version (commit {commit}); resume it with that version")
    try:
        _check_form(description, FORM_TO_RESUME)
    except ValueError as error:
        raise UsageError(f"{folder / DESCRIPTION} is damaged ({error}); put it back or run it anew") from error
    then = settings_that_must_match(description["config"]) | {"engine": description["engine"]}
    present = settings_that_must_match(config) | {"engine": options.engine}
    if changes := [f"{flag(key)} {then[key]} (now {present[key]})" for key in then if then[key] != present[key]]:
        raise UsageError(f"{folder} was started with {', '.join(changes)}; resume it with that, or start another run")
    if description["evaluation"] != nodes.evaluation:
        raise UsageError(
            f"{folder} was evaluated by {description['evaluation']}, here it would be by {nodes.evaluation} "
            f"({nodes.evaluation_reason}); resume it with --evaluation {description['evaluation']}"
        )
    if description["dataset_sha256"] != nodes.sha256():
        raise UsageError(f"{folder} was started on other data ({description['dataset']}); give the same --data-path")
    then, present = description["environment"], numeric_environment()
    for name in sorted(set(then) | set(present)):
        if then.get(name) != present.get(name):
            remedy = f"export {name}={then[name]!r}" if name in then else f"unset {name}"
            raise UsageError(f"{folder} was started with another {name}, which can change numbers; first: {remedy}")
    return description | {"schema": SCHEMA, "config": config}


def settings_that_must_match(config: Config) -> dict[str, str | float]:
    """Returns the settings that must not change when a run is resumed, as a dict."""
    return {key: value for key, value in config.as_text().items() if key not in FREE_ON_RESUME}


def now() -> str:
    """Returns the present time, in UTC, as text."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _git(*arguments: str) -> str | None:
    """Returns what git says of this project's folder, None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
