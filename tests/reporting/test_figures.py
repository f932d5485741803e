"""The report's figures, of runs made up for it."""

import itertools
import shutil

import numpy as np
import pytest
from helpers import write_run

import report
from reporting import averages, figures
from reporting.run_figures import look
from reporting.style import own_style


def title_of(axes):
    """The title of a panel in one line."""
    return " ".join(axes.get_title().split())


def test_two_settings_are_not_drawn_over_one_of_them(tmp_path, unrendered):
    """Over the share of the main class, runs of other numbers of nodes would stand among those of the same share."""
    for changes in ({"main_class_share": 0.6}, {"nodes": 100}, {"split": "dirichlet"}):
        for policy in ("dqn", "random"):
            folder = tmp_path / f"{changes}"
            write_run(folder, policy, 0, [10], [1], **changes)
    folders = sorted(tmp_path.iterdir())
    report.write_report(folders, tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"policies", "learning"}
    runs = averages.read_runs(*folders)[0]
    table = averages.per_seed(runs)
    titles = {title_of(axes) for axes in figures.learning(runs, table).axes} - {""}
    assert titles == {
        "disjoint split, nodes 10, main class share 0.6, 1 seed",
        "disjoint split, nodes 100, main class share 0.8, 1 seed",
        "dirichlet split, nodes 10, 1 seed",  # which has no main classes
    }
    panels = figures.policies(table).axes
    assert [tick.get_text() for tick in panels[0].get_yticklabels()] == ["dqn", "random"]


def test_many_series_differ_in_their_looks():
    """More than there are policies and baselines."""
    assert len({tuple(look(place).items()) for place in range(16)}) == 16


def test_a_panel_has_the_policies_that_were_run_there_each_with_one_look(tmp_path):
    """Each policy at its own number of rounds: dqn 10, random 20, nearest 30."""
    rounds = {"dqn": 10, "random": 20, "nearest": 30}
    for dataset, policies in {"mnist": ("dqn", "random", "nearest"), "cifar10": ("dqn", "nearest")}.items():
        for policy, seed in itertools.product(policies, (0, 1)):
            write_run(tmp_path / dataset, policy, seed, [rounds[policy]], [1], dataset=dataset)
    runs = averages.read_runs(tmp_path / "mnist", tmp_path / "cifar10")[0]
    upper, _, lower, _ = figures.policies(averages.per_seed(runs)).axes
    assert [axes.get_title(loc="left") for axes in (upper, lower)] == [
        "disjoint split, mnist",
        "disjoint split, cifar10",
    ]
    looks = []
    for axes, names in ((upper, ["dqn", "random", "nearest"]), (lower, ["dqn", "nearest"])):
        assert [tick.get_text() for tick in axes.get_yticklabels()] == names
        means = [line for line in axes.lines if line.get_markersize() == 5]
        assert [line.get_xdata()[0] for line in means] == [rounds[name] for name in names]
        assert [line.get_ydata()[0] for line in means] == list(range(len(names)))
        looks.append({name: (line.get_color(), line.get_marker()) for name, line in zip(names, means, strict=True)})
    assert looks[1].items() <= looks[0].items()
    assert lower.get_position().height < upper.get_position().height


def test_one_policy_over_a_setting_has_no_panel_for_each_value(tmp_path):
    """Until another policy joins it."""
    for starter in (0, 1, 2):
        write_run(tmp_path, "standalone", 0, [10 + starter], [0], starter=starter)
    report.write_report([tmp_path], tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"by_starter"}
    write_run(tmp_path, "random", 0, [20], [1], starter=1)
    report.write_report([tmp_path], tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"by_starter", "policies"}
    shutil.rmtree(*tmp_path.glob("random*"))
    report.write_report([tmp_path], tmp_path)
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {"by_starter"}


def test_where_nothing_travels_the_accuracy_is_drawn_in_place_of_the_cost(tmp_path):
    for starter in (0, 1):
        write_run(tmp_path, "standalone", 0, [36], [0], starter=starter)
    table = averages.per_seed(averages.read_runs(tmp_path)[0])
    right = figures.by_setting(table, "starter").axes[1]
    assert right.get_ylabel() == "final test accuracy"
    assert right.lines[0].get_ydata().tolist() == [0.75, 0.75]
    write_run(tmp_path, "random", 0, [36], [1], starter=0)
    table = averages.per_seed(averages.read_runs(tmp_path)[0])
    assert figures.by_setting(table, "starter").axes[1].get_ylabel() == "communication cost (distance)"


def test_no_figure_cuts_values_off(tmp_path):
    """The largest values belong to the last policy and setting drawn."""
    for rate in (0.0, 0.5):
        for seed in (0, 1, 2):
            write_run(tmp_path, "dqn", seed, [10 + seed] * 3, [0.1] * 3, drop_rate=rate)
            write_run(tmp_path, "random", seed, [20 + 20 * rate + seed] * 3, [1 + rate + seed] * 3, drop_rate=rate)
    table = averages.per_seed(averages.read_runs(tmp_path)[0])
    for figure in (figures.policies(table), figures.by_setting(table, "drop_rate")):
        figure.canvas.draw()
        for axes in figure.axes:
            (left, right), (low, high) = axes.get_xlim(), sorted(axes.get_ylim())
            seeds = [line for line in axes.lines if line.get_marker() == "."]
            assert seeds
            for line in seeds:
                x, y = np.array(line.get_xdata(), float), np.array(line.get_ydata(), float)
                assert ((left <= x) & (x <= right) & (low <= y) & (y <= high)).all()


def test_legend_of_the_learning_curves_fits_beside_one_panel_and_beside_two(folder):
    for splits in (1, 2):
        if splits == 2:
            write_run(folder, "dqn", 0, [10] * 3, [0.1] * 3, split="published")
        runs = averages.read_runs(folder)[0]
        with own_style():
            figure = figures.learning(runs, averages.per_seed(runs))
            figure.draw_without_rendering()
        (legend,) = figure.legends
        assert len([axes for axes in figure.axes if axes.get_title()]) == splits
        assert 0 <= legend.get_window_extent().x0 < legend.get_window_extent().x1 <= figure.bbox.x1


def test_two_policies_that_learn_have_their_own_curves(folder):
    """Of the same settings and seeds."""
    for seed in range(5):
        write_run(folder, "route-agent", seed, [9] * 25, [0.2] * 25)
    runs = averages.read_runs(folder)[0]
    axes = figures.learning(runs, averages.per_seed(runs)).axes[:2]
    assert [title_of(panel) for panel in axes] == [
        "dqn, disjoint split, 5 seeds",
        "route-agent, disjoint split, 5 seeds",
    ]
    curves = [{line.get_label(): line.get_ydata()[-1] for line in panel.lines} for panel in axes]
    assert [curve["agent, mean"] for curve in curves] == [11, 9]


def test_learning_curves_are_the_seeds_and_their_mean(folder):
    runs = averages.read_runs(folder)[0]
    figure = figures.learning(runs, averages.per_seed(runs))
    *thin, bold, band = figure.axes[0].lines
    assert [line.get_ydata()[-1] for line in thin] == [10, 12, 11, 10, 12]
    assert bold.get_ydata()[-1] == 11
    assert bold.get_ydata()[0] == 30
    assert band.get_ydata()[0] == pytest.approx(22)
    assert title_of(figure.axes[0]) == "disjoint split, 5 seeds"
