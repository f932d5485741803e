"""Defines the presets, named sets of settings, and which settings concern the learning agent alone."""

import dataclasses
from collections.abc import Collection

from config import AgentSettings, Config, ObservationSettings
from settings.user_classes import is_import_path

# The authors' settings with disjoint supplementary images, spelled out, so that editing config.py does not move them.
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
    "save_model": "none",
    "dataset": "mnist",
    "data_path": "",
    "nodes": 10,
    "samples_per_node": 500,
    "main_class_share": 0.8,
    "split": "disjoint",
    "dirichlet_alpha": 0.5,
    "world": "authors",
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
    "pca_components": 10,
    "agent_hidden_units": "500,200",
    "agent_learning_rate": 1e-3,
    "discount": 0.9,
    "replay_size": 50_000,
    "minibatch": 128,
    "agent_batch_size": 16,
    "target_normalisation": "frobenius",
    "updates": 1,
    "double_q": "no",
    "target_every": 0,
    "epsilon": 1.0,
    "epsilon_decay": 0.02,
    "epsilon_end": 0,
    "load_agent": "",
    "greedy_from": 0,
}
# What each preset changes in PAPER.
CHANGES = {
    "paper": {},
    "published-code": {"split": "published"},
    "quick": {"episodes": 10, "goal": 0.5, "round_limit": 20, "minibatch": 32},
    "improved": {"policy": "route-agent", "episodes": 140, "greedy_from": 121},
}
PRESETS = {name: PAPER | changes for name, changes in CHANGES.items()}
PRESET_HELP = {
    "paper": "the authors' settings, disjoint supplementary images",
    "published-code": "paper, with the data slices of the authors' code",
    "quick": "a run of a minute; its numbers prove nothing",
    "improved": "paper, with our agent that searches routes",
}
EDITED = "edited"  # names the settings of a run without a preset once the defaults of config.py have been edited

OF_AGENT = tuple(field.name for field in dataclasses.fields(AgentSettings))
# Other policies of this project do the same whatever these settings are.
AGENT_FIELDS = (*(field.name for field in dataclasses.fields(ObservationSettings)), *OF_AGENT)
LENGTH = "episodes"  # a policy that does not learn does the same in every episode, however many there are
ANY = "any"  # stands for the value of a setting that makes no difference


def default_preset() -> str:
    """Returns the name of the settings that a run without `--preset` starts from."""
    return "paper" if Config().as_text() == PAPER else EDITED


def concerns_agent_alone(name: str, values: Collection, policy: str) -> bool:
    """Tells whether a setting, a field or `preset`, with any of these values leaves a `policy` that does not learn as
    it is. Policies of this project do not use the observation; a user's may."""
    alone = OF_AGENT if is_import_path(policy) else AGENT_FIELDS
    if name == "preset":
        return all(value in CHANGES and set(CHANGES[value]) <= {*alone, LENGTH} for value in values)
    return name in alone
