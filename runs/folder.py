"""Manages the folder of a run: file names, lock and atomic writes."""

import argparse
import contextlib
import datetime
import errno
import io
import json
import os
import re
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import numpy as np

from config import Config
from runs.command_line import command_of
from settings.errors import UsageError

if TYPE_CHECKING:
    from data import NamedData

RUNS = Path("results/runs")
TABLES = ("rounds.csv", "episodes.csv", "nodes.csv", "distances.csv", "node_models.csv", "transfers.csv")
DESCRIPTION = "run.json"
CHECKPOINT = "checkpoint.npz"
AGENT = "agent.npz"
BEST_MODEL = "best.keras"
MODELS = (BEST_MODEL, "last.keras")  # the file that --save-model names
LOCK = ".lock"
HOLDER = ".lock.holder"  # tells who has the lock
# By a run, in its folder; the last by runs of earlier versions alone.
WRITTEN = (*TABLES, DESCRIPTION, CHECKPOINT, AGENT, *MODELS, "not_finite_round.npz")
FIGURES, EVENTS = "figures", "tensorboard"  # folders in it
FIGURE_NAMES = (
    "episode_return",
    "rounds_to_goal",
    "communication_cost",
    "accuracy_over_rounds",
    "nodes",
    "routes",
    "node_models",
)
EVENTS_SUFFIX = ".homogeneous-learning"  # of the TensorBoard events that a run wrote


def new_folder(config: Config, dataset: "NamedData") -> Path:
    """Makes a folder under results/runs for a run; returns it."""
    name = f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{config.policy}-{dataset.name}-seed{config.seed}".replace(":", ".")
    number, folder = 1, RUNS / name
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:  # two runs may begin in the same second
            number += 1
            folder = RUNS / f"{name}-{number}"


def holds_run(folder: Path) -> bool:
    """Tells whether the folder holds a run: a run.json that one wrote, or a damaged one beside a run's tables."""
    path = folder / DESCRIPTION
    if not path.is_file():
        return False
    try:
        return {"config", "dataset_sha256"} <= set(json.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError, TypeError, RecursionError):
        return (folder / "rounds.csv").exists()


def foreign_files(folder: Path) -> list[Path]:
    """Returns the files of a folder without a run that a run would replace."""
    paths = [folder / name for name in WRITTEN]
    if (folder / FIGURES).exists():
        paths += figure_paths(folder)
    return [path for path in paths if path.exists()]


def figure_paths(folder: Path) -> list[Path]:
    """Returns the names of all figures that a run draws."""
    return [folder / FIGURES / f"{name}.{suffix}" for name in FIGURE_NAMES for suffix in ("png", "pdf")]


def resume_hint(options: argparse.Namespace) -> str:
    """Returns how to go on after an interruption of the run with main.py's options."""
    if not (options.begun or (options.run_dir and options.resume)):
        return "start again"
    flags = ["--resume", "--run-dir", str(options.run_dir)]
    if options.engine == "ray":
        flags += ["--engine", "ray", *(["--ray-address", options.ray_address] if options.ray_address else [])]
        flags += ["--ray-actors", str(options.ray_actors)] if options.ray_actors else []
    flags += ["--like", str(options.like)] if options.like else []
    return f"go on with: {command_of('main.py', *flags, *['--tensorboard'] * options.tensorboard)}"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder and keeps it for this process; raises UsageError where another one runs in it.

    The system gives a lock up when its process ends, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / HOLDER
    with lock(folder / LOCK, lambda: f"another process is running in {folder} ({_read_holder(holder)})"):
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)


def _read_holder(path: Path) -> str:
    """Returns which process has a folder, as far as it told."""
    with contextlib.suppress(OSError):
        return path.read_text().strip() or "unknown"
    return "unknown"


@contextlib.contextmanager
def lock(path: Path, busy: Callable[[], str] | None = None) -> Iterator[None]:
    """Keeps a lock file, waiting for it, or with `busy`, which returns who has it, raising UsageError at once.

    Raises UsageError where the file system has no locks.
    """
    file_lock = filelock.FileLock(path, blocking=busy is None)
    try:
        file_lock.acquire()
    except filelock.Timeout as error:
        raise UsageError(
            f"{busy()}; wait for it or choose another folder; if it has ended on another machine, remove {path}"
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise
        reason = f"{path} cannot be locked ({error.strerror})"
        raise UsageError(f"{reason}; choose a folder on another file system") from error
    try:
        yield
    finally:
        file_lock.release()


def clear(folder: Path):
    """Removes the files of the run that the folder holds, and nothing else.

    Raises UsageError, before it removes any, where a file has the name of a folder of the run.
    """
    for name in (FIGURES, EVENTS):
        if (folder / name).exists() and not (folder / name).is_dir():
            raise UsageError(f"{folder / name} is no folder; move it away or choose another --run-dir")
    remove_leftovers(folder)
    events = (folder / EVENTS).glob(f"events.out.tfevents.*{EVENTS_SUFFIX}")
    tables = [folder / name for name in WRITTEN if name != DESCRIPTION]
    # The description goes last: as long as it is there, the folder holds a run that `--overwrite` may remove.
    for path in (*tables, *figure_paths(folder), *events, folder / DESCRIPTION):
        path.unlink(missing_ok=True)
    for name in (FIGURES, EVENTS):
        with contextlib.suppress(OSError):  # holds files of somebody else, or is not there
            (folder / name).rmdir()


def remove_leftovers(folder: Path):
    """Removes what a killed process of a run left of the files that it was writing."""
    figures = figure_paths(folder) if (folder / FIGURES).is_dir() else []
    for written in (*(folder / name for name in WRITTEN), *figures):
        for path in written.parent.glob(f"{written.name}.*.tmp"):
            if re.fullmatch("[0-9a-f]{32}", path.name.removeprefix(f"{written.name}.").removesuffix(".tmp")):
                path.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes):
    """Writes bytes so that `path` holds either its old content or all of the new, whenever the power goes.

    Several processes may write the same file at once: each has a temporary file of its own.
    """
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            synchronise(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # such as a full disk, on which half a file is of no use
        temporary.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # some systems cannot open a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            synchronise(folder)
        finally:
            os.close(folder)


def synchronise(descriptor: int):
    """Waits until a file's content is on the disk; on file systems that have no such call, as some network ones, goes
    on, since the system writes it soon."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise


def write_arrays(path: Path, arrays: dict):
    """Writes a dict of arrays as an .npz file, atomically."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_atomically(path, content.getvalue())


def logged_episodes(folder: Path) -> int:
    """Returns how many episodes episodes.csv holds."""
    path = folder / "episodes.csv"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []  # the last one is not finished yet
    return max(0, sum(bool(line.strip()) for line in lines) - 1)
