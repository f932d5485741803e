"""Reads the settings of runs of earlier versions: `run.json` has the number of the schema that wrote it."""

from config import Config
from settings.errors import UsageError

SCHEMA = 2  # goes up when a setting is added, renamed or removed, or when the meaning of one changes
# Settings that a run of the schema before may lack, with the value that stands for what was done then. These values
# never change: whoever edits the defaults of config.py edits later runs alone.
ADDED = {
    1: {
        "learner": "cnn",
        "learner_variant": "",
        "renamed_share": 0,
        "round_price": 0,
        "explore_repeat": 1,
        "patience": 0,
        "greedy_from": 0,
        "average_last": 0,
    }
}
# Settings of that schema that have another name since, and what their values are called now.
RENAMED = {
    1: {
        "evaluation_dtype": (
            "evaluation",
            # The description tells which of the arithmetics that are gone it was.
            {"winograd-checked": "auto", "bfloat16": "auto", "bfloat16-checked": "auto"},
        )
    }
}
RESUMABLE = 2  # the first schema whose checkpoints and tables a resume can go on from


def read_settings(settings: dict, schema: int) -> Config:
    """Returns the Config of a run whose settings `schema` wrote.

    Raises UsageError for a schema that this version does not know, ValueError where a setting is missing or unknown.
    """
    if schema not in range(1, SCHEMA + 1):
        raise UsageError(f"it was written by schema {schema}, this version reads 1 to {SCHEMA}; use a later version")
    for number in range(schema, SCHEMA):
        settings = ADDED.get(number, {}) | settings
        for old, (new, values) in RENAMED.get(number, {}).items():
            value = settings.pop(old)
            settings[new] = values.get(value, value)
    if differing := set(settings) ^ set(Config.__dataclass_fields__):
        raise ValueError(f"{min(differing)} is missing or unknown")
    return Config(**settings)
