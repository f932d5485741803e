"""The study that stops runs and resumes them, on a few runs of the tiny data set."""

import shutil

import pandas as pd
import pytest

from studies.faults import kill_and_resume


@pytest.fixture
def undisturbed(finished, tiny, tmp_path, monkeypatch):
    """A folder that holds the undisturbed run of the experiment that is to be stopped."""
    monkeypatch.setattr(kill_and_resume, "FLAGS", tuple(map(str, tiny)))
    monkeypatch.setattr(kill_and_resume, "EPISODES", 4)
    shutil.copytree(finished, tmp_path / "reference", ignore=shutil.ignore_patterns("figures", "node_models.csv"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kill_and_resume.PLAIN, kill_and_resume.STOPPED, kill_and_resume.SWEEP])
def test_what_was_stopped_ends_with_the_same_files(kind, undisturbed):
    if kind == kill_and_resume.SWEEP:  # which gives each run one thread
        kill_and_resume.finish(kill_and_resume.start(undisturbed / "one", "--threads", "1"), "a run")
        shutil.rmtree(undisturbed / "reference")
        (undisturbed / "one").rename(undisturbed / "reference")
    name, stages, equal = kill_and_resume.attempt(0, kind, undisturbed, 7, 0)
    assert name == kind
    assert set(stages) <= set(kill_and_resume.STAGES)
    assert stages
    assert equal


def test_other_files_are_not_the_same(undisturbed):
    reference, folder = undisturbed / "reference", undisturbed / "folder"
    shutil.copytree(reference, folder)
    assert kill_and_resume.same(folder, reference)
    (folder / "rounds.csv.0123.tmp").touch()
    assert not kill_and_resume.same(folder, reference)
    (folder / "rounds.csv.0123.tmp").unlink()
    episodes = pd.read_csv(folder / "episodes.csv")
    episodes.assign(rounds=episodes["rounds"] + 1).to_csv(folder / "episodes.csv", index=False)
    assert not kill_and_resume.same(folder, reference)
