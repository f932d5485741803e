"""The units of a study: the bar moves with the shares that are done, and damaged files are named."""

import dataclasses
import gzip
from typing import ClassVar

import pytest
from rich.console import Console

from runs.screen import progress_bar
from settings.errors import UsageError
from studies import units
from studies.units import Unit, measure_with_bar, pack, prepare, read_part


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


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b'a\n"1'])
def test_a_damaged_unit_is_named(content, tmp_path):
    prepare(tmp_path, {}, {})
    Nap(seed=0).write([{"value": 1}], tmp_path)
    Nap(seed=0).path(tmp_path).write_bytes(content)
    for read in (lambda: read_part(tmp_path, "nap"), lambda: Nap(seed=0).read(tmp_path)):
        with pytest.raises(UsageError, match=r"nap-seed0\.csv cannot be read .*; put the original back"):
            read()


def test_a_packed_part_without_its_units_is_named(tmp_path):
    prepare(tmp_path, {}, {})
    (tmp_path / "runs" / "nap.csv.gz").write_bytes(gzip.compress(b"part,value\nnap,1\n"))
    with pytest.raises(UsageError, match=r"nap\.csv\.gz cannot be read"):
        pack(tmp_path, tmp_path / "packed")


def test_copies_and_unfinished_files_are_not_packed(tmp_path):
    prepare(tmp_path, {}, {})
    Nap(seed=0).write([{"value": 1}], tmp_path)
    (tmp_path / "figures").mkdir()
    for name in ("runs/nap-copy.csv.gz", "runs/other-copy.csv.gz", "figures/a.png", f"figures/b.png.{7:032x}.tmp"):
        (tmp_path / name).write_bytes(b"")
    written = pack(tmp_path, tmp_path / "packed")
    assert [path.name for path in written] == ["comparison.json", "a.png", "nap.csv.gz"]
