"""What is logged: the metrics of a round and of an episode, and how they get into the run's folder."""

import argparse
import csv
import dataclasses
import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from policies.rules import Policy
from runs.checkpoint import Extent, read_checkpoint, write_checkpoint
from runs.description import describe, now, redescribe, write_description
from runs.folder import (
    AGENT,
    EVENTS,
    EVENTS_SUFFIX,
    clear,
    remove_leftovers,
    synchronise,
    write_arrays,
    write_atomically,
)
from settings.errors import UsageError

if TYPE_CHECKING:
    from environment import HomogeneousLearningEnv
    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes


@dataclasses.dataclass(frozen=True)
class Metric:
    """One logged number: its CSV column, how the screen shows it (empty: not), whether TensorBoard gets it, its form in
    the CSV file (empty: all digits), and for an episode's of which rounds' number it is the sum."""

    name: str
    show: str = ""
    scalar: bool = False
    form: str = ""
    sum_of: str = ""


WHOSE = tuple(map(Metric, ("policy", "split", "dataset", "goal", "evaluation", "learner", "learner_variant")))
ROUND_METRICS = (
    Metric("seed"),
    Metric("episode"),
    Metric("round", "round {}"),
    Metric("node"),
    Metric("previous_node"),
    Metric("distance", scalar=True),
    Metric("accuracy", "accuracy {:.3f}", scalar=True),
    Metric("reward", scalar=True),
    Metric("epsilon"),
    Metric("greedy"),
    Metric("done"),
    Metric("train_seconds", form=".4f"),
    Metric("evaluate_seconds", form=".4f"),
    Metric("round_seconds", scalar=True, form=".4f"),
    Metric("loss", scalar=True),
    Metric("bytes_sent"),
    Metric("gradient_steps"),
    Metric("unreachable"),
    *WHOSE,
)
EPISODE_METRICS = (
    Metric("seed"),
    Metric("episode"),
    Metric("rounds", "rounds {}", scalar=True),
    Metric("episode_return", "return {:.2f}", scalar=True, sum_of="reward"),
    Metric("communication_cost", "cost {:.3f}", scalar=True, sum_of="distance"),
    Metric("final_accuracy", "accuracy {:.3f}", scalar=True),
    Metric("reached_goal", "goal reached {}", scalar=True),
    Metric("epsilon", "epsilon {:.3f}", scalar=True),
    Metric("loss", scalar=True),
    Metric("seconds", "{:.1f} s", scalar=True, form=".3f"),
    Metric("bytes_sent", scalar=True, sum_of="bytes_sent"),
    Metric("gradient_steps", scalar=True, sum_of="gradient_steps"),
    Metric("failed_attempts", scalar=True, sum_of="failed_attempts"),
    Metric("ended"),
    *WHOSE,
)
# What nodes in processes of their own sent each other, beside what is modelled.
TRANSFER_METRICS = tuple(map(Metric, ("seed", "episode", "round", "distance", "bytes_sent", "bytes_moved"))) + WHOSE
SUMS = {metric.name: metric.sum_of for metric in EPISODE_METRICS if metric.sum_of}


def shown(metrics: tuple[Metric, ...], row: dict) -> str:
    """Returns the line in which the screen shows a row (a dict by metric name)."""
    return "  ".join(metric.show.format(row[metric.name]) for metric in metrics if metric.show)


class RunLog:
    """Writes one run's folder; rounds and episodes go into it as they happen."""

    def __init__(self, config: Config, nodes: "LocalNodes | RayNodes", options: argparse.Namespace):
        """Starts or goes on with the run in the folder `options.run_dir`, as main.py's options say.

        Raises UsageError where the run to resume differs from this one or is damaged.
        """
        self.config, self.folder = config, options.run_dir
        whose = {metric.name: getattr(config, metric.name) for metric in WHOSE}
        # What was asked for, but for what is really used.
        self._whose = whose | {"dataset": nodes.name, "evaluation": nodes.evaluation}
        self.episodes_done, extents, self.policy_state = config.first_episode - 1, {}, None
        tables = {"rounds.csv": ROUND_METRICS, "episodes.csv": EPISODE_METRICS}
        if options.engine == "ray":
            tables["transfers.csv"] = TRANSFER_METRICS
        headers = {name: [metric.name for metric in metrics] for name, metrics in tables.items()}
        if options.resume:
            self.description = redescribe(self.folder, config, nodes, options)
            self.episodes_done, extents, self.policy_state = read_checkpoint(self.folder, config)
            for name, extent in extents.items():  # all of them before any is changed
                extent.check(self.folder / name, headers[name])
        else:
            if options.overwrite:
                clear(self.folder)
            self.description = describe(config, nodes, options)
        remove_leftovers(self.folder)
        write_description(self.folder, self.description)
        self._files, self._digests = {}, {}
        for name, header in headers.items():
            self._open(name, header, extents.get(name))
        self._tensorboard = None
        if options.tensorboard:
            import tensorflow as tf

            try:
                folder = str(self.folder / EVENTS)
                self._tensorboard = tf.summary.create_file_writer(folder, filename_suffix=EVENTS_SUFFIX)
            except tf.errors.OpError as error:
                reason = error.message.splitlines()[0]
                raise UsageError(
                    f"{folder} cannot take TensorBoard events ({reason}); leave out --tensorboard"
                ) from error

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
    def round(self, row: dict):
        """Appends a round, a dict by metric name where nodes are tuples; several nodes are joined by +."""
        row = row | {key: "+".join(map(str, row[key])) for key in ("node", "unreachable")}
        step = (row["episode"] - 1) * self.config.round_limit + row["round"]
        self._append("rounds.csv", ROUND_METRICS, row, "round", step)
        if "transfers.csv" in self._files:
            self._append("transfers.csv", TRANSFER_METRICS, row, "transfer", step)

    def episode(self, row: dict):
        """Appends an episode, a dict by metric name."""
        self._append("episodes.csv", EPISODE_METRICS, row, "episode", row["episode"])

    def _append(self, name: str, metrics: tuple[Metric, ...], row: dict, scope: str, step: int):
        """Writes one line at once; a value that is not there (NaN) is left empty."""
        row = row | self._whose
        row = {metric.name: row[metric.name] for metric in metrics if row[metric.name] == row[metric.name]}  # no NaN
        text = io.StringIO()
        values = [format(row[metric.name], metric.form) if metric.name in row else "" for metric in metrics]
        csv.writer(text, lineterminator="\n").writerow(values)
        data = text.getvalue().encode()
        self._digests[name].update(data)
        while data:
            data = data[self._files[name].write(data) :]
        if self._tensorboard:
            import tensorflow as tf

            with self._tensorboard.as_default(step):
                for metric in metrics:
                    if metric.scalar and metric.name in row:
                        tf.summary.scalar(f"{scope}/{metric.name}", float(row[metric.name]))

    def checkpoint(self, episode: int, policy: Policy):
        """Makes everything up to `episode` permanent: first the rows, then what a resumed run continues from."""
        if self._tensorboard:
            self._tensorboard.flush()
        extents = {}
        for name, file in self._files.items():
            synchronise(file.fileno())
            extents[name] = Extent(file.tell(), self._digests[name].hexdigest())
        write_checkpoint(self.folder, self.config, episode, extents, policy.state())

    def nodes(self, environment: "HomogeneousLearningEnv"):
        """Writes what distinguishes the nodes: label counts and distances."""
        counts = environment.nodes.label_counts()
        classes, whose = counts.argmax(1), list(self._whose.values())
        rows = [[node, classes[node], *counts[node], *whose] for node in range(len(counts))]
        header = ["node", "main_class", *(f"label_{label}" for label in range(counts.shape[1])), *self._whose]
        _write_table(self.folder / "nodes.csv", header, rows)
        rows = [[node, *row.tolist(), *whose] for node, row in enumerate(environment.distances)]
        _write_table(self.folder / "distances.csv", ["node", *range(len(rows)), *self._whose], rows)

    def node_models(self, nodes: "LocalNodes | RayNodes", models: int = 50):
        """Lets the nodes train about `models` models from a common one and writes their principal components.

        Does nothing where they are written already, as they never change. Ends the nodes' episode, since they start
        from fresh optimizer states.
        """
        if (self.folder / "node_models.csv").exists():
            return
        classes, whose = nodes.label_counts().argmax(1), list(self._whose.values())
        trained, (scores, explained) = nodes.node_models(max(1, models // len(classes)))
        places = zip(trained, scores.tolist(), strict=False)  # there are none where training went wrong
        rows = [[node, classes[node], *place, *explained.tolist(), *whose] for node, place in places]
        header = ["node", "main_class", "component_1", "component_2", "explained_1", "explained_2", *self._whose]
        _write_table(self.folder / "node_models.csv", header, rows)

    def finish(self, policy: Policy | None = None):
        """Notes the end time, closes the files, and keeps what a policy has learned."""
        if policy and (agent := policy.agent()):
            write_arrays(self.folder / AGENT, agent)
        write_description(self.folder, self.description | {"end": now()})
        for file in self._files.values():
            file.close()


def _write_table(path: Path, header: list, rows: list[list]):
    """Writes a whole CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_atomically(path, text.getvalue().encode())
