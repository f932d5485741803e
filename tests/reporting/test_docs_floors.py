"""The table of searched routes, against numbers worked out by hand and by scipy."""

import pandas as pd
import pytest
import scipy.stats

from reporting.docs_floors import floors


@pytest.fixture
def results(tmp_path):
    """Two routes of a search, of which seeds 0 to 2 played the first."""
    found = {"split": "disjoint", "criterion": "rounds", "episodes": 4, "route": "0,0,4,4,4", "communication_cost": 0.5}
    rows = [found | {"rounds": rounds} for rounds in (2, 3, 4, 3)]
    rows.append({"split": "published", "criterion": "cost", "episodes": 4, "route": "0,7,7,0"})
    rows[-1] |= {"rounds": 2, "communication_cost": 0.25}
    rows.append(rows[-1] | {"communication_cost": 0.75})
    folder = tmp_path / "results" / "floors"
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "floor-disjoint.csv", index=False)
    played = pd.DataFrame({"split": "disjoint", "policy": "route", "rounds": [10.0, 11, 15], "communication_cost": 0.5})
    other = played.assign(policy="random", rounds=99)
    (tmp_path / "results" / "improved").mkdir()
    pd.concat([played, other]).to_csv(tmp_path / "results" / "improved" / "per_seed.csv", index=False)
    return tmp_path


def test_routes_are_shown_by_their_stays_with_means_and_intervals(results):
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in floors(results).splitlines()[2:]]
    low, high = scipy.stats.t.interval(0.95, 2, 12, scipy.stats.sem([10, 11, 15]))
    assert rows[0][:4] == ["disjoint", "fewest rounds", "4", "0 x 2, 4 x 2"]  # no episode needs a fifth round
    assert rows[0][4:6] == ["3.0 (1.7 to 4.3)", "0.500 (0.500 to 0.500)"]  # t 3.18 x 0.816 / 2
    assert rows[0][6:] == [f"12.0 ({low:.1f} to {high:.1f})", "0.500 (0.500 to 0.500)"]
    assert rows[1][:5] == ["published", "least cost", "4", "0 x 1, 7 x 1", "2.0 (2.0 to 2.0)"]
    assert rows[1][6:] == ["", ""]
