"""Settings: what the command line accepts is what Config accepts, for values that Hypothesis draws."""

import dataclasses
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import Config
from runs.options import parse
from settings.declare import flag, to_text
from settings.errors import UsageError

FIELDS = dataclasses.fields(Config)


def values(field):
    """Returns a strategy for what a field may hold, at its limits and between them."""
    limits = field.metadata
    if limits["choices"] and field.type is str:
        return st.sampled_from(limits["choices"])
    if field.type is bool:
        return st.booleans()
    if field.type is int:
        return st.integers(limits["low"] or 0, limits["high"] or 10**6)
    if field.type is float:
        low = limits["low"] if limits["above"] is None else limits["above"]
        return st.floats(low, limits["high"] or 1e6, exclude_min=limits["above"] is not None)
    return st.just(field.default)


@given(st.data())
def test_command_line_and_config_agree(data):
    """What Config accepts the command line accepts, with the same values; what it refuses is refused."""
    chosen = {field.name: data.draw(values(field)) for field in data.draw(st.sets(st.sampled_from(FIELDS), max_size=6))}
    arguments = [text for name, value in chosen.items() for text in (flag(name), str(to_text(value)))]
    try:
        expected = Config(**chosen)
    except UsageError as error:
        with pytest.raises(UsageError, match=f"^{re.escape(str(error))}$"):
            parse(arguments)
    else:
        assert parse(arguments)[0] == expected


@given(st.data())
def test_values_out_of_range_are_refused(data):
    field = data.draw(st.sampled_from([field for field in FIELDS if field.type in (int, float)]))
    limits = field.metadata
    wrong = [limits["low"] - 1 if limits["low"] is not None else limits["above"], math.nan, math.inf, "1", True, None]
    if limits["high"] is not None:
        wrong.append(limits["high"] + 1)
    value = data.draw(st.sampled_from(wrong))
    with pytest.raises(UsageError, match=f"^{flag(field.name)} must be"):
        Config(**{field.name: value})
