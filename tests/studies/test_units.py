"""The bar of a study: it moves with the shares of a unit that are done."""

import dataclasses
from typing import ClassVar

from rich.console import Console

from runs.screen import progress_bar
from studies import units
from studies.units import Unit, measure_with_bar, prepare


@dataclasses.dataclass(frozen=True, kw_only=True)
class Nap(Unit):
    part: ClassVar[str] = "nap"
    cost: ClassVar[float] = 4


def test_the_bar_moves_with_the_shares_that_are_done(tmp_path, monkeypatch):
    """Two units of cost 4; a unit tells of its quarter and its half."""
    seen, bars = [], []
    monkeypatch.setattr(units, "progress_bar", lambda *about: bars.append(progress_bar(*about)) or bars[0])

    def measure(unit, tell):
        for share in (0.25, 0.5):
            tell(share)
            seen.append(bars[0].tasks[0].completed)
        return [{"value": unit.seed}]

    prepare(tmp_path, {}, {})
    measure_with_bar([Nap(seed=0), Nap(seed=1)], tmp_path, measure, Console(quiet=True))
    assert seen == [1, 2, 5, 6]
    assert bars[0].tasks[0].completed == bars[0].tasks[0].total == 8
