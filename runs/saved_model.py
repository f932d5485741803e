"""Keeps the travelling model of an episode's end in the run's folder, as a file that plain Keras loads."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from runs.folder import BEST_MODEL, MODELS, write_atomically
from runs.records import EpisodeRecord
from settings.errors import UsageError

if TYPE_CHECKING:
    from environment import HomogeneousLearningEnv


class SavedModel:
    """The file that `--save-model` names, if it names one: the model of the best episode, or of the last one.

    The best episode is the one that reached the goal in the fewest rounds; of equal ones that of the higher accuracy,
    then the earlier one. A resumed run finds it in episodes.csv, so that an interruption changes nothing.
    """

    def __init__(self, config: Config, folder: Path, episodes: str):
        """Reads the `episodes` that are logged, the text of episodes.csv.

        Raises UsageError where the model of one of them has to be in the file, and the file is gone.
        """
        self.path = folder / config.save_model if config.save_model in MODELS else None
        self.only_best = config.save_model == BEST_MODEL
        self.kept = None  # (rounds, -accuracy, episode) of the model in the file
        if not self.path:
            return
        for row in csv.DictReader(episodes.splitlines()):
            found = int(row["rounds"]), -float(row["final_accuracy"]), int(row["episode"])
            self._choose(found, row["reached_goal"] == "True")
        if self.kept and not self.path.exists():
            raise UsageError(f"{self.path}, of episode {self.kept[2]}, is gone; put it back, or --overwrite")

    def _choose(self, found: tuple[int, float, int], reached_goal: bool) -> bool:
        """Tells whether the model of this episode is the one to keep, and notes it if so."""
        chosen = not self.only_best or (reached_goal and (self.kept is None or found < self.kept))
        if chosen:
            self.kept = found
        return chosen

    def episode(self, record: EpisodeRecord, environment: "HomogeneousLearningEnv"):
        """Writes the model of an episode that has just ended, if it is the one to keep."""
        found = record.rounds, -record.final_accuracy, record.episode
        if self.path and self._choose(found, record.reached_goal):
            write_atomically(self.path, environment.nodes.model_file(environment.weights))

    def describe(self) -> str:
        """Returns which model the file holds, as text; empty where none was asked for."""
        if not self.path:
            return ""
        if not self.kept:
            return f"There is no {self.path.name}: no episode reached the goal."
        rounds, accuracy, episode = self.kept
        return f"{self.path.name}: the model of episode {episode}, after {rounds} rounds, accuracy {-accuracy:.4f}"
