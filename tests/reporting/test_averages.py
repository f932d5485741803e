"""The means of a seed's episodes and which runs are pooled, by hand on made-up runs."""

import pytest
from helpers import write_run

from reporting import averages, tables


def test_averages_name_their_episodes(folder):
    runs = averages.read_runs(folder)[0]
    means = {
        average: averages.per_seed(runs, average).query("policy == 'dqn'")["rounds"].mean()
        for average in averages.AVERAGES
    }
    assert means == pytest.approx({"last-20": 11, "last-10": 11, "all": (5 * 30 + 20 * 11) / 25, "best": 11})
    table = tables.averaging_table(averages.every_average(runs))
    assert table["averaged"].tolist() == [text for text, _ in averages.AVERAGES.values()]
    assert table["communication cost"].iloc[[0, 3]].tolist() == ["-50.0% (-50.0% to -50.0%)"] * 2
    # 5 episodes of cost 1 and 20 of 0.4, against 0.8
    assert table["communication cost per goal reached"].iloc[2] == "-35.0% (-35.0% to -35.0%)"


def test_training_and_greedy_episodes_are_not_averaged_together(tmp_path):
    """Three greedy episodes after 22 of training: what it needs is (9 + 12 + 6) / 3 rounds, its best episode 6."""
    rounds, costs = [30] * 21 + [2] + [9, 12, 6], [1.0] * 22 + [0.3, 0.6, 0.3]
    write_run(tmp_path, "dqn", 0, rounds, costs, episodes=25, greedy_from=23)
    write_run(tmp_path, "dqn", 1, rounds, costs, episodes=25, greedy_from=1)
    runs = averages.read_runs(tmp_path)[0]
    found = {}
    for average in averages.AVERAGES:
        rows = averages.per_seed(runs, average).set_index("seed")
        found[average] = rows.loc[0, ["rounds", "communication_cost", "episodes"]].tolist()
        always_greedy = rows.loc[1, ["rounds", "episodes"]].tolist()
        if average == "last-20":
            assert always_greedy == [pytest.approx((16 * 30 + 2 + 27) / 20), "20 (6 to 25)"]
    three = [9, pytest.approx(0.4), "3 (23 to 25)"]
    assert found == {"last-20": three, "last-10": three, "all": three, "best": [6, 0.3, "1 (25 to 25)"]}


def test_a_preset_with_other_settings_is_not_pooled_with_it(tmp_path):
    """The preset's own settings are told by its name, another training length is not."""
    write_run(tmp_path, "dqn", 0, [9], [1])
    write_run(tmp_path, "dqn", 0, [5], [1], preset="improved")
    assert averages.varied(averages.read_runs(tmp_path)[0]) == ["preset"]
    write_run(tmp_path, "dqn", 1, [5], [1], preset="improved", greedy_from=101)
    assert averages.varied(averages.read_runs(tmp_path)[0]) == ["preset", "greedy_from"]


def test_learner_without_its_greedy_episodes_is_unfinished(tmp_path):
    write_run(tmp_path, "dqn", 0, [9], [1])
    write_run(tmp_path, "dqn", 1, [5], [1], preset="improved", episodes=120)
    assert [len(names) for names in averages.read_runs(tmp_path)] == [1, 1]


def test_what_a_users_policy_observes_is_told(tmp_path):
    """Its runs that differ in nothing else are two experiments; those of random would be the same one twice."""
    for components, rounds in ((10, 9), (5, 5)):
        path = write_run(tmp_path / str(components), "my_rules:Lazy", 0, [rounds], [1], pca_components=components)
        path.rename(tmp_path / f"{components}-seed0")
    assert averages.varied(averages.read_runs(tmp_path)[0]) == ["pca_components"]


def test_the_table_has_no_column_that_says_nothing(folder):
    table = averages.per_seed(averages.read_runs(folder)[0])
    assert not table.isna().all().any()
    assert {"rounds", "communication_cost", "epsilon"} <= set(table)
    assert not {"goal", "episode", "learner_variant"} & set(table)
