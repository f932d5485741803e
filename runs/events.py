"""Writes what TensorBoard shows of a run: its records, settings, final numbers and figures."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorboard.plugins.hparams import api

from config import Config
from runs.folder import EVENTS, EVENTS_SUFFIX, figure_paths
from runs.records import WINDOW, EpisodeRecord, Record, columns, scalars
from runs.tables import read_table
from settings.errors import UsageError

FINAL = [name for name, about in columns(EpisodeRecord).items() if about["tensorboard"] and name != "loss"]


class Events:
    """Writes one run's TensorBoard events."""

    def __init__(self, folder: Path, config: Config, dataset: str, episode: int):
        """Starts a file of events in a run's folder, after this many episodes, and writes the settings.

        Raises UsageError where it cannot be written.
        """
        self.folder, self._episode = folder, episode
        try:
            self._writer = tf.summary.create_file_writer(str(folder / EVENTS), filename_suffix=EVENTS_SUFFIX)
        except tf.errors.OpError as error:
            reason = error.message.splitlines()[0]
            raise UsageError(
                f"{folder / EVENTS} cannot take TensorBoard events ({reason}); leave out --tensorboard"
            ) from error
        settings = config.as_text() | {"dataset": dataset}
        metrics = [api.Metric(f"final/{name}", display_name=name.replace("_", " ")) for name in FINAL]
        with self._writer.as_default(episode):
            api.hparams_config(hparams=[api.HParam(name) for name in settings], metrics=metrics)
            api.hparams(settings, trial_id=folder.resolve().name)

    @contextlib.contextmanager
    def _as_default(self, step: int) -> Iterator[None]:
        """Takes what is written for this file and step; raises OSError where the disk does not take it."""
        try:
            with self._writer.as_default(step):
                yield
        except tf.errors.OpError as error:  # ResourceExhaustedError for a full disk, as for memory
            reason = error.message.splitlines()[0]
            raise OSError(f"{self.folder / EVENTS} cannot take TensorBoard events ({reason})") from error

    def record(self, record: Record, scope: str, step: int):
        """Writes the values of a record, as `scope`/column."""
        if isinstance(record, EpisodeRecord):
            self._episode = step
        with self._as_default(step):
            for column, value in scalars(record).items():
                tf.summary.scalar(f"{scope}/{column}", value)

    def flush(self):
        """Makes what is written so far visible to TensorBoard."""
        with self._as_default(self._episode):
            self._writer.flush()

    def final(self):
        """Writes the means over the last episodes of a run."""
        last = read_table(self.folder, "episodes.csv").tail(WINDOW)
        with self._as_default(self._episode):
            for name in FINAL:
                tf.summary.scalar(f"final/{name}", float(last[name].mean()))
        self.flush()

    def figures(self):
        """Writes the figures that have been drawn, as images; leaves out a file that is damaged."""
        drawn = [path for path in figure_paths(self.folder) if path.suffix == ".png" and path.exists()]
        with self._as_default(self._episode):
            for path in sorted(drawn):
                with contextlib.suppress(tf.errors.InvalidArgumentError):
                    image = tf.io.decode_png(path.read_bytes(), channels=3)
                    tf.summary.image(f"figures/{path.stem}", image[tf.newaxis])
        self.flush()
