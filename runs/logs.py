"""Writes a run's folder: the records of rounds and episodes, tables of the nodes, checkpoints, the description."""

import argparse
import csv
import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from policies.rules import Policy, read_arrays
from runs.checkpoint import Extent, read_checkpoint, write_checkpoint
from runs.description import describe, now, part, redescribe, write_description
from runs.folder import (
    AGENT,
    clear,
    remove_leftovers,
    synchronise,
    write_arrays,
    write_atomically,
)
from runs.records import RUN_COLUMNS, EpisodeRecord, Record, RoundRecord, TransferRecord, columns, csv_row
from runs.saved_model import SavedModel

if TYPE_CHECKING:
    from environment import HomogeneousLearningEnv
    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes


TRANSFERS = "transfers.csv"
NODE_MODELS = 50


class RunLog:
    """Writes one run's folder; rounds and episodes go into it as they happen."""

    def __init__(self, config: Config, nodes: "LocalNodes | RayNodes", options: argparse.Namespace):
        """Starts or goes on with the run in the folder `options.run_dir`, as main.py's options say.

        Raises UsageError where the run to resume differs from this one or is damaged.
        """
        self.config, self.folder = config, options.run_dir
        # What was asked for, but for what is really used.
        used = {"dataset": nodes.name, "evaluation": nodes.evaluation}
        self.run_columns = {name: getattr(config, name) for name in RUN_COLUMNS} | used
        self.episodes_done, extents, self.policy_state = config.first_episode - 1, {}, None
        tables = {"rounds.csv": RoundRecord, "episodes.csv": EpisodeRecord}
        if options.engine == "ray":
            tables[TRANSFERS] = TransferRecord
        headers = {name: list(columns(kind)) for name, kind in tables.items()}
        if options.resume:
            self.description = redescribe(self.folder, config, nodes, options)
            self.episodes_done, extents, self.policy_state = read_checkpoint(self.folder, config)
            for name, extent in extents.items():  # all of them before any is changed
                headers[name] = extent.check(self.folder / name, headers[name])
            logged = (self.folder / "episodes.csv").read_bytes()[: extents["episodes.csv"].size] if extents else b""
            self.saved_model = SavedModel(config, self.folder, logged.decode())
            if not self.description["end"] or self.episodes_done < config.episodes:  # else nothing is left to run
                self.description |= {"resumed": [*self.description["resumed"], part(options)], "end": None}
        else:
            if options.overwrite:
                clear(self.folder)
            self.description = describe(config, nodes, options)
            self.saved_model = SavedModel(config, self.folder, "")
        remove_leftovers(self.folder)
        write_description(self.folder, self.description)
        self._headers, self._files, self._digests = headers, {}, {}
        for name, header in headers.items():
            self._open(name, header, extents.get(name))
        self._events = None
        if options.tensorboard:
            from runs.events import Events  # TensorBoard and pandas are slow to import

            self._events = Events(self.folder, config, nodes.name, self.episodes_done)

    def _open(self, name: str, header: list[str], extent: Extent | None):
        """Opens a CSV file for appending, cut to the checkpoint's Extent of it; a new one gets its header."""
        path = self.folder / name
        if extent:
            os.truncate(path, extent.size)
        else:
            _write_table(path, header, [])
        self._digests[name] = hashlib.sha256(path.read_bytes())
        # Without a buffer: what a full disk does not take must not be tried again at the end.
        self._files[name] = path.open("ab", buffering=0)

    # Deviation D8: the authors' code saves only returns and accuracies, every 20 episodes.
    def round(self, record: RoundRecord, bytes_moved: int):
        """Appends a round, in which `bytes_moved` bytes of weights went from one process to another."""
        step = (record.episode - 1) * self.config.round_limit + record.round
        self._append("rounds.csv", record, "round", step)
        if TRANSFERS in self._files:
            modelled = {name: getattr(record, name) for name in columns(TransferRecord) if name != "bytes_moved"}
            self._append(TRANSFERS, TransferRecord(**modelled, bytes_moved=bytes_moved), "transfer", step)

    def episode(self, record: EpisodeRecord):
        """Appends an episode."""
        self._append("episodes.csv", record, "episode", record.episode)

    def _append(self, name: str, record: Record, scope: str, step: int):
        """Writes one line at once."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(csv_row(record, self._headers[name]))
        data = text.getvalue().encode()
        self._digests[name].update(data)
        while data:
            data = data[self._files[name].write(data) :]
        if self._events:
            self._events.record(record, scope, step)

    def checkpoint(self, episode: int, policy: Policy):
        """Makes everything up to `episode` permanent: first the rows, then what a resumed run continues from."""
        if self._events:
            self._events.flush()
        extents = {}
        for name, file in self._files.items():
            synchronise(file.fileno())
            extents[name] = Extent(file.tell(), self._digests[name].hexdigest())
        write_checkpoint(self.folder, self.config, episode, extents, read_arrays(policy.state(), "state", self.config))

    def nodes(self, environment: "HomogeneousLearningEnv"):
        """Writes what distinguishes the nodes: label counts and distances."""
        counts = environment.nodes.label_counts()
        classes, of_run = counts.argmax(1), list(self.run_columns.values())
        rows = [[node, classes[node], *counts[node], *of_run] for node in range(len(counts))]
        header = ["node", "main_class", *(f"label_{label}" for label in range(counts.shape[1])), *self.run_columns]
        _write_table(self.folder / "nodes.csv", header, rows)
        rows = [[node, *row.tolist(), *of_run] for node, row in enumerate(environment.distances)]
        _write_table(self.folder / "distances.csv", ["node", *range(len(rows)), *self.run_columns], rows)

    def node_models(self, nodes: "LocalNodes | RayNodes"):
        """Lets the nodes train about NODE_MODELS models from a common one and writes their principal components.

        Does nothing where they are written already, as they never change. Ends the nodes' episode, since they start
        from fresh optimizer states.
        """
        if (self.folder / "node_models.csv").exists():
            return
        classes, of_run = nodes.label_counts().argmax(1), list(self.run_columns.values())
        trained, (scores, explained) = nodes.node_models(max(1, NODE_MODELS // len(classes)))
        places = zip(trained, scores.tolist(), strict=False)  # there are none where training went wrong
        rows = [[node, classes[node], *place, *explained.tolist(), *of_run] for node, place in places]
        header = ["node", "main_class", "component_1", "component_2", "explained_1", "explained_2", *self.run_columns]
        _write_table(self.folder / "node_models.csv", header, rows)

    def finish(self, policy: Policy | None = None):
        """Keeps what a policy has learned, notes the end time of a run that had not ended yet, and closes the files."""
        if policy and (agent := read_arrays(policy.agent(), "agent", self.config)):
            write_arrays(self.folder / AGENT, agent)
        write_description(self.folder, self.description | {"end": self.description["end"] or now()})
        for file in self._files.values():
            file.close()
        if self._events:
            self._events.final()

    def figures(self):
        """Shows the figures that have been drawn on TensorBoard, if events are written."""
        if self._events:
            self._events.figures()


def _write_table(path: Path, header: list, rows: list[list]):
    """Writes a whole CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_atomically(path, text.getvalue().encode())
