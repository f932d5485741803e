"""Generated parts of README.md and docs/: on pages made up for it, and on the real ones."""

import re
import shutil

import pytest
from helpers import PROJECT

import report
from reporting import docs, docs_tables
from reporting.report import write_report
from runs.packing import pack
from runs.presets import CHANGES, PRESETS
from runs.records import EpisodeRecord, RoundRecord, TransferRecord, columns
from settings.declare import flag, to_text

PAGE = """# Page
<!-- begin: file results/measured.md -->
<!-- end -->
between
<!-- begin: section results/claims/report.md Claims -->
1
<!-- end -->
<!-- begin: claims -->
<!-- end -->
"""


@pytest.fixture
def root(folder, tmp_path, monkeypatch):
    """A project whose one page has three markers, filled; its one study has the runs of `folder`."""
    runs = [path for path in folder.iterdir() if path.is_dir()]
    study = tmp_path / "results" / "claims"
    study.mkdir(parents=True)
    for path in runs:
        path.rename(study / path.name)
    write_report([study], study, figures=False)
    pack(study, study)
    (tmp_path / "results" / "measured.md").write_text("| a |\n| --- |\n| 1.25 |\n")
    (tmp_path / "README.md").write_text(PAGE)
    docs.fill_pages(tmp_path)
    monkeypatch.setattr(report, "PROJECT", tmp_path)
    return tmp_path


def check(capsys):
    """Returns the exit code of `--docs --check` and the lines that it prints."""
    code = report.main(["--docs", "--check"])
    return code, capsys.readouterr().out.splitlines()


def test_pages_are_filled_between_the_markers_alone(root, capsys):
    lines = (root / "README.md").read_text().splitlines()
    assert [line for line in lines if line[0] not in "|"] == [line for line in PAGE.splitlines() if line != "1"]
    assert lines[2:5] == ["| a |", "| --- |", "| 1.25 |"]
    ours = [line.split(" | ")[3:5] for line in lines if line.startswith("| training rounds |")]
    assert [change for change, _ in ours] == ["-50.0%"]  # 10, 12, ... rounds against twice as many
    assert docs.fill_pages(root) == []
    assert check(capsys) == (0, ["all reports and generated tables are up to date"])


def test_reports_of_runs_that_are_not_packed_are_the_users_own(root, capsys):
    """Such as those under results/sweep, which git ignores; nobody asked to write them anew."""
    shutil.copytree(root / "results" / "claims", root / "results" / "sweep")
    (root / "results" / "sweep" / "runs.json").unlink()
    (root / "results" / "sweep" / "per_seed.csv").write_text("edited")
    assert check(capsys) == (0, ["all reports and generated tables are up to date"])
    assert docs.published(root) == [root / "results" / "claims"]


@pytest.mark.parametrize(
    ("name", "old", "new", "stale"),
    [
        ("results/measured.md", "1.25", "1.26", ["README.md, line 2: stale: file results/measured.md"]),
        ("README.md", "1.25", "1.26", ["README.md, line 2: stale: file results/measured.md"]),
        (
            "results/claims/report.md",
            "| -50.0%",
            "| -51.0%",
            ["results/claims/report.md: stale", "README.md, line 8: stale: section results/claims/report.md Claims"],
        ),
        (
            "results/claims/per_seed.csv",
            ",10.0,",
            ",19.0,",
            ["results/claims/per_seed.csv: stale", "README.md, line 15: stale: claims"],
        ),
        (
            "results/claims/dqn-paper--seed0/episodes.csv",
            "10,0.4,25,",
            "11,0.4,25,",
            ["results/claims/report.md: stale", "results/claims/per_seed.csv: stale"],
        ),
    ],
)
def test_check_names_what_a_digit_makes_stale(root, capsys, name, old, new, stale):
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))
    code, lines = check(capsys)
    assert (code, lines) == (1, [*stale, "run python report.py --docs"])


def test_docs_are_written_anew(root, capsys, monkeypatch):
    """A table and a page with a wrong number; the pictures have tests of their own."""
    for name in ("draw_runs", "draw_round", "animate"):
        monkeypatch.setattr(report, name, lambda *_, **__: None)
    page, path = root / "README.md", root / "results/claims/per_seed.csv"
    before = page.read_text(), path.read_text()
    page.write_text(before[0].replace("1.25", "1.26"))
    path.write_text(before[1].replace(",10.0,", ",19.0,", 1))
    assert check(capsys)[0] == 1
    assert report.main(["--docs"]) == 0
    assert (page.read_text(), path.read_text()) == before
    capsys.readouterr()
    assert check(capsys)[0] == 0


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<!-- begin: claim -->\n<!-- end -->\n", "line 1: unknown source 'claim'; use one of file PATH"),
        ("<!-- begin: section results/claims/report.md -->\n<!-- end -->\n", "unknown source"),
        ("<!-- begin: section results/claims/report.md Claim -->\n<!-- end -->\n", "no section called 'Claim'"),
        ("<!-- begin: file results/gone.md -->\n<!-- end -->\n", "gone.md"),
        ("<!-- begin: claims -->\n1\n", "line 1: add a line <!-- end --> below this marker"),
        ("<!-- begin: claims -->\n<!-- begin: claims -->\n<!-- end -->\n", "line 1: add a line <!-- end -->"),
        ("text\n<!-- end -->\n", "line 2: <!-- end --> without a line <!-- begin: SOURCE --> above it"),
    ],
)
def test_bad_markers_are_refused_in_one_line_before_anything_is_written(root, capsys, page, said):
    (root / "docs").mkdir()
    (root / "docs" / "a.md").write_text(page)
    (root / "README.md").write_text(PAGE)  # not filled
    assert report.main(["--docs", "--check"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("report.py: error: docs/a.md, line ")
    assert said in line
    with pytest.raises(docs.UsageError):
        docs.fill_pages(root)
    assert (root / "README.md").read_text() == PAGE


def test_command_lines_that_do_not_fit_are_refused(capsys):
    for arguments in ([], ["--check"], ["--docs", "results/claims"], ["results/claims", "--check"]):
        with pytest.raises(SystemExit) as ended:
            report.main(arguments)
        assert ended.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_sections_end_at_the_next_heading_of_their_level():
    text = "# A\n1\n\n## B\n2\n\n### C\n3\n## D\n## E\n4\n"
    assert docs.section(text, "B") == "2\n\n### C\n3"
    assert docs.section(text, "C") == "3"
    assert docs.section(text, "A") == text.removeprefix("# A\n").strip()
    with pytest.raises(ValueError, match="'D'"):
        docs.section(text, "D")


def rows(text):
    """Returns the cells of a text's table rows, without backquotes around them, by the first one."""
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:2] == "| "]
    return {first: rest for first, *rest in cells}


def test_settings_and_columns_are_all_there():
    shown = rows(docs_tables.settings(PROJECT))
    for name, value in PRESETS["paper"].items():
        assert shown[flag(name)][0] == (str(to_text(value)) or "empty")
    assert shown["--goal"][1:] == [
        "number, above 0, at most 1",
        "test accuracy that ends an episode, above 0 to 1",
        "authors",
    ]
    assert shown["--seed"][1] == "whole number, 0 to 4,294,967,295"
    assert shown["--failed-attempts"][1] == "free, charged"
    sources = {"--split": "authors: published", "--drop-rate": "ours", "--seed": "authors: none", "--goal": "authors"}
    assert {name: shown[name][-1] for name in sources} == sources
    _, *tables = docs_tables.records(PROJECT).split("### ")
    for kind, table in zip((RoundRecord, EpisodeRecord, TransferRecord), tables, strict=True):
        assert list(rows(table))[2:] == list(columns(kind))


def test_flags_of_the_presets_are_those_that_they_change():
    for name, (_, flags) in list(rows(docs_tables.presets(PROJECT)).items())[2:]:
        words = flags.split()
        changes = dict(zip(words[::2], words[1::2], strict=True))
        assert changes == {flag(field): str(value) for field, value in CHANGES[name].items()}


def test_pages_of_this_project_are_up_to_date():
    assert docs.stale_parts(PROJECT) == []


def prose(page):
    """Returns a page's text without code blocks and inline code."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """Returns the anchors that GitHub gives the headings of a page; it numbers those that repeat."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = []
    for title in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        anchor = re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return found


@pytest.mark.parametrize("page", docs.pages(PROJECT), ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href|srcset)=\"([^\"]+)\"", prose(page))
    lost = []
    for link in [markdown or html for markdown, html in links]:
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []
