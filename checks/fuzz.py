"""Damaged data files and random command lines: `python -m checks.fuzz --out results/checks`.

Each has to be taken or refused in one line (UsageError, or exit code 2), within ten seconds.
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
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import numpy as np

import main
from benchmarks import command
from config import Config, UsageError, flag
from data import load_dataset, partition
from data_files import ARRAYS, IDX_FILES
from presets import PRESETS

LIMIT = 10  # seconds
# fmt: off
VALUES = (
    "0", "1", "-1", "2", "10", "36", "0.5", "1.5", "-0.5", "1e-3", "1e400", "nan", "inf", "-inf", "00", "0x10", "1_000",
    "٣", "9" * 20, "dqn", "random", "mnist", "disjoint", "published", "dirichlet", "digits-stand-in", "float32",
    "500,200", "5,,5", "0,6,6,1", "3:50,7:80", "3:x", ":", ",", "--", "-h", "free", "charged", "paper", "quick", "true",
    "None", "é", "", "\x00",
)
# fmt: on


def small_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Returns a small data set of the right shapes, as a dict of arrays."""
    images = [rng.integers(0, 256, (size, 28, 28)).astype(np.uint8) for size in (20, 10)]
    labels = [rng.integers(0, 10, size).astype(np.uint8) for size in (20, 10)]
    return dict(zip(ARRAYS, (images[0], labels[0], images[1], labels[1]), strict=True))


def write_data(folder: Path, kind: str, arrays: dict[str, np.ndarray]) -> tuple[Path, list[Path]]:
    """Writes the data set in one of four forms; returns (what --data-path names, its files)."""
    if kind.startswith("npz"):
        path = folder / "data.npz"
        (np.savez if kind == "npz" else np.savez_compressed)(path, **arrays)
        return path, [path]
    files = []
    for key, name in IDX_FILES.items():
        array = arrays[key]
        content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()
        files.append(folder / (name if kind == "idx" else f"{name}.gz"))
        files[-1].write_bytes(content if kind == "idx" else gzip.compress(content))
    return folder, files


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns bytes with one to three random injuries; half of them hit the first 200 or the last 400 bytes."""
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
    raise TimeoutError(f"longer than {LIMIT} s")


def outcome(attempt: Callable[[], object]) -> str:
    """Returns "taken", "refused" or, of an outcome that must not be, its description."""
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
        kind = ("npz", "npz compressed", "idx", "idx gzipped")[number % 4]
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


def random_command_line(rng: np.random.Generator) -> list[str]:
    """Returns up to six random flags with values that are random or lie at the edges of what is allowed."""
    arguments = []
    for _ in range(rng.integers(1, 7)):
        field = rng.choice(list(Config.__dataclass_fields__.values()))
        limits = [field.metadata[key] for key in ("low", "high", "above") if field.metadata[key] is not None]
        fitting = [*(field.metadata["choices"] or ()), *limits, field.default]
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


def fuzz_commands(count: int, rng: np.random.Generator) -> Iterator[tuple[list[str], str]]:
    """Yields (arguments, outcome) of reading `count` command lines and dealing out MNIST's labels accordingly."""
    labels = np.arange(60_000) % 10
    for _ in range(count):
        arguments = random_command_line(rng)
        yield arguments, outcome(lambda arguments=arguments: partition(labels, main.parse(arguments)[0]))


def check(options: argparse.Namespace) -> dict[str, str]:
    """Returns the table of outcomes; raises UsageError where one must not be, and names the input."""
    rng, counts = np.random.default_rng(options.seed), collections.Counter()
    signal.signal(signal.SIGALRM, too_long)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            attempts = ((kind, data, result) for kind, data, result in fuzz_data(options.files, rng))
            commands = (("command line", line, result) for line, result in fuzz_commands(options.commands, rng))
            for attempted in (attempts, commands):
                for kind, what, result in attempted:
                    if result not in ("taken", "refused"):
                        raise UsageError(f"{kind} {what!r:.400}: {result}")
                    counts[kind, result] += 1
        finally:
            os.chdir(here)
    lines = ["| input | tried | taken | refused in one line | anything else |", "| --- | --- | --- | --- | --- |"]
    for kind in dict.fromkeys(kind for kind, _ in counts):
        taken, refused = counts[kind, "taken"], counts[kind, "refused"]
        lines.append(f"| {kind} | {taken + refused} | {taken} | {refused} | 0 |")
    return {".md": "\n".join(lines) + "\n"}


if __name__ == "__main__":
    numbers = {"files": (5000, "data files"), "commands": (2000, "command lines"), "seed": (0, "seed of the injuries")}
    sys.exit(command.run("fuzz", __doc__, check, **numbers))
