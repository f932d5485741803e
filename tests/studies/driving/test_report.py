"""The report of the driving study on a small table."""

import pandas as pd
from helpers import PROJECT

from studies.driving import pictures
from studies.driving.drives import units
from studies.driving.report import answers, not_measured, of_seeds, section, write_report

EMPTY = {"return": 0.0, "speed": 1.0, "error": 0.0, "package_return": 0.0, "way": None}


def table(distances, phase="evaluation", failures=None):
    """Episodes of agents: {agent: [[distances of seed 0], [of seed 1], ...]}; the first one of a seed fails if told."""
    rows = []
    for agent, seeds in distances.items():
        for seed, values in enumerate(seeds):
            for place, distance in enumerate(values):
                failed = int(agent in (failures or ()) and place == 0)
                row = {"phase": phase, "road": "racetrack", "agent": agent, "seed": seed, "distance": distance}
                rows.append(EMPTY | row | {"crashed": failed, "off_road": 0})
    frame = pd.DataFrame(rows)
    frame.loc[frame["agent"].isin(["plain", "pseudo-attention"]), "way"] = "memory"
    return frame


def test_means_of_a_seed():
    both = pd.concat([table({"expert": [[1, 3], [5, 5]]}, failures=["expert"]), table({"expert": [[9]]}, "training")])
    means = of_seeds(both)
    assert means["distance"].tolist() == [2, 5]
    assert means["crashed"].tolist() == means["failed"].tolist() == [50, 50]
    assert means["way"].tolist() == ["", ""]


def test_answers_by_the_interval_of_the_paired_difference():
    """Differences of 10, 11 and 12 m: 11 plus or minus 4.3 standard errors of 1 / sqrt(3)."""
    distances = {"dqn": [[1], [2], [3]], "idle": [[4]] * 3, "expert": [[50]] * 3}
    distances |= {"plain": [[20], [30], [40]], "pseudo-attention": [[30], [41], [52]]}
    rows = section(of_seeds(table(distances)), "racetrack", "memory")
    assert [*dict.fromkeys(rows["agent"])] == ["pseudo-attention", "plain", "dqn", "expert", "idle"]
    text = answers(rows, "Racetrack")
    assert "- pseudo-attention against a plain network of equal size: distance: better (+11 m, +9 to +13)" in text
    assert "- Distances: pseudo-attention 41 m, plain 30 m, dqn 2 m; expert 50 m, doing nothing 4 m.\n" in text
    assert "halfway from doing nothing to the expert: pseudo-attention 3 of 3, plain 2 of 3, dqn 0 of 3.\n" in text
    # dqn: 3, 2 and 1 less, 2 plus or minus 2.5; plain: 16, 26 and 36 more, 26 plus or minus 25
    assert "against doing nothing: pseudo-attention better, plain better, dqn no difference shown" in text


def test_no_verdict_across_zero():
    distances = {"plain": [[20], [30], [40]], "pseudo-attention": [[10], [41], [30]]}
    text = answers(section(of_seeds(table(distances)), "racetrack", "memory"), "Racetrack")
    assert "distance: no difference shown" in text
    assert "DQN" not in text


def test_what_is_missing_is_named():
    """Without one agent of one seed, and without one road of both."""
    planned = pd.DataFrame(
        [{"road": one.road, "agent": one.agent, "way": one.way, "seed": one.seed} for one in units([0, 1], False)]
    )
    assert not not_measured(planned.replace({"way": {"": None}}), False)
    dqn = (planned["agent"] == "dqn") & (planned["road"] == "racetrack") & (planned["seed"] == 1)
    assert not_measured(planned[~dqn], False) == "**Not measured yet for all seeds:** dqn (racetrack).\n\n"
    text = not_measured(planned[planned["road"] == "racetrack"], False)
    assert text.startswith(
        "**Not measured yet for all seeds:** pseudo-attention (highway, memory), plain (highway, memory), "
    )


def test_other_ways_are_left_out():
    means = of_seeds(table({"plain": [[1]], "expert": [[2]]}))
    assert section(means, "racetrack", "online")["agent"].tolist() == ["expert"]
    assert section(means, "highway", "memory").empty


def test_published_report_is_that_of_the_csv_files(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "draw", lambda *_: None)
    published = PROJECT / "results" / "simulations" / "driving"
    for name in ("runs", "comparison.json"):
        (tmp_path / name).symlink_to(published / name)
    write_report(tmp_path)
    for name in ("report.md", "drives.csv"):
        assert (tmp_path / name).read_bytes() == (published / name).read_bytes()
    animations = [*(published / "figures").glob("*.gif")]
    assert len(animations) >= 8
    assert max(path.stat().st_size for path in animations) < 2_000_000
