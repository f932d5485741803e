"""Reads the command line of main.py: flags and presets."""

import argparse
import os
import shlex
from pathlib import Path

from config import Config
from runs.command_line import command_of, path_argument
from runs.description import FREE_ON_RESUME, read_description
from runs.flags import Parser, add_flags
from runs.folder import foreign_files, holds_run
from runs.packed import is_packed
from runs.presets import PRESET_HELP, PRESETS, default_preset
from settings.declare import flag
from settings.errors import UsageError

MAY_DIFFER = (*FREE_ON_RESUME, "save_model", "load_agent")  # with --like: what changes no numbers, and where files are


def make_parser(everything: bool) -> Parser:
    """Returns the parser of the command line, whose help shows `everything`, or else what is used most."""
    presets = "\n".join(f"  {name:16} {text}" for name, text in PRESET_HELP.items())
    all_flags = command_of("main.py", "--help-all")
    more = "" if everything else f"\n\nAll flags and their values: {all_flags}. Defaults: config.py."
    parser = Parser(
        prog="main.py",
        usage="python main.py [--preset NAME] [--FLAG VALUE ...]",
        description="Homogeneous Learning: one model travels, and an RL agent picks the next node.",
        epilog=f"presets:\n{presets}{more}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )

    def rare(text: str) -> str:
        return text if everything else argparse.SUPPRESS

    folder = "results/runs/<time>-<policy>-<dataset>-seed<k>" if everything else "in results/runs"
    parser.add_argument("-h", "--help", action="help", help="show the most used flags and the presets")
    parser.add_argument("--help-all", action="help", help="show all flags, in groups")
    parser.add_argument("--preset", choices=PRESETS, metavar="NAME", help="settings to start from [those in config.py]")
    text = "run the settings of another run, packed or not, again in a new folder, and compare the logs at the end"
    parser.add_argument("--like", type=path_argument, metavar="RUN_DIR", help=rare(text))
    parser.add_argument("--run-dir", type=path_argument, metavar="DIR", help=f"folder of the run [{folder}]")
    parser.add_argument("--resume", action="store_true", help="continue the run in --run-dir with its settings")
    parser.add_argument("--overwrite", action="store_true", help=rare("replace the run in --run-dir"))
    text = "evaluate the agent of --load-agent without training it; the same as --greedy-from 1"
    parser.add_argument("--evaluate", action="store_true", help=rare(text))
    parser.add_argument("--tensorboard", action="store_true", help=rare("also write TensorBoard events"))
    text = "where the nodes live: in this process (local) or in Ray actors (ray) [local]"
    parser.add_argument("--engine", choices=("local", "ray"), default="local", metavar="NAME", help=rare(text))
    text = "Ray cluster to use; auto: the running one [a new one on this machine]"
    parser.add_argument("--ray-address", metavar="ADDRESS", help=rare(text))
    text = "processes that share the nodes [one per node, at most one per processor]"
    parser.add_argument("--ray-actors", type=int, metavar="N", help=rare(text))
    add_flags(parser, everything)
    return parser


def parse(arguments: list[str]) -> tuple[Config, argparse.Namespace]:
    """Returns (Config, options) of a command line; raises UsageError, or exits as argparse does."""
    options = make_parser("--help-all" in arguments).parse_args(arguments)
    flags = {name: vars(options).pop(name) for name in list(vars(options)) if name in Config.__dataclass_fields__}
    options.begun = False  # whether this run, and no older one, is in its folder
    options.command_line = shlex.join(["python", "main.py", *arguments])
    if options.engine != "ray" and (options.ray_address or options.ray_actors is not None):
        raise UsageError("--ray-address and --ray-actors need --engine ray")
    check_options(options.run_dir, options.resume, options.overwrite)
    if options.evaluate and flags.setdefault("greedy_from", 1) != 1:
        raise UsageError("--evaluate stands for --greedy-from 1; leave one of them out")
    if options.like:
        options.preset, settings_of_other = _settings_like(options, flags)
    if options.resume and (options.like or not options.preset):
        base = vars(read_description(options.run_dir)["config"])
    elif options.like:
        base = settings_of_other
    else:
        base = PRESETS[options.preset] if options.preset else {}
    options.preset = options.preset or default_preset()
    config = Config(**base | flags)
    if options.evaluate and not config.load_agent:
        raise UsageError("--evaluate needs --load-agent, the file agent.npz of a run whose agent is to be evaluated")
    if options.overwrite and config.load_agent:
        source = os.path.expanduser(config.load_agent)
        if os.path.dirname(os.path.realpath(source)) == os.path.realpath(options.run_dir):
            raise UsageError(f"--overwrite would delete {config.load_agent}; choose another --run-dir")
    return config, options


def _settings_like(options: argparse.Namespace, flags: dict) -> tuple[str, dict]:
    """Returns (preset, settings) of the run that `--like` names; a file of images that is not here is left to be found.

    Raises UsageError where the command line changes more than MAY_DIFFER, or where the run would be replaced.
    """
    if options.preset or options.evaluate:
        raise UsageError("--like takes all settings from a run; leave out --preset and --evaluate")
    if changes := [flag(name) for name in flags if name not in MAY_DIFFER]:
        allowed = ", ".join(map(flag, MAY_DIFFER))
        raise UsageError(f"--like takes the settings of {options.like}; leave out {changes[0]} (allowed: {allowed})")
    if options.run_dir and os.path.realpath(options.run_dir) == os.path.realpath(options.like):
        raise UsageError(f"--run-dir must be another folder than that of --like ({options.like})")
    described = read_description(options.like)
    settings = vars(described["config"])
    if settings["data_path"] and not os.path.exists(os.path.expanduser(settings["data_path"])):
        settings = settings | {"data_path": ""}
    return described["preset"], settings


def check_options(folder: Path | None, resume: bool, overwrite: bool):
    """Raises UsageError where what is asked for does not fit what the folder, if one is named, holds."""
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other; choose one")
    if (resume or overwrite) and not folder:
        raise UsageError("--resume and --overwrite need --run-dir, the folder of the run they are for")
    if not folder:
        return
    if is_packed(folder):  # a folder of its name would be read in its place
        raise UsageError(f"{folder} is a packed run, which cannot be continued or replaced; choose another --run-dir")
    if not holds_run(folder):
        if resume:
            raise UsageError(f"{folder} holds no run to resume; check --run-dir")
        if found := foreign_files(folder):
            raise UsageError(f"{found[0]} is not of a run and would be replaced; choose another --run-dir")
    elif not (resume or overwrite):
        raise UsageError(f"{folder} holds a run; add --resume or --overwrite, or choose another --run-dir")
