"""What the benchmarks' command lines have in common: flags, TensorFlow's start, files, errors in one line."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from config import Config
from runs.command_line import command, path_argument
from runs.folder import write_atomically
from settings.flags import Parser
from settings.machine import machine
from settings.quiet_import import import_tensorflow_quietly


def run(
    name: str,
    doc: str,
    measure: Callable[[argparse.Namespace], dict[str, str]],
    arguments: list[str] | None = None,
    *,
    threads: int = 2,
    by_processor: bool = True,
    **flags: tuple[int | str, str],
) -> int:
    """Runs `measure(options)` and writes what it returns, a dict of texts by file ending, to `name` + ending.

    The files go into a folder of `--out` named after the processor, and every Markdown text tells that, unless
    `by_processor` says that it makes no difference. `flags` are further ones, with (default, help); what they take is
    of the default's type. Prints the Markdown; returns 0, or 2 where something has to be changed first.
    """
    parser = Parser(description=doc.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--threads", type=int, default=threads, help=f"processor threads [{threads}]")
    for flag, (default, help_text) in flags.items():
        parser.add_argument(f"--{flag}", type=type(default), default=default, help=f"{help_text} [{default}]")
    parser.add_argument("--out", type=path_argument, required=True, help="folder for the results")
    options = parser.parse_args(arguments)
    return command(name, lambda: _run(name, measure, options, by_processor), lambda: "measure again")


def _run(
    name: str,
    measure: Callable[[argparse.Namespace], dict[str, str]],
    options: argparse.Namespace,
    by_processor: bool,
) -> int:
    """Measures, writes the files and prints the table."""
    import_tensorflow_quietly()
    from models import start_tensorflow

    start_tensorflow(Config(threads=options.threads).threads)
    processor, folder = processor_kind(options.out) if by_processor else ("", options.out)
    texts = measure(options)
    folder.mkdir(parents=True, exist_ok=True)
    for ending, text in texts.items():
        text += f"\nMeasured on {processor}.\n" if processor and ending.endswith(".md") else ""
        write_atomically(folder / f"{name}{ending}", text.encode())
        if ending.endswith(".md"):
            print(text)
    return 0


def processor_kind(out: Path) -> tuple[str, Path]:
    """Returns what kind of processor this is, as text, and the folder for its results in `out`, which it makes."""
    about = machine()
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        flags = []
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    kind = f"{about['processor'].replace('(R)', '')} {vectors}".strip()
    folder = out / re.sub("[^a-z0-9]+", "-", kind.lower())
    folder.mkdir(parents=True, exist_ok=True)
    return f"{kind}, {about['cores']} cores", folder
