"""Classes of a user's own modules."""

import pytest

from policies.rules import Policy, learns
from settings.errors import UsageError
from settings.user_classes import is_import_path, user_class

MODULE = """
from policies.rules import Policy

class Lazy(Policy):
    pass

class Keen(Policy):
    learns = True

    def rank(self, observation, info, rng):
        return [0], True

class Demanding(Policy):
    def __init__(self, config, distances, patience):
        super().__init__(config, distances)

    def rank(self, observation, info, rng):
        return [0], True

class Modest(Demanding):
    def __init__(self, config, distances=None, *, patience=3):
        super().__init__(config, distances, patience)

class Stranger:
    def rank(self, observation, info, rng):
        return [0], True
"""


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """The name of a module with policies, in the present folder."""
    (tmp_path / "their_rules.py").write_text(MODULE)
    (tmp_path / "data.py").write_text(MODULE)
    (tmp_path / "broken_rules.py").write_text("import nothing_of_this_name")
    (tmp_path / "quitting_rules.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    return "their_rules"


def test_import_paths():
    assert all(map(is_import_path, ("a:B", "a.b_1:C2")))
    assert not any(map(is_import_path, ("a", "a:", ":B", "a:B:C", "1a:B", "a b:C", "a..b:C", "a:B.c")))


def test_a_users_policy(rules):
    found = user_class(f"{rules}:Keen", Policy, "rank")
    assert issubclass(found, Policy)
    assert user_class(f"{rules}:Modest", Policy, "rank")(None, None).config is None
    assert learns(f"{rules}:Keen")
    assert not learns(f"{rules}:Lazy")
    assert learns("dqn")
    assert not learns("random")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere:Keen", "nowhere:Keen cannot be imported .*No module named 'nowhere'.*start in the folder of nowhere"),
        ("broken_rules:Keen", "No module named 'nothing_of_this_name'"),
        ("quitting_rules:Keen", "quitting_rules:Keen cannot be imported .SystemExit: "),
        ("their_rules:Nobody", "has no attribute 'Nobody'"),
        ("data:Keen", "data:Keen cannot be imported .*; data is the name of a module of this project"),
        ("policies.mine:Keen", "No module named 'policies.mine'.*; policies is the name of a module of this project"),
        ("their_rules:Stranger", "must be a subclass of policies.rules.Policy"),
        ("their_rules:Lazy", "must define the method rank"),
        (
            "their_rules:Demanding",
            r"of their_rules:Demanding must take config and distances, as .*not \(config, distances, patience\)",
        ),
    ],
)
def test_what_is_lacking_is_said(rules, name, says):
    with pytest.raises(UsageError, match=says):
        user_class(name, Policy, "rank")
