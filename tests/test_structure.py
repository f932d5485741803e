"""The structure of the suite: imports run one way, files stay short, and the tests mirror the tree."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

from helpers import PROJECT, files, modules

# From the lowest floor to the highest; a module may import from lower floors and from its own. The longest name counts.
FLOORS = (
    ("settings",),
    ("learners",),
    ("config",),
    ("policies.observation", "reporting.style", "reporting.episode_picture"),
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
    ("benchmarks", "studies", "examples"),
)
MOST_IN_ROOT, MOST_LINES = 9, 300
OF_THE_WHOLE = {"test_structure", "test_readme", "test_examples"}  # test files that belong to no module


def name_of(path, root=PROJECT):
    """Returns the dotted name of a module or a package, as an import has it."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imports(path, names):
    """Returns which of the modules `names` a file imports, inside functions and for type checking too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in names else node.module)
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


def test_files_are_short():
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in files()}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_tests_mirror_the_tree():
    """tests/runs/test_folder.py is of runs/folder.py, as test_folder_locks.py would be; test_runs.py of the package."""
    names = {name_of(path).replace("__main__", "main") for path in modules()}
    packages = {name.rpartition(".")[0] for name in names if "." in name}
    names |= packages | {f"{package}.{package.rpartition('.')[2]}" for package in packages}
    tests = [path for path in files() if path.name.startswith("test_") and path.stem not in OF_THE_WHOLE]
    tested = {name_of(path, PROJECT / "tests").replace("test_", "", 1) for path in tests}
    assert tested
    assert not {test for test in tested if not any(test == name or test.startswith(f"{name}_") for name in names)}


def test_pip_says_that_this_is_no_package(tmp_path):
    for name in ("pyproject.toml", ".ci/no_package.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((PROJECT / name).read_text())
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(tmp_path / "wheels"), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode
    assert "is a suite of scripts, not a package: run `pip install -r requirements.txt`" in ended.stdout + ended.stderr
