"""Which experiment is run: every knob with its default, its range, its unit and its source.

Editing a default here changes every later run; each field is also a flag of `main.py` (`goal` is `--goal`).
Sources: "authors" is the behaviour of the authors' published code, "ours" is a choice of this project.
"""

import dataclasses

from learners import VARIANTS
from settings.declare import check, knob
from settings.errors import UsageError
from settings.names import OF_EPISODE, PARTS, REFERENCES, YES_NO


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment. Raises UsageError where a value is of the wrong type or out of range."""

    # The run
    policy: str = knob(
        "dqn",
        "who picks the next node (authors: dqn), see policies/rules.py; or a training in which none is picked, for "
        "comparison: " + ", ".join(REFERENCES),
        choices=("dqn", "random", "standalone", "round-robin", "nearest", "home", "route", *REFERENCES),
    )
    episodes: int = knob(
        120, "number of the last episode, each one whole decentralized training (authors)", low=1, high=10**6
    )
    first_episode: int = knob(
        1, "number of the first episode, whose initial weights are those of this number in other runs (ours)", low=1
    )
    seed: int = knob(0, "seed of everything random but the distances (authors: none)", low=0, high=2**32 - 1)
    threads: int = knob(2, "processor threads; part of what fixes the last digits (ours)", low=1, high=1024)
    evaluation_batch: int = knob(
        250, "test images evaluated at once; for speed, but a learner's noise depends on it (ours)", low=1, high=10**6
    )
    # Deviation D9: by default compiled code finds the test images' classes, and Keras' layers those that are close.
    evaluation: str = knob(
        "auto",
        "how test images are classified: by Keras' layers (float32: authors), several times as fast by compiled code "
        "with Keras' layers where two classes are close (fused-checked), or so where possible (auto)",
        choices=("auto", "fused-checked", "float32"),
    )
    evaluation_samples: int = knob(
        0, "test images used, spread evenly over the file, for exploration; 0: all (authors)", low=0
    )
    figure_every: int = knob(
        20, "draw the figures every so many episodes, 0: only at the end, -1: never (ours)", low=-1, high=10**6
    )

    # The nodes and their data
    dataset: str = knob(
        "mnist", "image data set (authors: mnist)", choices=("mnist", "fashion-mnist", "digits-stand-in")
    )
    data_path: str = knob("", ".npz file or folder of idx files; empty: $HL_DATA, else Keras' cache or download (ours)")
    nodes: int = knob(10, "nodes; 100 also fit MNIST (authors)", low=2, high=10_000)
    samples_per_node: int = knob(500, "training images a node (authors)", low=1, high=10**6)
    main_class_share: float = knob(0.8, "share of a node's images that are of its main class (authors)", low=0, high=1)
    # Deviation D7: the default is the other reading of the supplementary data; preset published-code is the authors'.
    split: str = knob(
        "disjoint",
        "supplementary images: the next ones for each node (disjoint), the same start of the file for ten nodes "
        "(published: authors' code); or no main class and Dirichlet label shares (dirichlet)",
        choices=("disjoint", "published", "dirichlet"),
    )
    dirichlet_alpha: float = knob(0.5, "concentration of the label shares, for --split dirichlet (ours)", above=0)

    # The travelling model and one round
    learner: str = knob("cnn", "model and how a node trains it, see learners/ (authors: cnn)", choices=tuple(VARIANTS))
    learner_variant: str = knob("", "form of the learner; empty: its first, see learners/ (ours)")
    local_epochs: int = knob(1, "epochs a round (authors)", low=1, high=1000)
    batch_size: int = knob(32, "training images a gradient step (authors)", low=1, high=10**6)
    learning_rate: float = knob(1e-3, "Adam's step size at the nodes (authors)", above=0)
    adam_beta_1: float = knob(0.9, "Adam's decay of the mean gradient, nodes and agent (authors)", low=0, high=0.999999)
    adam_beta_2: float = knob(0.999, "Adam's decay of the squares, nodes and agent (authors)", low=0, high=0.999999)
    adam_epsilon: float = knob(1e-7, "Adam's epsilon, nodes and agent (authors)", above=0)

    # One episode
    goal: float = knob(0.8, "test accuracy that ends an episode (authors)", above=0, high=1)
    round_limit: int = knob(36, "rounds after which an episode ends without the goal (authors)", low=1, high=10**6)
    starter: int = knob(0, "the node that trains in round 1 (authors)", low=0)
    nodes_per_round: int = knob(1, "nodes that train in a round, their models averaged (authors)", low=1)
    distance_seed: int = knob(0, "seed of the distances between nodes (authors)", low=0, high=2**32 - 1)
    distance_scale: float = knob(0.1, "the farthest that two nodes can be apart (authors)", low=0)
    reward_base: float = knob(32.0, "base of the reward's accuracy term (authors)", above=0)
    home_leave_rate: float = knob(0.2, "how often --policy home leaves home (ours)", low=0, high=1)
    route: str = knob("", "for --policy route: the nodes of rounds 1, 2, ..., like 0,6,6,1, again and again (ours)")

    # Nodes that fail (ours)
    drop_rate: float = knob(0, "probability that a node other than the holder is unreachable in a round", low=0, high=1)
    leaving: str = knob("", "nodes that leave for good, and in which episode, like 3:50,7:80")
    failed_attempts: str = knob(
        "free", "is the way to an unreachable node part of the distance?", choices=("free", "charged")
    )

    # What the agent sees
    observation: str = knob(
        "pca",
        "parts of what the agent sees, of pca (how training moved the shared model: authors), node-models (the same of "
        "each node's own last model), holder, visits, last-visit, distances, round, accuracy",
    )
    pca_components: int = knob(10, "principal components of the node models in the observation (authors)", low=1)

    # The DQN agent
    agent_hidden_units: str = knob("500,200", "widths of the Q-network's hidden layers (authors)")
    agent_network: str = knob(
        "dense",
        "Q-network: dense (authors), or the same weights for every node (shared)",
        choices=("dense", "shared"),
    )
    agent_learning_rate: float = knob(1e-3, "Adam's step size for the Q-network (authors)", above=0)
    discount: float = knob(0.9, "discount of the next round's value (authors)", low=0, high=1)
    replay_size: int = knob(50_000, "transitions kept (authors)", low=1, high=10**7)
    minibatch: int = knob(128, "transitions drawn after an episode; fewer: no training (authors)", low=1, high=10**6)
    agent_batch_size: int = knob(16, "transitions a gradient step of the Q-network (authors)", low=1, high=10**6)
    target_normalisation: str = knob(
        "frobenius",
        "divide the minibatch's target matrix by its norm (authors: frobenius)",
        choices=("frobenius", "none"),
    )
    updates: int = knob(1, "minibatches learned at an episode's end (authors: 1)", low=1, high=10**5)
    n_step: int = knob(1, "rewards added up before the next value is used (authors: 1)", low=1, high=10**6)
    double_q: str = knob("no", "let the network choose the action whose value the target network tells", choices=YES_NO)
    target_every: int = knob(0, "minibatches after which a target network is renewed, 0: none (authors)", low=0)
    replay: str = knob(
        "uniform", "draw all transitions alike (authors), or all actions (balanced)", choices=("uniform", "balanced")
    )
    renamed_share: float = knob(
        0, "share of what is learned from that is imagined: other names of the nodes (authors: 0)", low=0, high=1
    )
    shaping: float = knob(0, "weight of the discounted gain in accuracy in what is learned from (authors: 0)", low=0)
    round_price: float = knob(0, "taken from every reward that is learned from, for fewer rounds (authors: 0)", low=0)
    explore_repeat: float = knob(
        1, "for how many rounds a random choice is kept, the mean of a geometric draw (authors: 1)", low=1, high=1000
    )
    patience: int = knob(0, "rounds stalled near the goal after which the agent leaves (authors: 0, never)", low=0)
    epsilon: float = knob(1.0, "share of random choices in the first episode (authors)", low=0, high=1)
    epsilon_decay: float = knob(0.02, "epsilon is multiplied by exp(-this) after every episode (authors)", low=0)
    epsilon_end: float = knob(0, "epsilon never falls below this (authors: 0)", low=0, high=1)
    load_agent: str = knob("", "file agent.npz of another run, whose agent this one starts with (ours)")
    greedy_from: int = knob(
        0, "from this episode on the agent neither explores nor learns, 0: never (authors)", low=0, high=10**6
    )
    average_last: int = knob(0, "last episodes whose networks' mean is the greedy agent; 0: the very last one", low=0)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, check(field, getattr(self, field.name)))
        if self.pca_components > self.nodes:
            raise UsageError(f"--pca-components must be at most --nodes ({self.nodes}), not {self.pca_components}")
        if self.starter >= self.nodes:
            raise UsageError(f"--starter must be below --nodes ({self.nodes}), not {self.starter}")
        if self.nodes_per_round > self.nodes:
            raise UsageError(f"--nodes-per-round must be at most --nodes ({self.nodes}), not {self.nodes_per_round}")
        if self.minibatch > self.replay_size:
            raise UsageError(f"--minibatch must be at most --replay-size ({self.replay_size}), not {self.minibatch}")
        if self.policy in REFERENCES and (self.drop_rate or self.leaving or self.nodes_per_round > 1):
            raise UsageError(f"--policy {self.policy} takes neither --drop-rate nor --leaving nor --nodes-per-round")
        if self.first_episode > self.episodes:
            raise UsageError(f"--first-episode must be at most --episodes ({self.episodes}), not {self.first_episode}")
        lessons = self.greedy_from - self.first_episode
        if self.policy == "dqn" and self.average_last > max(0, lessons) and (lessons > 0 or self.greedy_from == 0):
            raise UsageError("--average-last needs --greedy-from, and at least as many episodes before that")
        if self.learner_variant not in ("", *VARIANTS[self.learner]):
            raise UsageError(f"--learner-variant must be one of {', '.join(VARIANTS[self.learner])} for this --learner")
        self.hidden_units()
        self.observation_parts()
        self.route_nodes()
        self.departures()

    def hidden_units(self) -> list[int]:
        """Returns the widths of the Q-network's hidden layers, [number of hidden layers]."""
        widths = self.agent_hidden_units.split(",")
        if not all(width.strip().isdecimal() and 0 < int(width) <= 100_000 for width in widths):
            raise UsageError(f"--agent-hidden-units must be widths like 500,200, not {self.agent_hidden_units!r}")
        return [int(width) for width in widths]

    def observation_parts(self) -> list[str]:
        """Returns the names of the parts of an observation, in order."""
        parts = self.observation.split(",")
        if len(set(parts)) < len(parts) or not set(parts) <= set(PARTS):
            raise UsageError(f"--observation must be different ones of {', '.join(PARTS)}, not {self.observation!r}")
        if self.agent_network == "shared" and set(parts) <= set(OF_EPISODE):
            raise UsageError("--agent-network shared needs a part of the observation that tells the nodes apart")
        return parts

    def route_nodes(self) -> list[int]:
        """Returns the nodes of a fixed route; raises UsageError where --policy route cannot follow them."""
        nodes = self.route.split(",") if self.route or self.policy == "route" else []
        if not all(node.strip().isdecimal() and int(node) < self.nodes for node in nodes):
            raise UsageError(f"--route must be nodes below {self.nodes} like 0,6,6,1, not {self.route!r}")
        if nodes and int(nodes[0]) != self.starter:
            raise UsageError(f"--route must begin with the starter ({self.starter}), not with {nodes[0]}")
        return [int(node) for node in nodes]

    def departures(self) -> dict[int, int]:
        """Returns from which episode on a node is gone, as a dict by node."""
        pairs = [pair.split(":") for pair in self.leaving.split(",")] if self.leaving else []
        if not all(len(pair) == 2 and all(number.strip().isdecimal() for number in pair) for pair in pairs):
            raise UsageError(f"--leaving must be nodes and episodes like 3:50,7:80, not {self.leaving!r}")
        gone = {int(node): int(episode) for node, episode in pairs}
        if self.starter in gone or max(gone, default=0) >= self.nodes:
            raise UsageError(f"--leaving must name nodes below {self.nodes} and not the starter ({self.starter})")
        return gone
