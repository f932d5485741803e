"""Where a run lives: its folder, the description of how it was made, the checkpoint it resumes from."""

import dataclasses
import datetime
import importlib.metadata
import io
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np

from config import Config, UsageError, flag

RUNS = Path("results/runs")
TABLES = ("rounds.csv", "episodes.csv", "nodes.csv", "distances.csv", "node_models.csv")
DESCRIPTION = "run.json"
CHECKPOINT = "checkpoint.npz"
PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "scikit-learn", "scipy", "gymnasium", "rich")
FREE_ON_RESUME = ("episodes", "data_path", "figure_every")  # what a resumed run may have otherwise


def new_folder(config, dataset):
    """Returns the name of a folder under results/runs that is not there yet."""
    name = f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{config.policy}-{dataset.name}-seed{config.seed}"
    number, folder = 1, RUNS / name
    while folder.exists():
        number += 1
        folder = RUNS / f"{name}-{number}"
    return folder


def holds_run(folder):
    """Tells whether the folder has any file of a run."""
    return any((folder / name).exists() for name in (*TABLES, DESCRIPTION, CHECKPOINT))


def clear(folder):
    """Removes the files of an earlier run, and nothing else."""
    for name in (*TABLES, DESCRIPTION, CHECKPOINT):
        (folder / name).unlink(missing_ok=True)
    for name in ("figures", "tensorboard"):
        shutil.rmtree(folder / name, ignore_errors=True)


def write_atomically(path, content):
    """Writes bytes so that `path` holds either its old content or all of the new, whenever the power goes."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_description(folder):
    """Returns what run.json says, its configuration as a Config; raises UsageError where there is none to read."""
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text())
        return description | {"config": Config(**description["config"])}
    except FileNotFoundError as error:
        raise UsageError(f"{folder} holds no run to resume; check --run-dir") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged or of another version ({error}); start again with --overwrite") from error


def write_description(folder, description):
    """Writes run.json from a dict whose configuration is a Config."""
    plain = description | {"config": dataclasses.asdict(description["config"])}
    write_atomically(folder / DESCRIPTION, json.dumps(plain, indent=2).encode() + b"\n")


def describe(config, dataset, options):
    """Returns what run.json says at the start: configuration, data, versions, machine, commit, command."""
    return {
        "config": config,
        "preset": options.preset or "paper",
        "seed": config.seed,
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256(),
        **machine(),
        "threads": config.threads,
        "git_commit": _git("rev-parse", "HEAD"),
        "git_modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "command_line": options.command_line,
        "start": now(),
        "resumed": [],
        "end": None,
    }


def machine():
    """Returns on what a number was measured: versions, processor, cores."""
    return {
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def redescribe(folder, config, dataset):
    """Returns the description of a run that is resumed now; raises UsageError where `config` or the data differ."""
    description = read_description(folder)
    then, present = dataclasses.asdict(description["config"]), dataclasses.asdict(config)
    differing = [key for key in then if then[key] != present[key] and key not in FREE_ON_RESUME]
    if differing:
        changes = ", ".join(f"{flag(key)} {then[key]} (now {present[key]})" for key in differing)
        raise UsageError(f"{folder} was started with {changes}; resume it with that, or start another run")
    if description["dataset_sha256"] != dataset.sha256():
        raise UsageError(f"{folder} was started on other data ({description['dataset']}); give the same --data-path")
    description["resumed"].append(now())
    return description | {"config": config, "end": None}


def write_checkpoint(folder, episode, sizes, policy_state):
    """Makes an episode permanent: its number, the sizes of the CSV files (bytes by name) and the policy's arrays."""
    arrays = {f"policy_{key}": value for key, value in policy_state.items()}
    content = io.BytesIO()
    np.savez(content, episode=episode, sizes=json.dumps(sizes), **arrays)
    write_atomically(folder / CHECKPOINT, content.getvalue())


def read_checkpoint(folder, config):
    """Returns (episodes done, sizes of the CSV files, the policy's arrays), (0, {}, None) where none was written yet.

    Raises UsageError where it cannot be read or has more episodes than are wanted.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return 0, {}, None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            state = {key.removeprefix("policy_"): arrays[key] for key in arrays if key.startswith("policy_")}
            episode, sizes = int(arrays["episode"]), json.loads(str(arrays["sizes"]))
    except Exception as error:  # a damaged zip file raises a dozen different errors
        raise UsageError(f"{path} is damaged ({error}); start again with --overwrite") from error
    if config.episodes < episode:
        raise UsageError(f"{folder} has {episode} episodes already; --episodes must be at least that")
    return episode, sizes, state


def now():
    """Returns the present time, in UTC, as text."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _processor():
    """Returns the processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _git(*arguments):
    """Returns what git says of this project's folder, None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
