"""Provides what the command lines share: reading paths and lists, printing commands, and exit codes."""

import argparse
import contextlib
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from runs.terminal import guarded_output, stop_signals
from settings.errors import UsageError
from settings.names import LAST_SEED, PROJECT

MOST_SEEDS = 100_000


def command_of(program: str, *arguments: str) -> str:
    """Returns the command that starts a program of this project, such as main.py, from the present folder."""
    path = PROJECT / program
    with contextlib.suppress(OSError, ValueError):  # the present folder is gone, or is on another drive
        path = os.path.relpath(path)
    return shlex.join(["python", str(path), *arguments])


def path_argument(text: str) -> Path:
    """Reads a path of a command line, in which ~ is the home folder; raises ArgumentTypeError where it is none."""
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no path")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # no such user
        raise argparse.ArgumentTypeError(f"{text!r} cannot be expanded ({error})") from error


def text_list(text: str) -> list[str]:
    """Reads values separated by commas; raises ArgumentTypeError where one is empty."""
    if not all(values := text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty value")
    return values


def seed_list(text: str) -> list[int]:
    """Reads seeds and ranges of them; raises ArgumentTypeError where a part is neither, or too long a range."""
    seeds = []
    for part in text.split(","):
        if not (found := re.fullmatch(r"(\d+)(?:-(\d+))?", part)):
            raise argparse.ArgumentTypeError(f"{part!r} is no seed or range of seeds, like 7 or 0-9")
        first, last = int(found[1]), int(found[2] or found[1])
        if not 0 <= last - first < MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"{part!r} names no seed, or more than {MOST_SEEDS}")
        if last > LAST_SEED:
            raise argparse.ArgumentTypeError(f"{last} is above the last seed, {LAST_SEED}")
        seeds += range(first, last + 1)
    return seeds


def command(program: str, work: Callable[[], int], hint: Callable[[], str]) -> int:
    """Does the work of a command line; returns its exit code, 2 where something has to be changed first, or 130.

    What ends it early is said in one line on stderr; `hint` returns how to go on after an interruption.
    """
    with guarded_output():
        try:
            with stop_signals() as received:
                try:
                    return work()
                except (UsageError, MemoryError, OSError):
                    raise
                except Exception as error:
                    if received:  # what a library with a bare `except` made of the interruption
                        raise KeyboardInterrupt from error
                    if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's; it is not imported for this
                        raise MemoryError from error
                    raise
        except UsageError as error:
            said, code = f"error: {error}", 2
        except MemoryError:
            said, code = f"error: not enough memory; close other programs, then {hint()}", 2
        except OSError as error:
            said, code = f"error: {error}; fix this, then {hint()}", 2
        except KeyboardInterrupt:
            said, code = f"interrupted; {hint()}", 130
        print(f"{program}: {' '.join(said.splitlines())}", file=sys.stderr)
        return code
