"""Means, paired differences and verdicts by hand."""

import numpy as np
import pandas as pd
import pytest

from studies.simulations.tables import Measure, comparisons, summary, verdict, write

TABLE = pd.DataFrame(
    {
        "agent": ["ours"] * 3 + ["theirs"] * 3,
        "seed": [0, 1, 2, 2, 1, 0],  # paired by seed, not by row
        "order": [0.5, 0.6, 0.7, 0.5, 0.4, 0.3],
        "crashes": [3.0, 2.0, 4.0, 1.0, 2.0, 4.0],
    }
)
MEASURES = Measure("order", "order"), Measure("crashes", "crashes", ".1f", more_is_better=False)


def test_differences_are_paired_by_seed():
    """Order: 0.2 for every seed. Crashes: -1, 0, 3, mean 2/3, standard deviation 2.08, t of 2 degrees 4.303."""
    rows = comparisons(TABLE, [("ours", "theirs"), ("ours", "nobody")], MEASURES)
    assert rows["difference"].tolist()[0] == "+0.20 (+0.20 to +0.20)"
    half = 4.3027 * np.std([-1, 0, 3], ddof=1) / np.sqrt(3)
    assert rows["difference"].tolist()[1] == f"+0.7 ({2 / 3 - half:+.1f} to {2 / 3 + half:+.1f})"
    assert rows["verdict"].tolist() == ["better", "no difference shown"]


def test_summary_has_one_row_an_agent():
    rows = summary(TABLE, MEASURES[:1])
    half = 4.3027 * 0.1 / np.sqrt(3)
    assert rows["order"].tolist() == [f"{mean:.2f} ({mean - half:.2f} to {mean + half:.2f})" for mean in (0.6, 0.4)]


@pytest.mark.parametrize(
    ("low", "high", "more_is_better", "said"),
    [
        (0.1, 0.2, True, "better"),
        (0.1, 0.2, False, "worse"),
        (-0.2, -0.1, True, "worse"),
        (-0.2, -0.1, False, "better"),
        (-0.1, 0.1, True, "no difference shown"),
        (0.0, 0.1, True, "no difference shown"),
        (np.nan, np.nan, True, "not testable with one seed"),
    ],
)
def test_verdicts(low, high, more_is_better, said):
    assert verdict(low, high, more_is_better) == said


def test_report_has_sections_and_tables(tmp_path):
    text = write(tmp_path, "Toy", {"Words": "Some.", "Numbers": TABLE.head(1)}, {"all": TABLE})
    assert text == (tmp_path / "report.md").read_text()
    lines = ["# Toy", "", "## Words", "", "Some.", "", "## Numbers", "", "| agent | seed | order | crashes |"]
    assert text.splitlines()[:9] == lines
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "all.csv"), TABLE)
