"""Reads the CSV files of a run."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from runs.packed import is_packed, read_packed_table
from settings.errors import UsageError, first_line

# The columns that figures and reports need; a run writes more.
COLUMNS = {
    "rounds.csv": ["seed", "episode", "round", "node", "previous_node", "accuracy", "goal"],
    "episodes.csv": ["seed", "episode", "rounds", "episode_return", "communication_cost", "reached_goal", "goal"],
    "nodes.csv": ["node"],
    "distances.csv": ["node"],
    "node_models.csv": ["node", "main_class", "component_1", "component_2", "explained_1", "explained_2"],
}
IN_EVERY_TABLE = ["policy", "split", "dataset"]


def read_text(run_dir: Path, name: str) -> str:
    """Reads a CSV file of a run, packed or not, as text; raises UsageError where it is missing or cannot be read."""
    path = run_dir / name
    try:
        return read_packed_table(run_dir, name) if is_packed(run_dir) else path.read_text()
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist; give the folder of a run of main.py") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read ({first_line(error)})") from error


def read_table(run_dir: Path, name: str) -> pd.DataFrame:
    """Reads a CSV file of a run, packed or not, without a last line that an interruption cut short.

    Raises UsageError where it is missing, empty or not what a run writes.
    """
    path, text = Path(run_dir) / name, read_text(Path(run_dir), name)
    try:
        table = pd.read_csv(io.StringIO(text[: text.rfind("\n") + 1]))
    except ValueError as error:
        raise UsageError(f"{path} cannot be read ({first_line(error)})") from error
    if table.empty:
        raise UsageError(f"{path} holds no finished row yet; wait for the run's first episode")
    lacking = [column for column in COLUMNS.get(name, []) + IN_EVERY_TABLE if column not in table]
    if lacking:
        raise UsageError(f"{path} lacks the column {lacking[0]}; it is not of a run of main.py")
    return table


@contextlib.contextmanager
def only_tables_of_runs() -> Iterator[None]:
    """Raises UsageError where tables that were edited hold what no run writes, such as text among numbers."""
    try:
        yield
    except (UsageError, OSError, MemoryError):
        raise
    except Exception as error:  # pandas and Matplotlib raise two dozen different errors
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UsageError(f"the tables differ from those that a run writes ({reason}); restore the originals") from error
