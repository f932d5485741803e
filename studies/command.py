"""Provides what command lines of benchmarks and studies share."""

import argparse
import re
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from config import Config
from runs.command_line import command, path_argument
from runs.flags import Parser
from runs.folder import write_atomically
from settings.machine import machine
from settings.quiet_import import import_tensorflow_quietly

if TYPE_CHECKING:
    from studies.units import Unit


def run(
    name: str,
    doc: str,
    measure: Callable[[argparse.Namespace], dict[str, str]],
    arguments: list[str] | None = None,
    *,
    threads: int = 2,
    by_processor: bool = True,
    **flags: tuple[int | str | Path, str],
) -> int:
    """Runs a benchmark or a study: parses the command line, measures, writes the result files and prints the tables.

    Args:
        name: Name of the result files, without the ending.
        doc: Docstring of the module; its first line is the description in `--help`.
        measure: Takes the options and returns the text of each result file by its ending, such as ".md".
        arguments: Command line; that of the process by default.
        threads: Default of `--threads`.
        by_processor: Whether the result depends on the processor. If so, the files go into a subfolder of `--out` that
            is named after the processor, and every Markdown text names it.
        **flags: Further flags as (default, help text); the default's type is the type of the value.

    Returns:
        The exit code: 0, 2 where something has to be changed first, 130 when interrupted.
    """
    spec = sys.modules[measure.__module__].__spec__  # has the module's name also where it runs as __main__
    parser = Parser(prog=spec.name if spec else name, description=doc.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--threads", type=int, default=threads, help=f"processor threads [{threads}]")
    for flag, (default, text) in flags.items():
        kind = path_argument if isinstance(default, Path) else type(default)
        parser.add_argument(f"--{flag.replace('_', '-')}", type=kind, default=default, help=f"{text} [{default}]")
    parser.add_argument("--out", type=path_argument, required=True, help="folder for the results")
    options = parser.parse_args(arguments)
    for flag, (default, _) in flags.items():
        if isinstance(default, int) and (value := getattr(options, flag)) < (lowest := int(flag != "seed")):
            parser.error(f"--{flag.replace('_', '-')} must be at least {lowest}, not {value}")
    return command(name, lambda: _run(name, measure, options, by_processor), lambda: "run the same command again")


def _run(
    name: str,
    measure: Callable[[argparse.Namespace], dict[str, str]],
    options: argparse.Namespace,
    by_processor: bool,
) -> int:
    """Measures, writes the result files and prints the Markdown texts; returns the exit code."""
    import_tensorflow_quietly()
    from models import start_tensorflow

    start_tensorflow(Config(threads=options.threads).threads)
    processor, folder = processor_and_folder(options.out) if by_processor else ("", options.out)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):  # raises OSError before the measurement, which may take hours
        pass
    texts = measure(options)
    for ending, text in texts.items():
        text += f"\nMeasured on {processor}.\n" if processor and ending.endswith(".md") else ""
        if ending.endswith(".md"):
            print(text)  # first, as the disk may have become full
        write_atomically(folder / f"{name}{ending}", text.encode())
    return 0


def add_flags_of_units(parser: Parser):
    """Adds the flags that all studies of units share, see studies/units.py."""
    parser.add_argument("--threads", type=int, default=1, help="processor threads [1]")
    parser.add_argument("--list", action="store_true", help="print the units and measure none")
    parser.add_argument(
        "--pack",
        type=path_argument,
        metavar="DIR",
        help="pack the units of DIR into one table a part in --out and measure none; their files stay",
    )


def run_units(name: str, arguments: list[str], run: Callable[[], int]) -> int:
    """Runs a study of units, which the same command continues; returns its exit code as runs.command_line.command."""
    again = shlex.join(["python", "-m", name, *arguments])
    return command(name, run, lambda: f"go on with: {again}")


def run_plan(
    options: argparse.Namespace, plan: "Callable[[], list[Unit]]", measure: "Callable[[list[Unit]], str]"
) -> int:
    """Packs or lists the units where the options ask for it, or else measures them and prints the report; returns 0.

    `plan` returns the units in the order of measurement. `measure` measures the unfinished ones, writes the report and
    returns its text.
    """
    from studies.units import pack_and_print, print_units

    if options.pack:
        pack_and_print(options.pack, options.out)
        return 0
    import_tensorflow_quietly()
    import tensorflow as tf

    from models import start_tensorflow

    units = plan()
    if options.list:
        print_units(units, options.out)
        return 0
    start_tensorflow(Config(threads=options.threads).threads)
    tf.get_logger().setLevel("ERROR")  # else it warns that many networks are traced, as they have to be
    print(measure(units))
    return 0


def processor_and_folder(out: Path) -> tuple[str, Path]:
    """Returns (a description of this processor, the folder in `out` for its results)."""
    about = machine()
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        flags = []
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    kind = f"{about['processor'].replace('(R)', '')} {vectors}".strip()
    return f"{kind}, {about['cores']} cores", out / re.sub("[^a-z0-9]+", "-", kind.lower())
