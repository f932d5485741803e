"""How one setting is declared, named and checked."""

import dataclasses
import math

import numpy as np

from settings.errors import UsageError

Bound = float | None


def knob(
    default: str | float, help: str, *, low: Bound = None, high: Bound = None, above: Bound = None, choices: tuple = ()
) -> dataclasses.Field:
    """Declares one field: its default, its help text and the values it may take (`above` is an exclusive bound)."""
    limits = {"low": low, "high": high, "above": above, "choices": choices}
    return dataclasses.field(default=default, metadata={"help": help, **limits})


def flag(name: str) -> str:
    """Returns the flag of `main.py` that sets the field `name`."""
    return "--" + name.replace("_", "-")


def check(field: dataclasses.Field, value: object) -> str | float:
    """Returns the value, a NumPy number as Python's; raises UsageError unless it is of the type and within limits."""
    limits = field.metadata
    if isinstance(value, np.integer | np.floating):
        value = int(value) if isinstance(value, np.integer) else float(str(value))  # np.float32(0.8) means 0.8
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.type is str:
        if not isinstance(value, str):
            raise UsageError(f"{flag(field.name)} must be text, not {value!r}")
    elif not number or (field.type is int and not isinstance(value, int)) or not math.isfinite(value):
        raise UsageError(f"{flag(field.name)} must be {'a whole' if field.type is int else 'a'} number, not {value!r}")
    if limits["choices"] and value not in limits["choices"]:
        raise UsageError(f"{flag(field.name)} must be one of {', '.join(limits['choices'])}, not {value!r}")
    if limits["low"] is not None and value < limits["low"]:
        raise UsageError(f"{flag(field.name)} must be at least {limits['low']}, not {value}")
    if limits["above"] is not None and value <= limits["above"]:
        raise UsageError(f"{flag(field.name)} must be above {limits['above']}, not {value}")
    if limits["high"] is not None and value > limits["high"]:
        raise UsageError(f"{flag(field.name)} must be at most {limits['high']}, not {value}")
    return value
