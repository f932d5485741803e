"""Named sets of settings, and which settings concern the learning agent alone."""

from config import Config

# What each preset changes in the defaults of config.py.
PRESETS = {
    "paper": {},
    "published-code": {"split": "published"},
    "quick": {"episodes": 10, "goal": 0.5, "round_limit": 20, "minibatch": 32},
}
PRESET_HELP = {
    "paper": "the authors' settings with disjoint supplementary images",
    "published-code": "the same with the slices that the authors' code takes",
    "quick": "about a minute on 2 cores; its numbers prove nothing",
}

_FIELDS = tuple(Config.__dataclass_fields__)
AGENT_FIELDS = _FIELDS[_FIELDS.index("observation") :]  # whatever they say, other policies do the same
ANY = "any"  # stands for such a setting's value where it makes no difference


def concerns_agent_alone(name, values):
    """Tells whether a setting, a field or `preset`, with any of these values leaves other policies as they are."""
    if name == "preset":
        return all(value in PRESETS and set(PRESETS[value]) <= set(AGENT_FIELDS) for value in values)
    return name in AGENT_FIELDS
