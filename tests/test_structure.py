"""The structure of the suite: imports run one way, and files stay short."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest
from helpers import PROJECT

# From the lowest floor to the highest; a module may import from lower floors and from its own. The longest name counts.
FLOORS = (
    ("settings",),
    ("learners",),
    ("config",),
    ("settings.presets", "settings.flags", "policies.observation"),
    ("datasets", "data"),
    ("models",),
    ("nodes",),
    ("environment",),
    ("baselines", "policies", "node"),
    ("runs",),
    ("reporting",),
    ("main",),
    ("sweeps",),
    ("sweep", "report", "plots"),
    ("benchmarks", "studies"),
)
MOST_IN_ROOT, MOST_LINES = 9, 300


def modules():
    """Returns the paths of the committed Python files, without those of the tests."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=PROJECT, text=True)
    paths = [PROJECT / line for line in listed.split() if not line.startswith(("tests/", "."))]
    return [path for path in paths if path.exists()]


def name_of(path):
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def imports(path, names):
    """Returns which of the modules `names` a file imports, inside functions and for type checking too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & names) or {node.module}
    return found & names


def import_graph():
    names = {name_of(path) for path in modules()}
    return {name_of(path): imports(path, names) for path in modules()}


def floor(name):
    """Returns the number of the floor on which a module lives."""
    fitting = [
        (len(prefix), number)
        for number, prefixes in enumerate(FLOORS)
        for prefix in prefixes
        if f"{name}.".startswith(f"{prefix}.")
    ]
    assert fitting, f"{name} has no floor"
    return max(fitting)[1]


def cycle(graph):
    """Returns a cycle of modules, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]


def test_no_module_imports_itself_by_way_of_others():
    assert not cycle(import_graph())
    assert cycle({"a": {"b"}, "b": {"a"}, "c": {"a"}})


def test_imports_run_one_way():
    wrong = [
        f"{name} imports {other}" for name, all in import_graph().items() for other in all if floor(other) > floor(name)
    ]
    assert not wrong


def test_few_modules_in_the_root():
    assert len([path for path in modules() if path.parent == PROJECT]) <= MOST_IN_ROOT


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_modules_are_short(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_pip_says_that_this_is_no_package(tmp_path):
    for name in ("pyproject.toml", ".ci/no_package.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((PROJECT / name).read_text())
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path / "wheels"), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode
    assert "is a suite of scripts, not a package: run `pip install -r requirements.txt`" in ended.stdout + ended.stderr
