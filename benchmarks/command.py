"""What the benchmarks' command lines have in common: flags, TensorFlow's start, files, errors in one line."""

import argparse
from collections.abc import Callable

from config import Config, Parser
from run_folder import write_atomically
from runs.command_line import command, path_argument
from screen import import_tensorflow_quietly


def run(
    name: str,
    doc: str,
    measure: Callable[[argparse.Namespace], dict[str, str]],
    arguments: list[str] | None = None,
    *,
    threads: int = 2,
    **flags: tuple[int | str, str],
) -> int:
    """Runs `measure(options)` and writes what it returns, a dict of texts by file ending, to `name` + ending.

    `flags` are further ones, with (default, help); what they take is of the default's type. Prints the text of `.md`;
    returns 0, or 2 where something has to be changed first.
    """
    parser = Parser(description=doc.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--threads", type=int, default=threads, help=f"processor threads [{threads}]")
    for flag, (default, help_text) in flags.items():
        parser.add_argument(f"--{flag}", type=type(default), default=default, help=f"{help_text} [{default}]")
    parser.add_argument("--out", type=path_argument, required=True, help=f"folder for {name}.md and what belongs to it")
    options = parser.parse_args(arguments)
    return command(name, lambda: _run(name, measure, options), lambda: "measure again")


def _run(name: str, measure: Callable[[argparse.Namespace], dict[str, str]], options: argparse.Namespace) -> int:
    """Measures, writes the files and prints the table."""
    import_tensorflow_quietly()
    from models import start_tensorflow

    start_tensorflow(Config(threads=options.threads).threads)
    texts = measure(options)
    options.out.mkdir(parents=True, exist_ok=True)
    for ending, text in texts.items():
        write_atomically(options.out / f"{name}{ending}", text.encode())
    print(texts[".md"])
    return 0
