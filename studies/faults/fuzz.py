"""Tests damaged files and random command lines: `python -m studies.faults.fuzz --out results/checks`.

Every damaged data file, damaged run and random command line has to be accepted, or refused in one line (UsageError or
exit code 2), within ten seconds. An input that is refused must not change a file. The defaults take about 7 minutes.
"""

import argparse
import collections
import contextlib
import gzip
import io
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import numpy as np
import pandas as pd
import PIL.Image

import plots
import report
import sweep
from config import Config
from data import load_dataset, partition
from datasets.arrays import ARRAYS
from datasets.files import IDX_FILES
from reporting.tables import markdown
from runs.options import parse
from runs.presets import PRESETS
from settings.declare import flag, to_text
from settings.errors import UsageError
from studies.command import run
from studies.faults import fuzz_tables
from studies.learners import __main__ as learners

LIMIT = 10  # seconds
FORMS = ("npz", "npz compressed", "idx", "idx gzipped", "png", "jpeg")  # of a data set
# fmt: off
VALUES = (
    "0", "1", "-1", "2", "10", "36", "0.5", "1.5", "-0.5", "1e-3", "1e400", "nan", "inf", "-inf", "00", "0x10", "1_000",
    "٣", "9" * 20, "dqn", "random", "mnist", "disjoint", "published", "dirichlet", "digits-stand-in", "float32",
    "500,200", "5,,5", "0,6,6,1", "3:50,7:80", "3:x", ":", ",", "--", "-h", "free", "charged", "paper", "quick", "true",
    "None", "é", "", "\x00",
)
PATHS = ("nowhere", "", ".", "\x00", "~", "~nobody/x", "[/b]", "é", "/dev/null", "/dev/null/x", "a" * 300)
# fmt: on


def small_arrays(rng: np.random.Generator, size: int = 20) -> dict[str, np.ndarray]:
    """Returns a small data set of the right shapes, with `size` training images of ten classes, as a dict of arrays."""
    images = [rng.integers(0, 256, (count, 28, 28)).astype(np.uint8) for count in (size, 10)]
    labels = [rng.permutation(np.arange(count) % 10).astype(np.uint8) for count in (size, 10)]
    return dict(zip(ARRAYS, (images[0], labels[0], images[1], labels[1]), strict=True))


def write_data(folder: Path, kind: str, arrays: dict[str, np.ndarray]) -> tuple[Path, list[Path]]:
    """Writes the data set in one of the FORMS; returns (what --data-path names, its files)."""
    if kind.startswith("npz"):
        path = folder / "data.npz"
        (np.savez if kind == "npz" else np.savez_compressed)(path, **arrays)
        return path, [path]
    if kind in ("png", "jpeg"):
        return folder, write_images(folder, kind, arrays)
    files = []
    for key, name in IDX_FILES.items():
        array = arrays[key]
        content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()
        files.append(folder / (name if kind == "idx" else f"{name}.gz"))
        files[-1].write_bytes(content if kind == "idx" else gzip.compress(content))
    return folder, files


def write_images(folder: Path, kind: str, arrays: dict[str, np.ndarray]) -> list[Path]:
    """Writes the data set as a folder of images by class; returns its files."""
    files = []
    for part in ("train", "test"):
        for number, (image, label) in enumerate(zip(arrays[f"x_{part}"], arrays[f"y_{part}"], strict=True)):
            files.append(folder / part / str(label) / f"{number}.{kind}")
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(image).save(files[-1])
    return files


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the bytes with one to three random injuries, most of them in the first 200 or the last 400 bytes."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        size = max(1, len(content))
        place = int(
            rng.choice([rng.integers(size), min(rng.integers(200), size - 1), max(0, size - rng.integers(1, 400))])
        )
        length = int(rng.integers(1, 20))
        match rng.integers(5):
            case 0:
                del content[place:]
            case 1:
                content[place : place + length] = rng.bytes(length)
            case 2:
                content[place:place] = rng.bytes(length)
            case 3:
                del content[place : place + length]
            case 4:
                content[place : place + 1] = bytes([rng.choice([0, 1, 127, 128, 255])])
    return bytes(content)


def too_long(number: int, frame: FrameType | None):
    """Raises TimeoutError; handles the signal SIGALRM."""
    raise TimeoutError(f"longer than {LIMIT} s")


def outcome(attempt: Callable[[], object]) -> str:
    """Returns "taken", "refused", or a description of any other outcome, which is a fault."""
    errors = io.StringIO()
    signal.alarm(LIMIT)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            attempt()
    except UsageError as error:
        return "refused" if "\n" not in str(error) else f"several lines: {error}"
    except SystemExit as error:
        fine = error.code == 0 or (error.code == 2 and errors.getvalue().count("\n") == 1)
        return ("refused" if error.code else "taken") if fine else f"exit {error.code}: {errors.getvalue()}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return "taken"


def fuzz_data(count: int, rng: np.random.Generator) -> Iterator[tuple[str, bytes, str]]:
    """Yields (kind, injured bytes, outcome) of loading `count` injured data sets."""
    for number in range(count):
        kind = FORMS[number % len(FORMS)]
        folder = Path(tempfile.mkdtemp())
        path, files = write_data(folder, kind, small_arrays(rng))
        victim = files[rng.integers(len(files))]
        content = mutate(victim.read_bytes(), rng)
        victim.write_bytes(content)
        yield (
            kind,
            content,
            outcome(lambda path=path: load_dataset(Config(dataset="fashion-mnist", data_path=str(path)))),
        )
        shutil.rmtree(folder)


def random_flags(rng: np.random.Generator) -> list[str]:
    """Returns up to six random flags with values that are random or lie at the edges of what is allowed."""
    arguments = []
    for _ in range(rng.integers(1, 7)):
        field = rng.choice(list(Config.__dataclass_fields__.values()))
        limits = [field.metadata[key] for key in ("low", "high", "above") if field.metadata[key] is not None]
        fitting = [*(field.metadata["choices"] or ()), *limits, to_text(field.default)]
        value = str(rng.choice(fitting) if rng.random() < 0.6 else rng.choice(VALUES))
        arguments += [flag(field.name), value]
        extra = rng.random()
        if extra < 0.05:
            arguments.append(rng.choice(["--resume", "--overwrite", "--tensorboard", "--unknown", rng.choice(VALUES)]))
        elif extra < 0.1:
            arguments += ["--preset", rng.choice([*PRESETS, "other"])]
        elif extra < 0.13:
            arguments += ["--run-dir", rng.choice(["nowhere", "", "a/b", "\x00"])]
    return [str(argument) for argument in arguments]


def random_sweep(rng: np.random.Generator) -> list[str]:
    """Returns a command line of sweep.py that only lists: its own flags with random values, and some of main.py's."""
    own = {
        "policies": ("dqn", "dqn,random", "random,", "other", ""),
        "splits": ("disjoint", "published,disjoint", "none", ""),
        "seeds": ("0", "0-3", "3-0", "1,2", "x", "-1", "0-99999999999", ""),
        "vary": ("goal=0.5,0.6", "goal=0.5,0.50", "goal", "=", "preset=paper,improved", "seed=1,2", "updates=1,2",
                 "agent-hidden-units=5,5;6", "learner=cnn,kde", "no-such-flag=1", "epsilon=nan,inf"),
        "control-episodes": ("1", "0", "20", "x"),
        "jobs": ("1", "0", "-5", "2.5"),
        "engine": ("local", "other"),
    }  # fmt: skip
    arguments = ["--list", "--seeds", "0", "--out", str(rng.choice(["out", "out", "", "a/b", "\x00"]))]
    arguments += some_of(own, rng)
    return arguments + (random_flags(rng)[:4] if rng.random() < 0.5 else [])


def some_of(flags: dict[str, Sequence[str]], rng: np.random.Generator) -> list[str]:
    """Returns one to three of these flags, each with one of its values."""
    names = [str(name) for name in rng.choice(list(flags), rng.integers(1, 4))]
    return [text for name in names for text in (f"--{name}", str(rng.choice(flags[name])))]


def random_comparison(rng: np.random.Generator) -> list[str]:
    """Returns a command line of studies.learners that only lists."""
    own = {
        "parts": ("accuracy", "alignment,forgetting", "accuracy,accuracy", "other", ",", ""),
        "seeds": ("0", "0-3", "3-0", "99", "100", "x", "-1", ""),
        "dataset": ("mnist", "fashion-mnist", "other"),
        "data-path": PATHS,
        "epochs": ("0", "1", "-1", "1.5"),
        "samples": ("0", "-1", "12", "x"),
        "threads": ("1", "0", "-1", "1e3"),
        "out": PATHS,
    }
    return ["--list", *some_of(own, rng)]


def random_folders(rng: np.random.Generator) -> list[str]:
    """Returns a command line of plots.py or report.py with folders, most of which hold no run."""
    names = (*PATHS, "run", "--unknown")
    arguments = [str(name) for name in rng.choice(names, rng.integers(0, 4))]
    return arguments + (["--out", str(rng.choice((*PATHS, "out")))] if rng.random() < 0.7 else [])


def fuzz_commands(count: int, rng: np.random.Generator) -> Iterator[tuple[str, list[str], str]]:
    """Yields (program, arguments, outcome) for `count` command lines.

    Those of main.py are parsed, and MNIST's labels partitioned; those of sweep.py and studies.learners are planned and
    listed; report.py and plots.py run.
    """
    labels = np.arange(60_000) % 10

    def ended(code: int):
        raise SystemExit(code)

    attempts = {
        "main.py": (random_flags, lambda line: partition(labels, parse(line)[0])),
        "sweep.py": (random_sweep, lambda line: ended(sweep.main(line))),
        "report.py": (random_folders, lambda line: ended(report.main(line))),
        "plots.py": (random_folders, lambda line: ended(plots.main(line))),
        "studies.learners": (random_comparison, lambda line: ended(learners.main(line))),
    }
    turns = ("main.py", "main.py", "main.py", "sweep.py", "sweep.py", *list(attempts)[2:])
    for number in range(count):
        program = turns[number % len(turns)]
        make, read = attempts[program]
        arguments = make(rng)
        yield f"{program}, command line", arguments, outcome(lambda read=read, line=arguments: read(line))


def measure(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of outcomes; raises UsageError, which names the input, at the first fault."""
    rng, counts = np.random.default_rng(options.seed), collections.Counter()
    signal.signal(signal.SIGALRM, too_long)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            path, _ = write_data(Path(place), "npz", small_arrays(rng, 300))
            fuzz_tables.make_run(Path(place) / "run", path)
            injured = fuzz_tables.fuzz_tables(options.tables, Path(place) / "run", mutate, rng)
            tables = ((f"a run's files, {name}", what, outcome(attempt)) for name, attempt, what in injured)
            for attempted in (fuzz_data(options.files, rng), tables, fuzz_commands(options.commands, rng)):
                for kind, what, result in attempted:
                    if result not in ("taken", "refused"):
                        raise UsageError(f"{kind} {what!r:.400}: {result}")
                    counts[kind, result] += 1
        finally:
            os.chdir(here)
    rows = []
    for kind in dict.fromkeys(kind for kind, _ in counts):
        taken, refused = counts[kind, "taken"], counts[kind, "refused"]
        rows.append((kind, taken + refused, taken, refused, 0))
    names = ["input", "tried", "taken", "refused in one line", "anything else"]
    return {".md": markdown(pd.DataFrame(rows, columns=names))}


if __name__ == "__main__":
    numbers = {
        "files": (10_000, "data files"),
        "tables": (1000, "runs"),
        "commands": (5000, "command lines"),
        "seed": (0, "seed of the injuries"),
    }
    sys.exit(run("fuzz", __doc__, measure, threads=1, by_processor=False, **numbers))
