"""Writes and reads what a run resumes from: the last episode, what the CSV files held then, the policy's arrays."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from config import Config
from runs.description import settings_that_must_match
from runs.folder import CHECKPOINT, logged_episodes, write_arrays
from settings.errors import UsageError, first_line


@dataclasses.dataclass(frozen=True)
class Extent:
    """How much of a CSV file a checkpoint vouches for: its first `size` bytes, whose SHA-256 is `sha256`."""

    size: int
    sha256: str

    def check(self, path: Path, header: list[str]) -> list[str]:
        """Returns the columns of the file, which lack those of `header` that came after its version; changes nothing.

        Raises UsageError where the file does not begin with exactly these bytes, or has other columns.
        """
        content = path.read_bytes() if path.exists() else b""
        if len(content) < self.size:
            raise UsageError(f"{path} is shorter than at the checkpoint; put the whole file back, or --overwrite")
        columns = content.decode("utf-8-sig", "replace").split("\n", 1)[0].rstrip("\r").split(",")
        if columns != [name for name in header if name in columns]:
            raise UsageError(f"{path} has other columns, from another version; resume it with that, or --overwrite")
        if hashlib.sha256(content[: self.size]).hexdigest() == self.sha256:
            return columns
        raise UsageError(
            f"{path} was changed since the run wrote it (edited, or saved with other line ends or a byte order mark); "
            "put the original back, or --overwrite"
        )


def write_checkpoint(
    folder: Path,
    config: Config,
    episode: int,
    extents: dict[str, Extent],
    policy_state: Mapping[str, np.ndarray | np.generic],
):
    """Makes an episode permanent: its number, the Extents of the CSV files by name, and the policy's arrays."""
    arrays = {f"policy_{key}": value for key, value in policy_state.items()}
    tables = {name: dataclasses.astuple(extent) for name, extent in extents.items()}
    arrays |= {
        "settings": json.dumps(settings_that_must_match(config)),
        "episode": episode,
        "tables": json.dumps(tables),
    }
    write_arrays(folder / CHECKPOINT, arrays)


def read_checkpoint(folder: Path, config: Config) -> tuple[int, dict[str, Extent], dict[str, np.ndarray] | None]:
    """Returns (last episode done, Extents of the CSV files, the policy's arrays), or (.., {}, None) before the first.

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
            episode, tables = int(arrays["episode"]), json.loads(str(arrays["tables"]))
            settings = json.loads(str(arrays["settings"]))
            extents = {name: Extent(int(size), str(sha256)) for name, (size, sha256) in tables.items()}
    except Exception as error:  # a damaged zip file raises a dozen different errors
        raise UsageError(f"{path} is damaged ({first_line(error)}); start again with --overwrite") from error
    if not _agree(config, settings):
        raise UsageError(f"{path} is of a run with other settings; put its own back, or start again with --overwrite")
    if config.episodes < episode:
        raise UsageError(f"{folder} has {episode} episodes already; --episodes must be at least that")
    return episode, extents, state


def _agree(config: Config, settings: dict[str, str | float]) -> bool:
    """Tells whether a checkpoint's settings are those of `config`; run.json tells of others, new or gone since."""
    known = {name: value for name, value in settings.items() if name in Config.__dataclass_fields__}
    try:
        return dataclasses.replace(config, **known) == config
    except UsageError:  # one that does not fit the others
        return False
