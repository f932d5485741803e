"""Declares, reads and checks one setting."""

import dataclasses
import functools
import math
import re
import typing

import numpy as np

from settings.errors import UsageError
from settings.user_classes import is_import_path

Bound = float | None
TYPES = {bool: (bool, "yes or no"), str: (str, "text"), int: (int, "a whole number"), float: (int | float, "a number")}
EXTENSIONS = {  # what an extensible setting takes beside its choices, and what tells whether a value is that
    "module:Class": is_import_path,
    "a name of letters, digits and dashes": lambda value: bool(re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]{0,39}", value)),
}
SEPARATORS = ",:"  # of the items of a tuple in its text form, and of the items of these: 3:50,7:80


def setting(
    default: object,
    help: str,
    *,
    source: str = "authors",
    low: Bound = None,
    high: Bound = None,
    above: Bound = None,
    choices: tuple = (),
    form: str = "",
    extensible: str = "",
) -> typing.Any:  # noqa: ANN401, a field takes the place of its value
    """Declares one setting of a group: its default, its help text, the default's source and the values it may take.

    `source` is `authors`, `ours`, or names what the authors have instead of the default: `authors: published`.
    `low` and `high` are inclusive bounds, `above` is an exclusive one. For a tuple these and `choices` hold for every
    item, and `form` says in error messages what the tuple looks like as text. Beside its `choices` a setting takes what
    `extensible`, one of EXTENSIONS, says.
    """
    limits = {"low": low, "high": high, "above": above, "choices": choices, "form": form, "extensible": extensible}
    return dataclasses.field(default=default, metadata={"help": help, "source": source, **limits})


ours = functools.partial(setting, source="ours")


class Settings:
    """Base of the groups of settings, each a frozen dataclass; checks every value and gives it its declared type."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, read(field, getattr(self, field.name)))
        self.check()

    def check(self):
        """Raises UsageError where settings do not fit together; a group adds its checks to those of its bases."""

    def as_text(self) -> dict[str, str | float]:
        """Returns all settings by name, as run.json and the presets have them: tuples and bools in their text form."""
        return {field.name: to_text(getattr(self, field.name)) for field in dataclasses.fields(self)}


def flag(name: str) -> str:
    """Returns the flag of `main.py` that sets the field `name`."""
    return "--" + name.replace("_", "-")


def to_text(value: object, separators: str = SEPARATORS) -> str | float:
    """Returns the text form of a tuple (500,200) or a bool (yes, no), any other value as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return separators[0].join(str(to_text(item, separators[1:])) for item in value)
    return value


def read(field: dataclasses.Field, value: object) -> object:
    """Returns the value of a setting in its type; a tuple or a bool may be given in its text form.

    Raises UsageError, which names the flag, where the value is of another type or out of range.
    """
    try:
        return _read(field.type, field.metadata, value)
    except ValueError as error:
        must = field.metadata["form"] or error
        raise UsageError(f"{flag(field.name)} must be {must}, not {value!r}") from None


def _read(kind: type, limits: typing.Mapping, value: object, separators: str = SEPARATORS) -> object:
    """Returns a value in the type `kind`; raises ValueError, which says what it must be."""
    if typing.get_origin(kind) is tuple:
        return _read_tuple(typing.get_args(kind), limits, value, separators)
    if isinstance(value, np.generic):
        value = float(str(value)) if isinstance(value, np.floating) else value.item()  # np.float32(0.8) means 0.8
    if kind is bool and value in ("yes", "no"):
        value = value == "yes"
    fitting, name = TYPES[kind]
    if not isinstance(value, fitting) or isinstance(value, bool) != (kind is bool):
        raise ValueError(name)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(name)
    choices, more = limits["choices"], limits["extensible"]
    if choices and value not in choices and not (more and EXTENSIONS[more](value)):
        raise ValueError(f"one of {', '.join(choices)}" + (more and f" or {more}"))
    if limits["low"] is not None and value < limits["low"]:
        raise ValueError(f"at least {limits['low']}")
    if limits["above"] is not None and value <= limits["above"]:
        raise ValueError(f"above {limits['above']}")
    if limits["high"] is not None and value > limits["high"]:
        raise ValueError(f"at most {limits['high']}")
    return value


def _read_tuple(kinds: tuple[type, ...], limits: typing.Mapping, value: object, separators: str) -> tuple:
    """Returns a tuple whose items are of `kinds` (`kind, ...`: any number of one kind); see _read."""
    if isinstance(value, str):
        value = value.split(separators[0]) if value else ()
    if not isinstance(value, tuple | list):
        raise ValueError("a tuple")
    kinds = kinds[:1] * len(value) if kinds[-1] is ... else kinds
    items = []
    for kind, item in zip(kinds, value, strict=True):
        if kind is int and isinstance(item, str) and item.strip().isdecimal():
            item = int(item)
        items.append(_read(kind, limits, item, separators[1:]))
    return tuple(items)
