"""Where a run lives: its folder, the description of how it was made, the checkpoint it resumes from."""

import argparse
import contextlib
import dataclasses
import datetime
import importlib.metadata
import io
import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import numpy as np

from config import Config, UsageError, flag

if TYPE_CHECKING:
    from data import NamedData

RUNS = Path("results/runs")
TABLES = ("rounds.csv", "episodes.csv", "nodes.csv", "distances.csv", "node_models.csv", "transfers.csv")
DESCRIPTION = "run.json"
CHECKPOINT = "checkpoint.npz"
NOT_FINITE = "not_finite_round.npz"
AGENT = "agent.npz"
LOCK = ".lock"
PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "matplotlib",
    "scikit-learn",
    "scipy",
    "gymnasium",
    "rich",
    "filelock",
)
FREE_ON_RESUME = ("episodes", "data_path", "figure_every")  # what a resumed run may have otherwise


def new_folder(config: Config, dataset: "NamedData") -> Path:
    """Returns the name of a folder under results/runs that is not there yet."""
    name = f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{config.policy}-{dataset.name}-seed{config.seed}"
    number, folder = 1, RUNS / name
    while folder.exists():
        number += 1
        folder = RUNS / f"{name}-{number}"
    return folder


def holds_run(folder: Path) -> bool:
    """Tells whether the folder has any file of a run."""
    return any((folder / name).exists() for name in (*TABLES, DESCRIPTION, CHECKPOINT))


def check_options(folder: Path | None, resume: bool, overwrite: bool):
    """Raises UsageError where what is asked for does not fit what the folder, if one is named, holds."""
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other; choose one")
    if (resume or overwrite) and not folder:
        raise UsageError("--resume and --overwrite need --run-dir, the folder of the run they are for")
    if folder and holds_run(folder) and not (resume or overwrite):
        raise UsageError(f"{folder} holds a run; add --resume or --overwrite, or choose another --run-dir")


def resume_hint(options: argparse.Namespace) -> str:
    """Returns how to go on after an interruption of the run with main.py's options."""
    if not options.run_dir or not (options.run_dir / DESCRIPTION).exists():
        return "start again"
    command = ["python", "main.py", "--resume", "--run-dir", str(options.run_dir)]
    return f"go on with: {shlex.join(command + ['--engine', 'ray'] * (options.engine == 'ray'))}"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder and keeps it for this process; raises UsageError where another one runs in it.

    The system gives a lock up when its process ends, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise UsageError(f"another process is running in {folder}; wait for it or choose another --run-dir") from error
    try:
        yield
    finally:
        lock.release()


def clear(folder: Path):
    """Removes the files of an earlier run, and nothing else."""
    for name in (*TABLES, DESCRIPTION, CHECKPOINT, NOT_FINITE, AGENT):
        (folder / name).unlink(missing_ok=True)
    for name in ("figures", "tensorboard"):
        shutil.rmtree(folder / name, ignore_errors=True)


def write_atomically(path: Path, content: bytes):
    """Writes bytes so that `path` holds either its old content or all of the new, whenever the power goes."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:  # such as a full disk, on which half a file is of no use
        temporary.unlink(missing_ok=True)
        raise
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def read_description(folder: Path) -> dict:
    """Returns what run.json says, its configuration as a Config; raises UsageError where there is none to read."""
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text())
        if lacking := {"preset", "dataset", "dataset_sha256", "resumed", "end"} - set(description):
            raise ValueError(f"it lacks {min(lacking)}")
        return description | {"config": Config(**description["config"])}
    except FileNotFoundError as error:
        raise UsageError(f"{folder} holds no run to resume; check --run-dir") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged or of another version ({error}); run it anew") from error


def write_description(folder: Path, description: dict):
    """Writes run.json from a dict whose configuration is a Config."""
    plain = description | {"config": dataclasses.asdict(description["config"])}
    write_atomically(folder / DESCRIPTION, json.dumps(plain, indent=2).encode() + b"\n")


def describe(config: Config, dataset: "NamedData", options: argparse.Namespace) -> dict:
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


def machine() -> dict:
    """Returns on what a number was measured: versions, processor, cores."""
    return {
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def redescribe(folder: Path, config: Config, dataset: "NamedData") -> dict:
    """Returns the description of a run that is resumed now; raises UsageError where `config` or the data differ."""
    description = read_description(folder)
    then, present = fixed_settings(description["config"]), fixed_settings(config)
    differing = [key for key in then if then[key] != present[key]]
    if differing:
        changes = ", ".join(f"{flag(key)} {then[key]} (now {present[key]})" for key in differing)
        raise UsageError(f"{folder} was started with {changes}; resume it with that, or start another run")
    if description["dataset_sha256"] != dataset.sha256():
        raise UsageError(f"{folder} was started on other data ({description['dataset']}); give the same --data-path")
    description["resumed"].append(now())
    return description | {"config": config, "end": None}


def write_checkpoint(
    folder: Path,
    config: Config,
    episode: int,
    sizes: dict[str, int],
    policy_state: Mapping[str, np.ndarray | np.generic],
):
    """Makes an episode permanent: its number, the sizes of the CSV files (bytes by name) and the policy's arrays."""
    arrays = {f"policy_{key}": value for key, value in policy_state.items()}
    arrays |= {"settings": json.dumps(fixed_settings(config)), "episode": episode, "sizes": json.dumps(sizes)}
    write_arrays(folder / CHECKPOINT, arrays)


def read_checkpoint(folder: Path, config: Config) -> tuple[int, dict[str, int], dict[str, np.ndarray] | None]:
    """Returns (last episode done, sizes of the CSV files, the policy's arrays); before any was written (.., {}, None).

    Raises UsageError where it cannot be read, is of another run, or has more episodes than are wanted.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        if logged_episodes(folder) > 1:  # a run is killed before its first checkpoint with at most one
            raise UsageError(
                f"{folder} has episodes but no {CHECKPOINT}; put that back, or start anew with --overwrite"
            )
        return config.first_episode - 1, {}, None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            state = {key.removeprefix("policy_"): arrays[key] for key in arrays if key.startswith("policy_")}
            episode, sizes = int(arrays["episode"]), json.loads(str(arrays["sizes"]))
            settings = json.loads(str(arrays["settings"]))
    except Exception as error:  # a damaged zip file raises a dozen different errors
        raise UsageError(f"{path} is damaged ({error}); start again with --overwrite") from error
    if fixed_settings(config) | settings != fixed_settings(config):  # one that is new since then has its default
        raise UsageError(f"{path} is of a run with other settings; put its own back, or start again with --overwrite")
    if config.episodes < episode:
        raise UsageError(f"{folder} has {episode} episodes already; --episodes must be at least that")
    return episode, sizes, state


def logged_episodes(folder: Path) -> int:
    """Returns how many episodes episodes.csv holds."""
    path = folder / "episodes.csv"
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def fixed_settings(config: Config) -> dict[str, str | float]:
    """Returns what must not change when a run is resumed, as a dict."""
    return {key: value for key, value in dataclasses.asdict(config).items() if key not in FREE_ON_RESUME}


def write_arrays(path: Path, arrays: dict):
    """Writes a dict of arrays as an .npz file, atomically."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_atomically(path, content.getvalue())


def now() -> str:
    """Returns the present time, in UTC, as text."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _processor() -> str:
    """Returns the processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _git(*arguments: str) -> str | None:
    """Returns what git says of this project's folder, None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
