"""Makes a report one HTML page with its tables, figures and runs, which loads nothing from elsewhere."""

import base64
import html
from pathlib import Path

import markdown
import pandas as pd

from reporting.animation import filled
from reporting.averages import settings, varied
from reporting.tables import markdown as markdown_table

PAGE = Path(__file__).parent / "page.html"


def page(text: str, runs: dict[str, dict], figures: list[Path], title: str) -> bytes:
    """Returns a report as an HTML page whose tables can be sorted.

    `text` is the report as Markdown, `runs` are those of `read_runs`, `figures` PNG files.
    """
    pictures = "\n\n".join(f"![{path.stem.replace('_', ' ')}]({path.name})" for path in figures)
    parts = {"Figures": pictures, "Runs": markdown_table(runs_table(runs)), "Settings": _settings(runs)}
    text = text.replace("# Report", f"# {title}", 1)
    text += "".join(f"\n## {heading}\n\n{body}\n" for heading, body in parts.items() if body)
    converter = markdown.Markdown(extensions=["tables", "toc"], extension_configs={"toc": {"toc_depth": "2-2"}})
    body = converter.convert(text)
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    for path in figures:
        content = base64.b64encode(path.read_bytes()).decode()
        body = body.replace(f'src="{path.name}"', f'src="data:image/png;base64,{content}"')
    return filled(PAGE, {"title": html.escape(title), "contents": converter.toc, "body": body})


def runs_table(runs: dict[str, dict]) -> pd.DataFrame:
    """Returns one row a run: what distinguishes it, how long it took, and where, when and how it was made."""
    names = varied(runs)
    rows = []
    for name, run in runs.items():
        own = {key.replace("_", " "): settings(run)[key] for key in names}
        row = {"run": name, "policy": run["config"].policy, "split": run["config"].split, "seed": run["config"].seed}
        row |= own | {"data": run["dataset"], "episodes": len(run["episodes"])}
        row |= {"minutes": f"{run['episodes']['seconds'].sum() / 60:.1f}", "processor": run["processor"]}
        row |= {"code": str(run["git_commit"])[:7], "start": run.get("start", ""), "end": run["end"]}
        rows.append(row | {"command": f"`{run['command_line']}`" if run.get("command_line") else ""})
    return pd.DataFrame(rows)


def _settings(runs: dict[str, dict]) -> str:
    """Returns the settings that all runs have in common, as a Markdown table."""
    every = [run["config"].as_text() for run in runs.values()]
    common = [(name, value) for name, value in every[0].items() if all(each[name] == value for each in every)]
    return "What all runs have in common.\n\n" + markdown_table(pd.DataFrame(common, columns=["setting", "value"]))
