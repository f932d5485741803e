"""Turns the settings into flags of a command line."""

import argparse
import dataclasses
import re
import typing

from config import GROUPS
from runs.command_line import command_of
from settings.declare import flag, to_text

MOST_USED = ("policy", "episodes", "seed", "threads", "data_path", "nodes", "split", "learner", "goal")
METAVARS = {int: "N", float: "X", bool: "YES|NO", str: "TEXT"}


class Parser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage, which is long."""

    def error(self, message: str):
        command = command_of(self.prog) if self.prog.endswith(".py") else f"python -m {self.prog}"
        self.exit(2, f"{self.prog}: error: {message}; see {command} --help\n")


def add_flags(parser: argparse.ArgumentParser, everything: bool):
    """Adds one flag for every setting; a flag that is not given leaves no attribute.

    The help shows `everything` under the headings of the groups, or else the settings in MOST_USED, each in one line.
    """
    for group in GROUPS:
        place = parser.add_argument_group(group.__doc__.rstrip(".")) if everything else parser
        for field in dataclasses.fields(group):
            place.add_argument(
                flag(field.name),
                type=field.type if field.type in (int, float) else str,  # Config reads the others
                default=argparse.SUPPRESS,
                metavar=_metavar(field),
                help=_help(field, everything) if everything or field.name in MOST_USED else argparse.SUPPRESS,
            )


def _metavar(field: dataclasses.Field) -> str:
    """Returns what the help puts in place of a setting's value."""
    if typing.get_origin(field.type) is tuple:
        return "LIST"
    return "NAME" if field.metadata["choices"] else METAVARS[field.type]


def _help(field: dataclasses.Field, whole: bool) -> str:
    """Returns the help text of a setting, or its first clause, with the default."""
    text, default = field.metadata["help"], to_text(field.default)
    if not whole:
        text = re.split(r" \(|[,;:]", text)[0]
    else:
        if field.metadata["choices"] and field.type is str:
            text += f"; one of {', '.join(field.metadata['choices'])}"
        text += f" ({field.metadata['source']})"
    return (f"{text} [{default}]" if default != "" else text).replace("%", "%%")
