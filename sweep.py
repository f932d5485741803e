"""Runs many experiments side by side: `python sweep.py --policies dqn,random --seeds 0-9 --out DIR`.

Every policy runs with every seed, split and setting; all other flags are those of `main.py` and hold for all runs.
Finished runs are skipped and interrupted ones resumed, so the same command goes on until all is done.
"""

import argparse
import itertools
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

import main as experiment
from config import Config, Parser, UsageError, flag
from data import STAND_IN
from presets import concerns_agent_alone
from run_folder import holds_run, logged_episodes
from runs.command_line import command, path_argument, seed_list, text_list
from runs.description import fixed_settings, processors, read_description
from runs.terminal import SWEEP
from screen import progress_bar

if TYPE_CHECKING:
    from ray_sweep import RayWorkers

MAIN = Path(experiment.__file__)
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LEARNING = ("dqn",)  # the policies that need many episodes
# main.py's flags that would contradict what the sweep gives each run, and the sweep's own for them.
OWN = {
    "policy": "--policies",
    "split": "--splits",
    "seed": "--seeds",
    "run-dir": "--out",
    "overwrite": "another --out",
    "resume": "the same command again",
}
LISTS = ("agent-hidden-units", "observation", "route", "leaving")  # their values hold commas: --vary separates by ;


class Run:
    """One experiment of the sweep: a command line of main.py, its folder, and how far it is."""

    def __init__(self, name: str, arguments: list[str], out: Path):
        """Raises UsageError where main.py would refuse the command line, or the folder holds another experiment."""
        self.name, self.folder, self.log = name, out / name, out / "logs" / f"{name}.txt"
        self.arguments = [*arguments, "--run-dir", str(self.folder)]
        self.config, _ = experiment.parse(arguments)
        self.look()

    def look(self):
        """Looks how far the run is; raises UsageError where the folder holds another experiment."""
        self.resuming, self.finished = holds_run(self.folder), False
        if self.resuming:
            described = read_description(self.folder)
            if fixed_settings(described["config"]) != fixed_settings(self.config):
                raise UsageError(f"{self.folder} holds a run with other settings; choose another --out")
            self.finished = described["end"] is not None and self.episodes() >= self.wanted()

    def episodes(self) -> int:
        """Returns how many episodes are logged."""
        return logged_episodes(self.folder)

    def wanted(self) -> int:
        """Returns how many episodes it should have."""
        return self.config.episodes - self.config.first_episode + 1

    def state(self) -> str:
        """Returns what there is to do, in a word."""
        return "finished" if self.finished else "resume" if self.resuming else "new"

    def command(self) -> list[str]:
        """Returns the command line that runs or resumes it."""
        return [sys.executable, str(MAIN), *self.arguments, *(["--resume"] if self.resuming else [])]

    def warning(self) -> str:
        """Returns what has to be known of a finished run's data; mostly nothing."""
        data = read_description(self.folder)["dataset"]
        return f" [bold red](NOT MNIST but {data})[/bold red]" if data.startswith(STAND_IN) else ""

    def failure(self, code: int) -> str:
        """Returns why it failed with an exit code, in its own last words."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        said = [line for line in lines if line.startswith(f"{MAIN.name}: ")] or lines or ["it said nothing"]
        return f"{self.name} ended with exit code {code}: {said[-1]} (all of it: {self.log})"


class LocalWorkers:
    """Runs experiments in processes of this machine."""

    def __init__(self):
        self.jobs = processors()  # at once
        self._processes = {}  # run's name: its process

    def start(self, run: Run):
        """Starts a run, deaf to this terminal's Ctrl-C, which `stop` passes on once."""
        with open(run.log, "a") as log:
            environment = os.environ | ONE_THREAD | {SWEEP: str(os.getpid())}
            self._processes[run.name] = subprocess.Popen(
                run.command(), stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def ended(self, run: Run) -> int | None:
        """Returns a run's exit code, None while it runs."""
        return self._processes[run.name].poll()

    def stop(self, running: list[Run]):
        """Lets the runs finish their round."""
        for run in running:
            self._processes[run.name].send_signal(signal.SIGINT)
        for run in running:
            self._processes[run.name].wait()


def runs(options: argparse.Namespace, shared: list[str]) -> list[Run]:
    """Returns the sweep's runs, seed after seed, so that what is done first can be compared already."""
    grid = list(itertools.product(*([(name, value) for value in values] for name, values in options.vary)))
    episodes = {settings: experiment.parse([*_flags(settings), *shared])[0].episodes for settings in grid}
    ways = itertools.product(options.seeds, grid, options.splits, options.policies)
    planned, named = {}, {}
    for seed, settings, split, policy in ways:
        new = run(policy, split, seed, settings, episodes, options, shared)
        if planned.setdefault(new.name, new).config != new.config:
            raise UsageError(f"two different runs would be called {new.name}; vary their settings in two sweeps")
        if (twin := named.setdefault(new.config, new.name)) != new.name:
            raise UsageError(f"{twin} and {new.name} are the same experiment; leave out one of the values")
    return list(planned.values())


def run(
    policy: str,
    split: str | None,
    seed: int,
    settings: Sequence[tuple[str, str]],
    episodes: dict[Sequence[tuple[str, str]], int],
    options: argparse.Namespace,
    shared: list[str],
) -> Run:
    """Returns one Run; its name tells what distinguishes it: settings of the agent only where there is one. Without a
    `split` it is that of the settings. A policy that does not learn runs the last episodes of the longest learner
    with the same settings (`episodes`: how many, by settings), so that they start from the same initial weights."""
    if policy not in LEARNING:
        values = dict(options.vary)
        settings = [pair for pair in settings if not concerns_agent_alone(_field(pair[0]), values[pair[0]])]
    arguments = ["--policy", policy, *(["--split", split] if split else []), "--seed", str(seed)]
    arguments += ["--threads", "1", "--figure-every", "-1"]
    arguments += [*_flags(settings), *shared]
    if policy not in LEARNING:
        last = max(number for others, number in episodes.items() if set(settings) <= set(others))
        first = max(experiment.parse(arguments)[0].first_episode, last - options.control_episodes + 1)
        arguments += ["--episodes", str(last), "--first-episode", str(first)]
    config, _ = experiment.parse(arguments)
    name = "-".join([policy, config.split, *(f"{key}{value}" for key, value in settings), f"seed{seed}"])
    return Run(name.replace("/", "_"), arguments, options.out)


def sweep(todo: list[Run], workers: "LocalWorkers | RayWorkers", jobs: int | None, console: Console) -> list[Run]:
    """Lets `workers` run `todo`, `jobs` at once (None: all they can), and stops them at last; returns failed ones."""
    waiting, running, failed = list(todo), [], []
    for run in todo:
        run.log.parent.mkdir(parents=True, exist_ok=True)
    text = "runs {task.fields[ended]}/{task.fields[runs]}, episodes {task.completed}/{task.total}"
    progress = progress_bar(text, console)
    logged = {run.name: run.episodes() for run in todo}
    total = sum(run.wanted() for run in todo)
    bar = progress.add_task("", total=total, completed=sum(logged.values()), ended=0, runs=len(todo))
    with progress:
        try:
            while waiting or running:
                while waiting and len(running) < (jobs or workers.jobs):
                    run = waiting.pop(0)
                    run.look()
                    if not run.finished:  # another sweep may have been at it meanwhile
                        running.append(run)
                        workers.start(run)
                time.sleep(0.5)
                logged |= {run.name: run.episodes() for run in running}
                for run, code in [(run, workers.ended(run)) for run in running]:
                    if code is not None:
                        running.remove(run)
                    if code:
                        failed.append(run)
                        console.print(f"[red]failed:[/red] {escape(run.failure(code))}", soft_wrap=True)
                    elif code == 0:
                        console.print(f"finished: {escape(run.name)}{run.warning()}", soft_wrap=True)
                ended = len(todo) - len(waiting) - len(running)
                progress.update(bar, completed=sum(logged.values()), ended=ended)
        finally:
            workers.stop(running)
    return failed


def make_workers(options: argparse.Namespace) -> "LocalWorkers | RayWorkers":
    """Returns what runs the experiments: processes of this machine, or tasks of a Ray cluster."""
    if options.engine == "local":
        return LocalWorkers()
    from ray_sweep import RayWorkers  # only where it is asked for

    return RayWorkers(options.ray_address)


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """Returns (options, the flags for main.py) of a command line; exits as argparse does."""
    parser = Parser(
        prog="sweep.py",
        description=__doc__.splitlines()[0],
        allow_abbrev=False,
        epilog="All other flags: main.py --help",
    )
    policies = Config.__dataclass_fields__["policy"].metadata["choices"]
    parser.add_argument("--policies", type=text_list, default=["dqn", "random"], help=f"some of {', '.join(policies)}")
    parser.add_argument("--splits", type=text_list, default=[None], help="splits, separated by commas [the preset's]")
    parser.add_argument("--seeds", type=seed_list, default=list(range(10)), help="like 0-9 or 0,3,5-7 [0-9]")
    parser.add_argument(
        "--vary",
        type=_setting,
        action="append",
        default=[],
        help="a flag of main.py and its values: drop-rate=0,0.1; values with commas are separated by ;: "
        "'agent-hidden-units=500,200;64,64'",
    )
    parser.add_argument(
        "--control-episodes", type=int, default=20, help="a policy that does not learn runs only these last ones [20]"
    )
    parser.add_argument("--jobs", type=int, help="runs at once, one thread each [all processors, here or of Ray]")
    out = Path("results/sweep")
    parser.add_argument("--out", type=path_argument, default=out, help=f"folder of the runs [{out}]")
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="who runs them [local]")
    parser.add_argument("--ray-address", help="Ray cluster to use, auto: the one that is up [a new one, here]")
    parser.add_argument("--list", action="store_true", help="print the runs and start none")
    options, shared = parser.parse_known_args(arguments)
    for name in ("jobs", "control_episodes"):
        if (number := getattr(options, name)) is not None and number < 1:
            parser.error(f"{flag(name)} must be at least 1")
    given = [text.removeprefix("--").partition("=")[0] for text in shared if text.startswith("--")]
    varied = [name for name, _ in options.vary]
    for name in [*given, *varied]:
        if name in OWN:
            parser.error(f"--{name} is another one in every run; give {OWN[name]}")
    for name in varied:
        if varied.count(name) > 1 or name in given or (name == "greedy-from" and "evaluate" in given):
            parser.error(f"--vary {name} is contradicted by another {name} or --evaluate; give its values once")
    return options, shared


def _field(name: str) -> str:
    return name.replace("-", "_")


def _flags(settings: Sequence[tuple[str, str]]) -> list[str]:
    return [text for name, value in settings for text in (f"--{name}", value)]


def _setting(text: str) -> tuple[str, list[str]]:
    """Reads a flag's name and its values."""
    name, separator, values = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not like drop-rate=0,0.1")
    name = name.removeprefix("--").replace("_", "-")
    separated = values.split(";" if name in LISTS else ",")
    if len(set(separated)) < len(separated):
        raise argparse.ArgumentTypeError(f"{text!r} names a value twice")
    return name, separated


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns 0, 1 where a run failed, 2 where something has to be changed first, 130."""
    return command("sweep.py", lambda: _main(arguments), lambda: "the same command goes on")


def _main(arguments: list[str] | None) -> int:
    """Plans the runs of a command line, and lists or runs them."""
    console = Console(highlight=False)
    options, shared = parse(arguments)
    planned = runs(options, shared)
    todo = [run for run in planned if not run.finished]
    if options.list:
        for run in planned:
            print(f"{run.state():8}  {shlex.join(['python', 'main.py', *run.command()[2:]])}")
        return 0
    counts = f"{len(planned)} runs in {options.out}, {len(planned) - len(todo)} of them finished already"
    console.print(counts, markup=False, soft_wrap=True)
    failed = sweep(todo, make_workers(options), options.jobs, console) if todo else []
    if failed:
        print(f"sweep.py: {len(failed)} of {len(todo)} runs failed; the same command tries them again", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
