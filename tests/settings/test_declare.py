"""Settings: text and typed values, what each group checks, the order in which run.json has them."""

import dataclasses
import json

import numpy as np
import pytest
from helpers import PROJECT

from config import GROUPS, AgentSettings, Config, DataSettings, EpisodeSettings, FailureSettings, ObservationSettings
from runs.presets import AGENT_FIELDS, PAPER
from settings.errors import UsageError

FORMS = [
    ("agent_hidden_units", (64, 32), ["64,32", "64, 32", [64, 32], (np.int64(64), 32)], "64,32"),
    ("route", (0, 6, 6), ["0,6,6", [0, 6, 6]], "0,6,6"),
    ("route", (), ["", []], ""),
    ("leaving", ((3, 50), (7, 80)), ["3:50,7:80", "3: 50, 7:80", [[3, 50], [7, 80]], [(3, 50), "7:80"]], "3:50,7:80"),
    ("leaving", (), [""], ""),
    ("double_q", True, ["yes", np.bool_(True)], "yes"),
    ("double_q", False, ["no"], "no"),
    ("goal", 0.7, [np.float32(0.7)], 0.7),
    ("seed", 3, [np.uint8(3)], 3),
]


@pytest.mark.parametrize(("name", "typed", "others", "text"), FORMS)
def test_text_and_typed_values_make_the_same_config(name, typed, others, text):
    expected = Config(**{name: typed})
    value = getattr(expected, name)
    assert (value, type(value)) == (typed, type(typed))
    assert expected.as_text()[name] == text
    for other in others:
        config = Config(**{name: other})
        assert config == expected
        assert hash(config) == hash(expected)
        assert repr(config) == repr(expected)  # no NumPy numbers are left
    assert Config(**json.loads(json.dumps(expected.as_text()))) == expected


REFUSED = {  # by what is said of them
    "--agent-hidden-units must be widths like 500,200": ("", (), "0", "5.5", "5,x", "100001", (5.0,), 64, "9" * 5000),
    "--route must be nodes like 0,6,6,1": ("0,-1", "0;1", (0, -1), (0, 1.5), 0, None),
    "--leaving must be nodes and episodes like 3:50,7:80": ("3", "3:5:7", "3:x", ":", "3:5,", ((3,),), ((3, -5),), 3),
    "--leaving must name each node once": ("3:50,3:60",),
    "--double-q must be yes or no": ("", "true", 1, 0, None, ["yes"]),
    "--goal must be a number": ("0.5", True, None, float("nan")),
    "--seed must be a whole number": ("1", 1.0, False),
    "--seed must be at most": (10**400,),
    "--load-agent must be text": (3, None),
}


@pytest.mark.parametrize("says", REFUSED)
def test_other_values_are_refused_by_the_name_of_their_flag(says):
    name = says.split()[0].removeprefix("--").replace("-", "_")
    for value in REFUSED[says]:
        with pytest.raises(UsageError, match=f"^{says}") as refused:
            Config(**{name: value})
        assert "\n" not in str(refused.value)


def test_each_group_checks_its_own_settings():
    assert AgentSettings(minibatch=5, replay_size=5).minibatch == 5
    with pytest.raises(UsageError, match="--minibatch must be at most --replay-size"):
        AgentSettings(minibatch=6, replay_size=5)
    with pytest.raises(UsageError, match="--pca-components must be at least 1"):
        ObservationSettings(pca_components=0)
    with pytest.raises(UsageError, match="--leaving must name each node once"):
        FailureSettings(leaving="3:50,3:50")
    assert EpisodeSettings(route="12,3").route == (12, 3)  # how many nodes there are another group tells
    with pytest.raises(UsageError, match="--route must be nodes below 10"):
        Config(route="0,12")


def test_config_is_made_of_the_groups():
    assert all(isinstance(Config(), group) for group in GROUPS)
    assert [field.name for group in GROUPS for field in dataclasses.fields(group)] == list(dataclasses.asdict(Config()))
    changed = dataclasses.replace(Config(), nodes=12)
    assert isinstance(changed, DataSettings)
    assert changed.nodes == 12


def test_the_order_in_run_json_is_that_of_published_runs():
    """The preset `paper` is spelled out in that order. A setting had another name then, and some came later."""
    assert json.dumps(Config().as_text()) == json.dumps(PAPER)
    runs = json.loads((PROJECT / "results/claims/runs.json").read_text())["runs"]
    published = [name.replace("_dtype", "") for name in runs["dqn-disjoint-seed0"]["config"]]
    assert len(set(published) & set(PAPER)) > 40
    assert [name for name in PAPER if name in published] == [name for name in published if name in PAPER]


def test_what_concerns_the_agent_alone_follows_from_its_groups():
    assert {"pca_components", "agent_hidden_units", "discount", "greedy_from"} < set(AGENT_FIELDS)
    assert {"leaving", "failed_attempts", "route", "adam_epsilon", "seed"}.isdisjoint(AGENT_FIELDS)
