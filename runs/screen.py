"""Shows a run on the terminal: notices, a progress bar with the time left, a table at the end."""

import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Self

import rich.box
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from config import Config
from data import is_stand_in
from runs.logs import RunLog
from runs.records import WINDOW, EpisodeRecord, RoundRecord, shown
from runs.terminal import orphaned, stop_signals

if TYPE_CHECKING:
    import pandas as pd

    from nodes.local import LocalNodes
    from nodes.ray_actors import RayNodes

STAND_IN_NOTICE = (
    "This run does NOT use MNIST but a stand-in made from scikit-learn's 8x8 digits; its numbers are not the paper's.\n"
    "No file of MNIST was given and it could not be downloaded, or the stand-in was asked for. For the real one give\n"
    "mnist.npz or the folder of its idx files with --data-path or HL_DATA."
)
NO_AGENT = "--load-agent has no effect on --policy {}, which has no agent."
NEVER_GREEDY = "The agent becomes greedy only from episode {} on, after the end of this run."
QUICK_NOTICE = "The preset quick is a look at the program. Its few episodes and lower goal prove nothing."


def progress_bar(text: str, console: Console, seconds: float = 3600) -> Progress:
    """Returns a bar that begins with `text` and ends with the time left, by the speed of the last `seconds`."""
    columns = TextColumn(text), BarColumn(), TaskProgressColumn(), TextColumn("left"), TimeRemainingColumn()
    return Progress(*columns, console=console, speed_estimate_period=seconds)


def tell_of_stand_in(dataset: str, console: Console):
    """Prints a notice where a data set of this name is the stand-in for MNIST."""
    if is_stand_in(dataset):
        console.print(Panel(STAND_IN_NOTICE, title="NOT MNIST", style="bold red"))


class Screen:
    """Shows one run; on a terminal a live bar, elsewhere a line for every episode.

    A context manager, within which Ctrl-C (or SIGTERM, as from a cluster's scheduler, or the SIGHUP of a terminal that
    is closed) waits for the end of the round, when `round` raises KeyboardInterrupt; a second one does not wait. A run
    of a sweep that was killed stops in the same way.
    """

    def __init__(self, config: Config, nodes: "LocalNodes | RayNodes", log: RunLog):
        self.config, self.console = config, Console(highlight=False)
        self.title = f"{config.policy}, {config.split} split, {nodes.name}, {config.learner}, seed {config.seed}"
        tell_of_stand_in(nodes.name, self.console)
        if log.description["preset"] == "quick":
            self.console.print(Panel(QUICK_NOTICE, title="QUICK", style="bold yellow"))
        if log.description["learns"] and config.greedy_from > config.episodes:
            self.console.print(NEVER_GREEDY.format(config.greedy_from), style="yellow", soft_wrap=True)
        if config.load_agent and not log.description["learns"]:
            self.console.print(NO_AGENT.format(config.policy), style="yellow", soft_wrap=True)
        goal = f"goal {config.goal:g} within {config.round_limit} rounds, {config.nodes} nodes"
        rest = escape(f"{config.episodes} episodes, {goal}, logged in {log.folder}")
        self.console.print(f"[bold]{escape(self.title)}[/bold]: {rest}", soft_wrap=True)
        self.console.print(escape(f"evaluation {nodes.evaluation}: {nodes.evaluation_reason}"), soft_wrap=True)
        self.progress = progress_bar("episode {task.fields[episode]}/{task.total}", self.console, 600)
        done = log.episodes_done
        self.task = self.progress.add_task("", total=config.episodes, completed=done, episode=done)
        self.line = Text()
        self.live = Live(Group(self.line, self.progress), console=self.console)
        self.rounds, self.cost, self.started = 0, 0.0, time.perf_counter()  # the cost is the episode's
        # A bar needs a real terminal; FORCE_COLOR alone makes none, and TERM=dumb cannot move the cursor.
        self.drawn = self.console.is_terminal and not self.console.is_dumb_terminal and self.console.file.isatty()

    def __enter__(self) -> Self:
        self.stopping, self.signals = False, stop_signals(self._stop)
        self.received = self.signals.__enter__()
        if self.drawn:
            self.live.start()
        return self

    def __exit__(self, *exception: object):
        self.live.stop()
        self.signals.__exit__(*exception)
        if len(self.received) > 1 and isinstance(exception[1], Exception):  # what a library made of the second one
            raise KeyboardInterrupt from exception[1]

    def _stop(self, number: int, frame: FrameType | None):
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True

    def round(self, record: RoundRecord):
        """Moves the bar on by one round of the running episode."""
        self.rounds += 1
        self.cost = record.distance + (self.cost if record.round > 1 else 0)
        speed = self.rounds / (time.perf_counter() - self.started)
        self.line.plain = f"{shown(record)}  cost {self.cost:.3f}  epsilon {record.epsilon:.2f}  {speed:.1f} rounds/s"
        done = record.episode - 1 + record.round / self.config.round_limit
        self.progress.update(self.task, completed=done, episode=record.episode)
        if self.stopping or orphaned():
            raise KeyboardInterrupt

    def notice(self, text: str):
        """Prints a line that the reader should know of, if there is any."""
        if text:
            self.console.print(text, style="yellow", markup=False, soft_wrap=True)

    def episode(self, record: EpisodeRecord):
        """Moves the bar to the end of an episode."""
        self.progress.update(self.task, completed=record.episode)
        if not self.drawn:
            self.console.print(f"episode {record.episode}/{self.config.episodes}  {shown(record)}", soft_wrap=True)

    def summary(self, episodes: "pd.DataFrame", folder: Path, note: str = ""):
        """Prints the table of a finished run from its `episodes` (a DataFrame as in episodes.csv), and a `note`."""
        table = Table(title=f"{escape(self.title)}, goal {self.config.goal:g}", box=rich.box.SIMPLE_HEAD)
        table.add_column("mean over")
        spans = {"all": episodes}
        if len(episodes) > WINDOW:
            spans = {f"first {WINDOW}": episodes[:WINDOW], f"last {WINDOW}": episodes[-WINDOW:], **spans}
        for name in spans:
            table.add_column(f"{name} episodes" if name != "all" else f"all {len(episodes)}", justify="right")
        for column, label, form in (
            ("rounds", "rounds", "{:.1f}"),
            ("communication_cost", "communication cost", "{:.3f}"),
            ("episode_return", "episode return", "{:.2f}"),
            ("final_accuracy", "final accuracy", "{:.3f}"),
            ("reached_goal", "share that reached the goal", "{:.2f}"),
            ("seconds", "seconds", "{:.1f}"),
        ):
            table.add_row(label, *(form.format(span[column].mean()) for span in spans.values()))
        self.console.print(table)
        if note:
            self.console.print(note, markup=False, soft_wrap=True)
        self.console.print(f"Figures and CSV files: {folder}", markup=False, soft_wrap=True)
