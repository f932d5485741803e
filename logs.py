"""What a run leaves behind: its folder of CSV files, its description and the checkpoint it resumes from."""

import csv
import dataclasses
import datetime
import importlib.metadata
import io
import json
import math
import os
import platform
import shutil
import subprocess
from pathlib import Path

import numpy as np

from config import Config, UsageError, flag

RUNS = Path("results/runs")
VERSIONS = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "scikit-learn", "scipy", "gymnasium", "rich")


@dataclasses.dataclass(frozen=True)
class Metric:
    """One logged number: the CSV column, how the screen shows it (not at all: empty), and TensorBoard's interest."""

    name: str
    show: str = ""
    scalar: bool = False


_WHOSE = tuple(map(Metric, ("policy", "split", "dataset", "goal")))
ROUND_METRICS = (
    Metric("seed"),
    Metric("episode"),
    Metric("round", "round {}"),
    Metric("node", "node {}"),
    Metric("previous_node"),
    Metric("distance", scalar=True),
    Metric("accuracy", "accuracy {:.3f}", scalar=True),
    Metric("reward", scalar=True),
    Metric("epsilon"),
    Metric("greedy"),
    Metric("done"),
    Metric("train_seconds"),
    Metric("evaluate_seconds"),
    Metric("round_seconds", scalar=True),
    Metric("loss", scalar=True),
    *_WHOSE,
)
EPISODE_METRICS = (
    Metric("seed"),
    Metric("episode"),
    Metric("rounds", "rounds {}", scalar=True),
    Metric("episode_return", "return {:.2f}", scalar=True),
    Metric("communication_cost", "cost {:.3f}", scalar=True),
    Metric("final_accuracy", "accuracy {:.3f}", scalar=True),
    Metric("reached_goal", "goal reached {}", scalar=True),
    Metric("epsilon", "epsilon {:.3f}", scalar=True),
    Metric("loss", scalar=True),
    Metric("seconds", "{:.1f} s", scalar=True),
    *_WHOSE,
)
FILES = ("rounds.csv", "episodes.csv", "nodes.csv", "distances.csv", "node_models.csv", "run.json", "checkpoint.npz")


def shown(metrics, row):
    """Returns the line in which the screen shows a row (a dict by metric name)."""
    return "  ".join(metric.show.format(row[metric.name]) for metric in metrics if metric.show and metric.name in row)


def write_atomically(path, content):
    """Writes bytes so that `path` holds either its old content or all of the new, whenever the power goes."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_table(path, header, rows):
    """Writes a whole CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_atomically(path, text.getvalue().encode())


def holds_run(run_dir):
    """Tells whether the folder has any file of a run."""
    return any((run_dir / name).exists() for name in FILES)


def stored_config(run_dir):
    """Returns the configuration of the run in `run_dir`; raises UsageError where there is none to read."""
    try:
        return Config(**json.loads((run_dir / "run.json").read_text())["config"])
    except FileNotFoundError as error:
        raise UsageError(f"{run_dir} holds no run to resume; check --run-dir") from error
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise UsageError(f"{run_dir / 'run.json'} is damaged or of another version ({error})") from error


class RunLog:
    """Writes one run's folder; rounds and episodes go into it as they happen."""

    def __init__(self, config, dataset, options):
        """Makes or reopens the folder `options.run_dir` (none: a new one, noted there), as main.py's options say.

        Raises UsageError where the run to resume differs from this one.
        """
        self.config, self.dataset = config, dataset
        options.run_dir = self.folder = options.run_dir or _new_folder(config, dataset)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._whose = {"policy": config.policy, "split": config.split, "dataset": dataset.name, "goal": config.goal}
        self._tensorboard = None
        self.episodes_done, self.policy_state, sizes = 0, None, {}
        if options.resume:
            self.episodes_done, self.policy_state, sizes = self._read_checkpoint()
            self._description = json.loads((self.folder / "run.json").read_text())
            self._description["resumed"].append(_now())
            self._description["config"]["episodes"] = config.episodes
        else:
            if options.overwrite:
                self._clear()
            self._description = describe_run(config, dataset, options)
        self.preset = self._description["preset"]
        self._describe(end=None)
        self._rounds = self._open("rounds.csv", ROUND_METRICS, sizes)
        self._episodes = self._open("episodes.csv", EPISODE_METRICS, sizes)
        if options.tensorboard:
            import tensorflow as tf

            self._tensorboard = tf.summary.create_file_writer(str(self.folder / "tensorboard"))

    def _open(self, name, metrics, sizes):
        """Opens a CSV file for appending, cut to where the checkpoint knows it; a new one gets its header."""
        path = self.folder / name
        if name in sizes:
            if not path.exists() or path.stat().st_size < sizes[name]:
                raise UsageError(f"{path} is shorter than at the checkpoint; put the whole file back, or --overwrite")
            os.truncate(path, sizes[name])
        else:
            write_table(path, [metric.name for metric in metrics], [])
        return open(path, "a", newline="")

    def _clear(self):
        """Removes the files of an earlier run, and nothing else."""
        for name in FILES:
            (self.folder / name).unlink(missing_ok=True)
        for name in ("figures", "tensorboard"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _read_checkpoint(self):
        """Returns (episodes done, the policy's state, sizes of the CSV files); raises UsageError on a misfit."""
        then, now = dataclasses.asdict(stored_config(self.folder)), dataclasses.asdict(self.config)
        differing = [
            key for key in then if then[key] != now[key] and key not in ("episodes", "data_path", "figure_every")
        ]
        if differing:
            changes = ", ".join(f"{flag(key)} {then[key]} (now {now[key]})" for key in differing)
            raise UsageError(f"{self.folder} was started with {changes}; resume it with that, or start another run")
        recorded = json.loads((self.folder / "run.json").read_text())
        if recorded["dataset_sha256"] != self.dataset.sha256():
            raise UsageError(
                f"{self.folder} was started on other data ({recorded['dataset']}); give the same --data-path"
            )
        path = self.folder / "checkpoint.npz"
        if not path.exists():
            return 0, None, {}
        try:
            with np.load(path, allow_pickle=False) as arrays:
                state = {key.removeprefix("policy_"): arrays[key] for key in arrays if key.startswith("policy_")}
                done, sizes = int(arrays["episode"]), json.loads(str(arrays["sizes"]))
        except Exception as error:  # a damaged zip file raises a dozen different errors
            raise UsageError(f"{path} is damaged ({error}); start again with --overwrite") from error
        if self.config.episodes < done:
            raise UsageError(f"{self.folder} has {done} episodes already; --episodes must be at least that")
        return done, state, sizes

    def checkpoint(self, episode, policy):
        """Makes everything up to `episode` permanent: first the rows, then what a resumed run continues from."""
        for file in (self._rounds, self._episodes):
            os.fsync(file.fileno())
        sizes = {name: (self.folder / name).stat().st_size for name in ("rounds.csv", "episodes.csv")}
        arrays = {f"policy_{key}": value for key, value in policy.state().items()}
        content = io.BytesIO()
        np.savez(content, episode=episode, sizes=json.dumps(sizes), **arrays)
        write_atomically(self.folder / "checkpoint.npz", content.getvalue())

    def round(self, row):
        """Appends a round, a dict by metric name."""
        step = (row["episode"] - 1) * self.config.round_limit + row["round"]
        self._append(self._rounds, ROUND_METRICS, row, "round", step)

    def episode(self, row):
        """Appends an episode, a dict by metric name."""
        self._append(self._episodes, EPISODE_METRICS, row, "episode", row["episode"])

    def _append(self, file, metrics, row, scope, step):
        row = {**row, **self._whose}
        values = [row[metric.name] for metric in metrics]
        empty = [value is None or (isinstance(value, float) and math.isnan(value)) for value in values]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["" if none else value for value, none in zip(values, empty, strict=True)])
        file.write(text.getvalue())
        file.flush()
        if self._tensorboard:
            import tensorflow as tf

            with self._tensorboard.as_default(step):
                for metric, value, none in zip(metrics, values, empty, strict=True):
                    if metric.scalar and not none:
                        tf.summary.scalar(f"{scope}/{metric.name}", float(value))

    def nodes(self, environment, repeats=5):
        """Writes what distinguishes the nodes: label counts, distances, and the models they train from a common one."""
        from sklearn.decomposition import PCA

        counts = environment.label_counts()
        classes = counts.argmax(1)
        header = ["node", "main_class", *(f"label_{label}" for label in range(counts.shape[1])), *self._whose]
        rows = [[node, classes[node], *counts[node], *self._whose.values()] for node in range(len(counts))]
        write_table(self.folder / "nodes.csv", header, rows)
        rows = [[node, *row.tolist()] for node, row in enumerate(environment.distances)]
        write_table(self.folder / "distances.csv", ["node", *range(len(rows))], rows)
        weights, nodes = environment.node_models(max(1, repeats * 10 // len(counts)))
        pca = PCA(2, svd_solver="full")
        scores, (first, second) = pca.fit_transform(weights), pca.explained_variance_ratio_.tolist()
        write_table(
            self.folder / "node_models.csv",
            ["node", "main_class", "component_1", "component_2", "explained_1", "explained_2", *self._whose],
            [
                [node, classes[node], *score.tolist(), first, second, *self._whose.values()]
                for node, score in zip(nodes, scores, strict=True)
            ],
        )

    def finish(self):
        """Writes the end time and closes the files."""
        self._describe(end=_now())
        self._rounds.close()
        self._episodes.close()

    def _describe(self, end):
        self._description["end"] = end
        write_atomically(self.folder / "run.json", json.dumps(self._description, indent=2).encode() + b"\n")


def describe_run(config, dataset, options):
    """Returns what run.json says at the start: configuration, data, versions, machine, commit, command."""
    return {
        "config": dataclasses.asdict(config),
        "preset": options.preset or "paper",
        "seed": config.seed,
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in VERSIONS},
        },
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": config.threads,
        "git_commit": _git("rev-parse", "HEAD"),
        "git_modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "command_line": options.command_line,
        "start": _now(),
        "resumed": [],
        "end": None,
    }


def _new_folder(config, dataset):
    """Returns the name of a run folder that is not there yet."""
    name = f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{config.policy}-{dataset.name}-seed{config.seed}"
    number, folder = 1, RUNS / name
    while folder.exists():
        number += 1
        folder = RUNS / f"{name}-{number}"
    return folder


def _now():
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
