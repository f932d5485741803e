"""Named sets of settings, and which settings concern the learning agent alone."""

from collections.abc import Collection

from config import Config

# From the authors' agent to a better one, change by change: (name, what it changes, settings, of the agent alone but
# for the number of episodes).
IMPROVEMENTS = (
    ("greedy", "20 episodes more, greedy ones", {"episodes": 140, "greedy_from": 121}),
    ("sight", "it sees where it was and what came out", {"observation": "holder,visits,last-visit,round,accuracy"}),
    ("targets", "targets are not normalised", {"target_normalisation": "none"}),
    (
        "updates",
        "200 minibatches an episode instead of one, a smaller network, smaller steps",
        {"updates": 200, "agent_hidden_units": "64,64", "agent_learning_rate": 3e-4, "agent_batch_size": 32},
    ),
    ("double-q", "double Q-learning with a target network", {"double_q": "yes", "target_every": 50}),
    ("n-step", "rewards of three rounds", {"n_step": 3}),
    ("horizon", "a higher discount", {"discount": 0.95}),
    (
        "exploring",
        "random choices last some rounds, and get rare sooner",
        {"explore_repeat": 3, "epsilon_decay": 0.03},
    ),
    ("renaming", "half of what it learns from are episodes with other names of the nodes", {"renamed_share": 0.5}),
    ("patience", "it leaves a node where the model has stalled near the goal", {"patience": 2}),
    ("price", "a round costs one more", {"round_price": 1}),
    ("averaging", "once greedy, its network is the mean of those after the 20 episodes before", {"average_last": 20}),
)
NAMES = [f"with-{name}" for name, *_ in IMPROVEMENTS[:-1]] + ["improved"]


def _up_to(number: int) -> dict:
    """Returns the settings of the first improvements together."""
    return {name: value for *_, settings in IMPROVEMENTS[:number] for name, value in settings.items()}


# What each preset changes in the defaults of config.py.
PRESETS = {
    "paper": {},
    "published-code": {"split": "published"},
    "quick": {"episodes": 10, "goal": 0.5, "round_limit": 20, "minibatch": 32},
    **{name: _up_to(number) for number, name in enumerate(NAMES, 1)},
}
PRESET_HELP = {
    "paper": "the authors' settings with disjoint supplementary images",
    "published-code": "the same with the slices that the authors' code takes",
    "quick": "about a minute on 2 cores; its numbers prove nothing",
    **{name: f"the one before, and {text}" for name, (_, text, _) in zip(NAMES, IMPROVEMENTS, strict=True)},
    NAMES[0]: f"paper, and {IMPROVEMENTS[0][1]}",
}

_FIELDS = tuple(Config.__dataclass_fields__)
AGENT_FIELDS = _FIELDS[_FIELDS.index("observation") :]  # whatever they say, other policies do the same
LENGTH = "episodes"  # a policy that does not learn does in each the same, however many there are
ANY = "any"  # stands for such a setting's value where it makes no difference


def concerns_agent_alone(name: str, values: Collection) -> bool:
    """Tells whether a setting, a field or `preset`, with any of these values leaves other policies as they are."""
    if name == "preset":
        return all(value in PRESETS and set(PRESETS[value]) <= {*AGENT_FIELDS, LENGTH} for value in values)
    return name in AGENT_FIELDS
