"""Provides what the command lines share: reading paths and lists, printing commands, and exit codes."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from runs.terminal import guarded_output, stop_signals
from settings.errors import UsageError

PROJECT = Path(__file__).parent.parent
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
    """Reads values separated by commas."""
    return text.split(",")


def seed_list(text: str) -> list[int]:
    """Reads seeds and ranges of them."""
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        between = range(int(first), int(last or first) + 1)
        if not 0 < len(between) <= MOST_SEEDS:
            raise argparse.ArgumentTypeError(f"{part!r} names no seed, or more than {MOST_SEEDS}")
        seeds += between
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
