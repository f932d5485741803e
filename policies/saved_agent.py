"""Reads the agents that runs saved."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from config import Config
from settings.declare import flag, to_text
from settings.errors import UsageError

GONE = ("--observation pca ", "--agent-network dense ")  # in files of earlier versions; there is no other way now


def kind(config: Config, names: Sequence[str]) -> str:
    """Returns what another agent must have in common with this one to be of use to it, these settings as flags."""
    return " ".join(f"{flag(name)} {to_text(getattr(config, name))}" for name in names)


def read_agent(config: Config, names: Sequence[str], arrays: Sequence[str]) -> list[np.ndarray]:
    """Returns these arrays of the file that `--load-agent` names.

    Raises UsageError where it is no agent, or the `names` settings of its run differ from those of this one.
    """
    try:
        with np.load(Path(config.load_agent).expanduser(), allow_pickle=False) as saved:
            theirs = str(saved["kind"])
            for default in GONE:
                theirs = theirs.replace(default, "")
            found = [saved[name] for name in arrays] if theirs == kind(config, names) else []
    except OSError as error:
        raise UsageError(
            f"--load-agent {config.load_agent} cannot be read ({error}); give a run's agent.npz"
        ) from error
    except Exception as error:  # another kind of file raises a dozen different errors
        raise UsageError(f"--load-agent {config.load_agent} is no agent of a run; give a run's agent.npz") from error
    if not found:
        raise UsageError(
            f"--load-agent {config.load_agent} needs {theirs}, as its run had; this one has {kind(config, names)}"
        )
    return found
