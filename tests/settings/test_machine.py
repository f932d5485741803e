"""What a run's description tells of the machine."""

from settings import machine
from settings.machine import version


def test_versions_of_packages_under_other_names(monkeypatch):
    """As where tensorflow-cpu is installed: there is a module, but no distribution of this name."""

    def missing(name):
        raise machine.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(machine.importlib.metadata, "version", missing)
    assert version("tensorflow").startswith("2.21")
    assert version("scikit-learn").startswith("1.")


def test_the_processors_that_are_allowed_count(monkeypatch):
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda pid: {3}, raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 64)
    assert machine.processors() == 1
