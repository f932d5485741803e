"""Episodes that begin as good ones, changed at random: as which, when, for how long, and after a restart."""

import numpy as np

from config import Config
from node import DQNAgent

TINY = {"nodes": 4, "pca_components": 2, "agent_hidden_units": "8", "guided_share": 1}
INFO = {"accuracy": 0.5, "previous_accuracy": 0.2}


def follow(agent, nodes, reward):
    """Lets the agent remember an episode whose rounds after the first were at these nodes, each with this reward."""
    for index, action in enumerate(nodes, 1):
        agent.remember(np.zeros(8, "f4"), action, reward, np.zeros(8, "f4"), index == len(nodes), INFO)


def test_guided_episodes_begin_as_the_best_ones(monkeypatch):
    """Nine bad episodes and eight good ones of four rounds: the parents are the good ones alone, for four rounds."""
    agent, parents = DQNAgent(Config(round_limit=6, **TINY)), []
    monkeypatch.setattr("node.changed", lambda *arguments: parents.append(arguments[:3]) or (0, 3, 2, 2, 2, 2))
    for _ in range(9):
        follow(agent, [1, 1, 1], -1.0)
    for _ in range(8):
        follow(agent, [2, 2, 3], -0.5)
    for episode in range(30):
        rng = np.random.default_rng(episode)
        rankings = [agent.rank(np.zeros(8, "f4"), INFO | {"round": round}, rng) for round in (1, 2, 3)]
        assert rankings == [([3], False), ([2], False), ([2], False)]
        assert len(agent.rank(np.zeros(8, "f4"), INFO | {"round": 4}, rng)[0]) == 4  # the agent's own, of all nodes
    assert parents == [((0, 2, 2, 3, 3, 3), (0, 2, 2, 3, 3, 3), 4)] * 30


def test_a_restored_agent_is_guided_alike():
    agent, again = (DQNAgent(Config(round_limit=20, **TINY)) for _ in range(2))
    for episode in range(12):
        follow(agent, [episode % 4, 3, 1, 1], -1.0 - episode % 5)
    again.restore(agent.state())
    for episode in range(20):
        for each in (agent, again):
            each.rank(np.zeros(8, "f4"), INFO | {"round": 1}, np.random.default_rng(episode))
        assert agent.guide == again.guide
    assert agent.guide[0] == 0


def test_guidance_begins_with_random_stays_and_ends_with_learning():
    agent = DQNAgent(Config(**TINY | {"guided_share": 0.5}, greedy_from=2, round_limit=60))
    rng = np.random.default_rng(0)
    first, *rounds = [INFO | {"round": round} for round in range(1, 60)]
    guided, kept = [], []
    for _ in range(60):
        agent.rank(np.zeros(8, "f4"), first, rng)
        guided.append(bool(agent.guide))
        if agent.guide:
            nodes = [agent.rank(np.zeros(8, "f4"), info, rng)[0][0] for info in rounds]
            assert nodes == list(agent.guide[2:])
            kept.append(np.mean(np.diff(nodes) == 0))
    assert 18 <= sum(guided) <= 42  # 30, within three standard errors
    assert 0.6 < np.mean(kept) < 0.9  # a stay goes on with probability 0.7, or the same node is drawn again
    agent.learn(rng, 1)
    assert agent.rank(np.zeros(8, "f4"), first, rng)[1]
    assert not agent.guide
