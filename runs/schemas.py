"""Reads the settings of runs of earlier versions: `run.json` has the number of the schema that wrote it."""

from config import Config
from settings.declare import flag
from settings.errors import UsageError
from settings.names import LEARNING
from settings.user_classes import is_import_path

SCHEMA = 6  # goes up when a setting is added, renamed or removed, or when the meaning of one changes
RESUMABLE = 2  # the first schema whose checkpoints and tables a resume can go on from


def _from_schema_1(settings: dict) -> dict:
    """Returns settings of schema 1 as those of schema 2. Some runs lack what was added while schema 1 was written.

    The values added stand for what was done then, and never change: editing config.py edits later runs alone.
    """
    added = {
        "learner": "cnn",
        "learner_variant": "",
        "greedy_from": 0,
    }
    settings = added | settings
    evaluation = settings.pop("evaluation_dtype")
    # The description tells which of the arithmetics that are gone it was.
    gone = ("winograd-checked", "bfloat16", "bfloat16-checked")
    return settings | {"evaluation": "auto" if evaluation in gone else evaluation}


def _from_schema_2(settings: dict) -> dict:
    """Returns settings of schema 2 as those of schema 3."""
    return settings | {"world": "authors"}


def _from_schema_3(settings: dict) -> dict:
    """Returns settings of schema 3 as those of schema 4."""
    return settings | {"save_model": "none"}


def _from_schema_4(settings: dict) -> dict:
    """Returns settings of schema 4 as those of schema 5; raises UsageError where an option that is gone was in use."""
    return _without(settings, {"replay": "uniform", "shaping": 0})


def _from_schema_5(settings: dict) -> dict:
    """Returns settings of schema 5 as those of schema 6; raises UsageError where an option that is gone was in use.

    Rules and baselines of this project did the same with any of these options.
    """
    gone = {"observation": "pca", "agent_network": "dense", "n_step": 1, "renamed_share": 0, "round_price": 0}
    gone |= {"explore_repeat": 1, "average_last": 0, "patience": 0}
    if settings["policy"] in LEARNING or is_import_path(settings["policy"]):
        return _without(settings, gone)
    return {name: value for name, value in settings.items() if name not in gone}


def _without(settings: dict, gone: dict) -> dict:
    """Returns settings without options that are gone, given with their defaults; raises UsageError where one had
    another value."""
    for name, default in gone.items():
        if (value := settings.get(name, default)) != default:
            raise UsageError(f"it was made with {flag(name)} {value}, which is gone; use the version of its commit")
    return {name: value for name, value in settings.items() if name not in gone}


def read_settings(settings: dict, schema: int) -> Config:
    """Returns the Config of a run whose settings `schema` wrote.

    Raises UsageError for a schema that this version does not know, ValueError where a setting is missing or unknown.
    """
    if schema not in range(1, SCHEMA + 1):
        raise UsageError(f"it was written by schema {schema}, this version reads 1 to {SCHEMA}; use a later version")
    if schema == 1:
        settings = _from_schema_1(settings)
    if schema <= 2:
        settings = _from_schema_2(settings)
    if schema <= 3:
        settings = _from_schema_3(settings)
    if schema <= 4:
        settings = _from_schema_4(settings)
    if schema <= 5:
        settings = _from_schema_5(settings)
    if differing := set(settings) ^ set(Config.__dataclass_fields__):
        raise ValueError(f"{min(differing)} is missing or unknown")
    return Config(**settings)
