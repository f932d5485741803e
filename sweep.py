"""Runs many experiments side by side: `python sweep.py --policies dqn,random --seeds 0-9 --out DIR`.

Every policy runs with every seed, split and setting; all other flags are those of `main.py` and hold for all runs. A
policy that does not learn ignores the agent's settings and runs only the last `--control-episodes` episodes.
Finished runs are skipped and interrupted ones resumed, so the same command goes on until all is done.
`--pack DIR` writes the runs of DIR, all of them finished, into a few compressed files, which report.py and plots.py
read as well.
"""

import argparse
import dataclasses
import sys
import time
import typing
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from config import Config
from runs.command_line import command, command_of, path_argument, seed_list, text_list
from runs.description import NOT_SETTINGS
from runs.flags import Parser
from runs.packing import pack
from runs.screen import progress_bar
from settings.declare import flag
from sweeps.experiments import Run, runs
from sweeps.local_workers import LocalWorkers
from sweeps.screen import recent, results, under_way

if typing.TYPE_CHECKING:
    from sweeps.ray_workers import RayWorkers

# main.py's flags that would contradict what the sweep gives each run, and the sweep's own for them.
OWN = {
    "policy": "--policies",
    "split": "--splits",
    "seed": "--seeds",
    "run-dir": "--out",
    "overwrite": "another --out",
    "resume": "the same command again",
}
OUT = Path("results/sweep")
# Flags whose values hold commas: --vary separates their values by ;.
LISTS = [flag(field.name) for field in dataclasses.fields(Config) if typing.get_origin(field.type) is tuple]


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
    lines = Text()
    with Live(Group(lines, progress), console=console):
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
                        did = f"{escape(run.name)}{run.warning()}  {recent(run.folder)}"
                        console.print(f"finished: {did}", soft_wrap=True)
                ended = len(todo) - len(waiting) - len(running)
                progress.update(bar, completed=sum(logged.values()), ended=ended)
                lines.plain = under_way(running, logged)
        finally:
            workers.stop(running)
    if not console.is_terminal:
        console.line()  # Rich leaves the last line of the bar open
    return failed


def make_workers(options: argparse.Namespace) -> "LocalWorkers | RayWorkers":
    """Returns what runs the experiments: processes of this machine, or tasks of a Ray cluster."""
    if options.engine == "local":
        return LocalWorkers()
    from sweeps.ray_workers import RayWorkers  # only where it is asked for

    return RayWorkers(options.ray_address)


def make_parser() -> Parser:
    """Returns the parser of the command line, which leaves the flags of main.py over."""
    parser = Parser(
        prog="sweep.py",
        description=__doc__.splitlines()[0],
        allow_abbrev=False,
        epilog=f"All other flags are those of main.py, see {command_of('main.py', '--help-all')}",
    )
    policies = Config.__dataclass_fields__["policy"].metadata["choices"]
    names = ", ".join(policies)
    parser.add_argument("--policies", type=text_list, help=f"some of {names} [the preset's and random]")
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
        "--control-episodes",
        type=int,
        default=20,
        help="number of last episodes that a policy without learning runs [20]",
    )
    parser.add_argument("--jobs", type=int, help="runs at once, one thread each [all processors, here or of Ray]")
    parser.add_argument("--out", type=path_argument, help=f"folder of the runs [{OUT}; with --pack DIR: DIR]")
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="where runs execute: on this machine (local) or on a Ray cluster (ray) [local]",
    )
    parser.add_argument("--ray-address", help="Ray cluster to use; auto: the running one [a new one on this machine]")
    parser.add_argument("--list", action="store_true", help="print the runs and start none")
    parser.add_argument(
        "--pack",
        type=path_argument,
        metavar="DIR",
        help="pack the runs of DIR into a few files in --out and start none; the run folders stay",
    )
    return parser


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """Returns (options, the flags for main.py) of a command line; exits as argparse does."""
    parser, arguments = make_parser(), sys.argv[1:] if arguments is None else arguments
    options, shared = parser.parse_known_args(arguments)
    options.out = options.out or options.pack or OUT
    flags = [text.partition("=")[0] for text in arguments if text.startswith("--")]
    if options.pack and (vain := [*(name for name in flags if name not in ("--pack", "--out")), *shared]):
        parser.error(f"{vain[0]} has no effect with --pack; leave it out")
    if options.ray_address and options.engine != "ray":
        parser.error("--ray-address needs --engine ray")
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


def _setting(text: str) -> tuple[str, list[str]]:
    """Reads a flag's name and its values."""
    name, separator, values = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not like drop-rate=0,0.1")
    name = name.removeprefix("--").replace("_", "-")
    field = name.replace("-", "_")
    if name not in OWN and field not in ("preset", *Config.__dataclass_fields__):
        raise argparse.ArgumentTypeError(f"{name!r} is no setting of main.py")
    if name not in OWN and field in NOT_SETTINGS:
        raise argparse.ArgumentTypeError(f"reports do not tell runs apart by {name}; give each value its own sweep")
    separated = values.split(";" if flag(name) in LISTS else ",")
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
    if options.pack:
        files = pack(options.pack, options.out)
        size = sum(path.stat().st_size for path in files) / 1e6
        print(f"{options.pack} is packed in {options.out}: {len(files)} files, {size:.1f} MB; its run folders stay")
        return 0
    planned = runs(options, shared)
    todo = [run for run in planned if not run.finished]
    if options.list:
        for run in planned:
            print(f"{run.state():8}  {command_of('main.py', *run.command()[2:])}")
        return 0
    counts = f"{len(planned)} runs in {options.out}, {len(planned) - len(todo)} of them finished already"
    console.print(counts, markup=False, soft_wrap=True)
    failed = sweep(todo, make_workers(options), options.jobs, console) if todo else []
    show_results(planned, options.out, console)
    if failed:
        print(f"sweep.py: {len(failed)} of {len(todo)} runs failed; the same command tries them again", file=sys.stderr)
    return 1 if failed else 0


def show_results(planned: list[Run], out: Path, console: Console):
    """Prints the table of the runs that have finished, and the command that writes the report."""
    for run in planned:
        run.look()
    if table := results(planned):
        console.print(table)
        console.print(f"Tables and figures: {command_of('report.py', str(out))}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
