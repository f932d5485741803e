"""Generates reports, and parts of README.md and docs/*.md, from the code and the committed results.

A generated part lies between the lines `<!-- begin: SOURCE -->` and `<!-- end -->`. SOURCE is `file PATH` (a Markdown
file), `section PATH TITLE` (the text under a heading of a Markdown file), or the name of one of BUILDERS.
"""

import re
import tempfile
from pathlib import Path

from reporting.docs_tables import BUILDERS
from reporting.report import write_report
from runs.command_line import command_of
from runs.folder import write_atomically
from runs.packed import STUDY
from settings.errors import UsageError

BEGIN, END = re.compile(r"<!-- begin: (.+?) -->"), "<!-- end -->"
RUN_FOLDERS = re.compile(r"\d+ finished runs in (.+), [\d.]+ hours")  # which a report is of
HEADING = re.compile(r"(#+) +(.+?) *#*")


def published(root: Path) -> list[Path]:
    """Returns the folders of the published reports: those of packed runs, as only these belong in git."""
    return sorted(
        path.parent for path in (root / "results").glob(f"*/{STUDY}") if (path.parent / "per_seed.csv").exists()
    )


def rewrite_report(folder: Path, out: Path, figures: bool) -> list[Path]:
    """Writes the committed report of a folder anew, from the runs that it names, into `out`.

    Returns the committed files that differ from the new ones. Raises UsageError where the report names no runs.
    """
    paths = [folder / name for name in ("report.md", "per_seed.csv")]
    old = [path.read_bytes() for path in paths]
    names = RUN_FOLDERS.search(old[0].decode())
    if not names:
        raise UsageError(f"{paths[0]} does not say which runs it is of; write it with {command_of('report.py')}")
    write_report([folder.parent / name for name in names[1].split(", ")], out, figures)
    return [path for path, content in zip(paths, old, strict=True) if (out / path.name).read_bytes() != content]


def stale_reports(root: Path) -> list[str]:
    """Returns one line for each committed report or table of means that is not that of the committed runs."""
    with tempfile.TemporaryDirectory() as out:
        stale = [path for folder in published(root) for path in rewrite_report(folder, Path(out), figures=False)]
    return [f"{path.relative_to(root)}: stale" for path in stale]


def pages(root: Path) -> list[Path]:
    """Returns the Markdown files whose generated parts are kept up to date."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def fill_pages(root: Path) -> list[Path]:
    """Fills every generated part of the pages in `root`; returns the pages that changed.

    Raises UsageError, before it writes anything, where a marker cannot be filled.
    """
    filled = {page: fill(page, root)[0] for page in pages(root)}
    changed = [page for page, text in filled.items() if text != page.read_text()]
    for page in changed:
        write_atomically(page, filled[page].encode())
    return changed


def stale_parts(root: Path) -> list[str]:
    """Returns one line for each generated part of the pages in `root` that is not up to date."""
    stale = [(page, number, source) for page in pages(root) for number, source in fill(page, root)[1]]
    return [f"{page.relative_to(root)}, line {number}: stale: {source}" for page, number, source in stale]


def fill(page: Path, root: Path) -> tuple[str, list[tuple[int, str]]]:
    """Returns a page's text with its generated parts filled, and (line, source) of those that differ from the file.

    Raises UsageError where a marker has no end, no beginning or a source that does not exist.
    """
    kept, stale, begun, old = [], [], None, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        place = f"{page.relative_to(root)}, line {number}"
        begin = BEGIN.fullmatch(line)
        if begun and (begin or line == END):
            if begin:
                break
            new = generated(begun[1], root, f"{page.relative_to(root)}, line {begun[0]}").splitlines()
            stale += [begun] if new != old else []
            kept += [*new, line]
            begun = None
        elif begun:
            old.append(line)
        elif line == END:
            raise UsageError(f"{place}: {END} without a line <!-- begin: SOURCE --> above it; add or remove one")
        else:
            kept.append(line)
            begun, old = (number, begin[1]) if begin else None, []
    if begun:
        raise UsageError(f"{page.relative_to(root)}, line {begun[0]}: add a line {END} below this marker")
    return "\n".join(kept) + "\n", stale


def generated(source: str, root: Path, place: str) -> str:
    """Returns the text of a source; raises UsageError, which names the `place` of its marker, where there is none."""
    kind, _, rest = source.partition(" ")
    try:
        if kind == "file" and rest:
            return (root / rest).read_text().strip()
        if kind == "section" and " " in rest:
            path, title = rest.split(" ", 1)
            return section((root / path).read_text(), title)
        if source in BUILDERS:
            return BUILDERS[source](root).strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"{place}: {source}: {error}; correct the marker or put the file back") from error
    known = ", ".join(["file PATH", "section PATH TITLE", *BUILDERS])
    raise UsageError(f"{place}: unknown source {source!r}; use one of {known}")


def section(text: str, title: str) -> str:
    """Returns the text under the first heading `title`, up to the next heading of its level or a higher one.

    Raises ValueError where there is no such heading, or no text under it.
    """
    level, body = 0, []
    for line in text.splitlines():
        heading = HEADING.fullmatch(line)
        if level and heading and len(heading[1]) <= level:
            break
        if level:
            body.append(line)
        elif heading and heading[2] == title:
            level = len(heading[1])
    if not "".join(body).strip():
        raise ValueError(f"no section called {title!r}, or an empty one")
    return "\n".join(body).strip()
