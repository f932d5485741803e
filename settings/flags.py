"""The settings as flags of a command line."""

import argparse
import dataclasses

from config import Config
from settings.declare import flag


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage, which is long."""

    def error(self, message: str):
        program = self.prog if self.prog.endswith(".py") else f"-m {self.prog}"
        self.exit(2, f"{self.prog}: error: {message}; see python {program} --help\n")


def add_flags(parser: argparse.ArgumentParser):
    """Adds one flag for every field of Config; a flag that is not given leaves no attribute."""
    for field in dataclasses.fields(Config):
        choices = field.metadata["choices"]
        parser.add_argument(
            flag(field.name),
            type=field.type,
            default=argparse.SUPPRESS,
            metavar="{" + "|".join(choices) + "}" if choices else field.type.__name__.upper(),
            help=f"{field.metadata['help']} [{field.default}]".replace("%", "%%"),
        )
