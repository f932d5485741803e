"""Declares every setting of a run, in groups: default, allowed values, unit, source and help text.

Editing a default here changes every later run. Each field is also a flag of `main.py` (`goal` is `--goal`).
A default declared by `setting` follows the authors' published code, unless its `source` names what they have instead.
`ours` declares an addition of this project.
"""

import dataclasses

from learners import VARIANTS
from settings.declare import Settings, ours, setting, to_text
from settings.errors import UsageError
from settings.names import DATASETS, LAST_SEED, LEARNING, REFERENCES, RULES


@dataclasses.dataclass(frozen=True)
class RunSettings(Settings):
    """The run and its evaluation."""

    policy: str = setting(
        "dqn",
        "policy that picks the next node, or a baseline in which no model travels (the last five); module:Class "
        "names a policy of your own",
        choices=(*LEARNING, *RULES, *REFERENCES),
        extensible="module:Class",
    )
    episodes: int = setting(120, "number of the last episode; an episode trains one new model", low=1, high=10**6)
    first_episode: int = ours(1, "number of the first episode; the number fixes the initial weights", low=1)
    seed: int = setting(0, "seed of all random draws, see also --world", source="authors: none", low=0, high=LAST_SEED)
    threads: int = ours(2, "processor threads; another number changes the last digits", low=1, high=1024)
    evaluation_batch: int = ours(
        250, "test images per evaluation batch; affects speed and the noise of some learners", low=1, high=10**6
    )
    # Deviation D9: by default compiled code finds the test images' classes, and Keras' layers those that are close.
    evaluation: str = setting(
        "auto",
        "how test images are classified: with Keras layers (float32), with faster compiled code that leaves close "
        "cases to the Keras layers (fused-checked), or with the compiled code wherever it works (auto)",
        source="authors: float32",
        choices=("auto", "fused-checked", "float32"),
    )
    evaluation_samples: int = setting(
        0, "test images to use, spread evenly over the file; fewer make exploration faster; 0: all", low=0
    )
    figure_every: int = ours(
        20, "episodes between drawings of the figures; 0: only at the end, -1: never", low=-1, high=10**6
    )
    save_model: str = ours(
        "none", "model to keep: of the best or last episode's end", choices=("none", "best.keras", "last.keras")
    )

    def check(self):
        super().check()
        if self.first_episode > self.episodes:
            raise UsageError(f"--first-episode must be at most --episodes ({self.episodes}), not {self.first_episode}")


@dataclasses.dataclass(frozen=True)
class DataSettings(Settings):
    """The nodes and their data."""

    dataset: str = setting(
        "mnist",
        "image data set; other, or a name of your own, takes any images from --data-path",
        choices=DATASETS,
        extensible="a name of letters, digits and dashes",
    )
    data_path: str = ours(
        "", ".npz file, or folder of idx files or of images by class; empty: $HL_DATA, Keras' cache or download"
    )
    nodes: int = setting(10, "number of nodes; MNIST is large enough for 100", low=2, high=10_000)
    samples_per_node: int = setting(500, "training images per node", low=1, high=10**6)
    main_class_share: float = setting(
        0.8, "share of node n's images in its main class, n modulo the number of classes", low=0, high=1
    )
    # Deviation D7: the default is the other reading of the supplementary data; preset published-code is the authors'.
    split: str = setting(
        "disjoint",
        "which images outside the main class a node gets: main images of other nodes, different ones for each node "
        "(disjoint) or the same ones for ten nodes (published), or images that no other node holds (exclusive); "
        "dirichlet draws each node's label shares, without a main class",
        source="authors: published",
        choices=("disjoint", "published", "exclusive", "dirichlet"),
    )
    dirichlet_alpha: float = ours(0.5, "concentration of the label shares with --split dirichlet", above=0)
    world: str = setting(
        "authors",
        "distances between the nodes, and order of the images before they are dealt out: authors is the same for "
        "all seeds (but for the deal of --split dirichlet), seed draws new ones for every --seed",
        choices=("authors", "seed"),
    )

    def check(self):
        super().check()
        if self.dataset not in DATASETS and not self.data_path:
            raise UsageError(
                f"--dataset must be one of {', '.join(DATASETS)}, or any name with --data-path, not {self.dataset!r}"
            )


@dataclasses.dataclass(frozen=True)
class TrainingSettings(Settings):
    """The travelling model and its training at a node."""

    learner: str = setting(
        "cnn",
        "the model and how a node trains it, see learners/; module:Class names one of your own",
        choices=tuple(VARIANTS),
        extensible="module:Class",
    )
    learner_variant: str = ours("", "variant of the learner, see learners/; empty: its first one")
    local_epochs: int = setting(1, "epochs per round", low=1, high=1000)
    batch_size: int = setting(32, "training images per gradient step", low=1, high=10**6)
    learning_rate: float = setting(1e-3, "Adam's learning rate at the nodes", above=0)
    adam_beta_1: float = setting(0.9, "Adam's decay rate of the mean gradient, nodes and agent", low=0, high=0.999999)
    adam_beta_2: float = setting(
        0.999, "Adam's decay rate of the squared gradient, nodes and agent", low=0, high=0.999999
    )
    adam_epsilon: float = setting(1e-7, "Adam's epsilon, nodes and agent", above=0)

    def check(self):
        super().check()
        variants = VARIANTS.get(self.learner)  # a user's class has its own
        if variants and self.learner_variant not in ("", *variants):
            raise UsageError(f"--learner-variant must be one of {', '.join(variants)} for this --learner")


@dataclasses.dataclass(frozen=True)
class EpisodeSettings(Settings):
    """The episode: its end, distances, reward and fixed rules."""

    goal: float = setting(0.8, "test accuracy that ends an episode, above 0 to 1", above=0, high=1)
    round_limit: int = setting(36, "rounds after which an episode ends without the goal", low=1, high=10**6)
    starter: int = setting(0, "node that trains in round 1", low=0)
    nodes_per_round: int = setting(1, "nodes that train in a round; their models are averaged", low=1)
    distance_seed: int = setting(0, "seed of the distances between nodes", low=0, high=LAST_SEED)
    distance_scale: float = setting(0.1, "largest possible distance between two nodes", low=0)
    reward_base: float = setting(32.0, "base of the reward's accuracy term", above=0)
    home_leave_rate: float = ours(0.2, "probability with which --policy home leaves the starter, 0 to 1", low=0, high=1)
    route: tuple[int, ...] = ours(
        (),
        "nodes that --policy route visits in rounds 1, 2, ..., like 0,6,6,1; starts over at its end",
        low=0,
        form="nodes like 0,6,6,1",
    )


@dataclasses.dataclass(frozen=True)
class FailureSettings(Settings):
    """Node failures."""

    drop_rate: float = ours(
        0, "probability that a node other than the model's holder is unreachable in a round, 0 to 1", low=0, high=1
    )
    leaving: tuple[tuple[int, int], ...] = ours(
        (),
        "nodes that leave for good and the episode in which each leaves, like 3:50,7:80",
        low=0,
        form="nodes and episodes like 3:50,7:80",
    )
    failed_attempts: str = ours(
        "free", "whether the way to an unreachable node adds to the distance", choices=("free", "charged")
    )

    def check(self):
        super().check()
        if len(dict(self.leaving)) < len(self.leaving):
            raise UsageError(f"--leaving must name each node once, not {to_text(self.leaving)!r}")


@dataclasses.dataclass(frozen=True)
class ObservationSettings(Settings):
    """What the agent observes."""

    pca_components: int = setting(10, "principal components of the node models in the observation", low=1)


@dataclasses.dataclass(frozen=True)
class AgentSettings(Settings):
    """The agent that learns."""

    agent_hidden_units: tuple[int, ...] = setting(
        (500, 200), "widths of the Q-network's hidden layers", low=1, high=100_000, form="widths like 500,200"
    )
    agent_learning_rate: float = setting(1e-3, "Adam's learning rate for the Q-network", above=0)
    discount: float = setting(0.9, "discount factor, 0 to 1", low=0, high=1)
    replay_size: int = setting(50_000, "capacity of the replay memory in transitions", low=1, high=10**7)
    minibatch: int = setting(
        128, "transitions sampled per update; the agent learns once it has as many", low=1, high=10**6
    )
    agent_batch_size: int = setting(16, "transitions per gradient step of the Q-network", low=1, high=10**6)
    target_normalisation: str = setting(
        "frobenius",
        "divide the targets of a minibatch by their Frobenius norm (frobenius), or not (none)",
        choices=("frobenius", "none"),
    )
    updates: int = setting(1, "minibatches learned at the end of each episode", low=1, high=10**5)
    double_q: bool = setting(False, "use double Q-learning")
    target_every: int = setting(0, "minibatches between updates of the target network; 0: no target network", low=0)
    epsilon: float = setting(1.0, "share of exploratory actions in the first episode, 0 to 1", low=0, high=1)
    epsilon_decay: float = setting(0.02, "epsilon is multiplied by exp(-this) after every episode", low=0)
    epsilon_end: float = setting(0, "lower bound of epsilon, 0 to 1", low=0, high=1)
    load_agent: str = ours("", "agent.npz of another run to start from; empty: a new agent")
    greedy_from: int = setting(
        0, "episode from which on the agent neither explores nor learns; 0: never", low=0, high=10**6
    )

    def check(self):
        super().check()
        if not self.agent_hidden_units:
            raise UsageError("--agent-hidden-units must be widths like 500,200, not ''")
        if self.minibatch > self.replay_size:
            raise UsageError(f"--minibatch must be at most --replay-size ({self.replay_size}), not {self.minibatch}")


@dataclasses.dataclass(frozen=True)
class Config(  # from the last group to the first: in this order dataclasses puts the first group's fields first
    AgentSettings,
    ObservationSettings,
    FailureSettings,
    EpisodeSettings,
    TrainingSettings,
    DataSettings,
    RunSettings,
):
    """Holds all settings of one run. Raises UsageError where a value is of the wrong type or out of range."""

    def check(self):
        super().check()
        if self.pca_components > self.nodes:
            raise UsageError(f"--pca-components must be at most --nodes ({self.nodes}), not {self.pca_components}")
        if self.starter >= self.nodes:
            raise UsageError(f"--starter must be below --nodes ({self.nodes}), not {self.starter}")
        if self.nodes_per_round > self.nodes:
            raise UsageError(f"--nodes-per-round must be at most --nodes ({self.nodes}), not {self.nodes_per_round}")
        if self.policy in REFERENCES and (self.drop_rate or self.leaving or self.nodes_per_round > 1):
            raise UsageError(f"--policy {self.policy} takes neither --drop-rate nor --leaving nor --nodes-per-round")
        if max(self.route, default=0) >= self.nodes or (self.policy == "route" and not self.route):
            raise UsageError(f"--route must be nodes below {self.nodes} like 0,6,6,1, not {to_text(self.route)!r}")
        if self.route and self.route[0] != self.starter:
            raise UsageError(f"--route must begin with the starter ({self.starter}), not with {self.route[0]}")
        gone = dict(self.leaving)
        if self.starter in gone or max(gone, default=0) >= self.nodes:
            raise UsageError(f"--leaving must name nodes below {self.nodes} and not the starter ({self.starter})")


GROUPS = Config.__bases__[::-1]
