"""Named sets of settings, and which settings concern the learning agent alone."""

import dataclasses
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


# The authors' settings with disjoint supplementary images, all of them: editing config.py does not move this preset.
PAPER = {
    "policy": "dqn",
    "episodes": 120,
    "first_episode": 1,
    "seed": 0,
    "threads": 2,
    "evaluation_batch": 250,
    "evaluation": "auto",
    "evaluation_samples": 0,
    "figure_every": 20,
    "dataset": "mnist",
    "data_path": "",
    "nodes": 10,
    "samples_per_node": 500,
    "main_class_share": 0.8,
    "split": "disjoint",
    "dirichlet_alpha": 0.5,
    "learner": "cnn",
    "learner_variant": "",
    "local_epochs": 1,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "adam_beta_1": 0.9,
    "adam_beta_2": 0.999,
    "adam_epsilon": 1e-7,
    "goal": 0.8,
    "round_limit": 36,
    "starter": 0,
    "nodes_per_round": 1,
    "distance_seed": 0,
    "distance_scale": 0.1,
    "reward_base": 32.0,
    "home_leave_rate": 0.2,
    "route": "",
    "drop_rate": 0,
    "leaving": "",
    "failed_attempts": "free",
    "observation": "pca",
    "pca_components": 10,
    "agent_hidden_units": "500,200",
    "agent_network": "dense",
    "agent_learning_rate": 1e-3,
    "discount": 0.9,
    "replay_size": 50_000,
    "minibatch": 128,
    "agent_batch_size": 16,
    "target_normalisation": "frobenius",
    "updates": 1,
    "n_step": 1,
    "double_q": "no",
    "target_every": 0,
    "replay": "uniform",
    "renamed_share": 0,
    "shaping": 0,
    "round_price": 0,
    "explore_repeat": 1,
    "patience": 0,
    "epsilon": 1.0,
    "epsilon_decay": 0.02,
    "epsilon_end": 0,
    "load_agent": "",
    "greedy_from": 0,
    "average_last": 0,
}
# What each preset changes in PAPER.
CHANGES = {
    "paper": {},
    "published-code": {"split": "published"},
    "quick": {"episodes": 10, "goal": 0.5, "round_limit": 20, "minibatch": 32},
    **{name: _up_to(number) for number, name in enumerate(NAMES, 1)},
}
PRESETS = {name: PAPER | changes for name, changes in CHANGES.items()}
EDITED = "edited"  # names the settings of a run without a preset once the defaults of config.py have been edited
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


def default_preset() -> str:
    """Returns the name of the settings that a run without `--preset` starts from."""
    return "paper" if dataclasses.asdict(Config()) == PAPER else EDITED


def concerns_agent_alone(name: str, values: Collection) -> bool:
    """Tells whether a setting, a field or `preset`, with any of these values leaves other policies as they are."""
    if name == "preset":
        return all(value in CHANGES and set(CHANGES[value]) <= {*AGENT_FIELDS, LENGTH} for value in values)
    return name in AGENT_FIELDS
