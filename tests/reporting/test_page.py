"""The report as one HTML page: what is in it, and what a browser makes of it."""

import html
import json
import re
import shutil
import subprocess

import pytest

import report

BROWSER = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)
# Sorts the table of policies by its rounds, twice, and says what a reader sees.
ASK = """<pre id="said"></pre><script>
const table = document.querySelector("#policies + .wide table"), heads = [...table.tHead.rows[0].cells];
const head = heads.find(cell => cell.textContent === "rounds");
const column = () => [...table.tBodies[0].rows].map(row => parseFloat(row.cells[head.cellIndex].textContent));
const said = { before: column() };
head.click(); said.once = column(); head.click(); said.twice = column();
Object.assign(said, { width: document.documentElement.scrollWidth, inside: innerWidth });
said.images = [...document.images].map(image => image.complete && image.naturalWidth > 100);
const links = [...document.querySelectorAll("a")].map(link => link.getAttribute("href"));
said.broken = links.filter(link => !document.querySelector(link));
document.getElementById("said").textContent = JSON.stringify(said);
</script>"""


def test_everything_is_in_the_page_and_nothing_is_loaded(folder, capsys):
    (folder / "figures").mkdir()
    (folder / "figures" / "holiday.png").write_bytes(b"not of this report")
    assert report.main([str(folder), "--html"]) == 0
    page = (folder / "report.html").read_text()
    text = capsys.readouterr().out
    assert not re.findall(r'(?:src|href)="(?!#|data:image/png)', page)
    assert "{{" not in page
    assert page.count("data:image/png;base64,") == len([*(folder / "figures").glob("*.png")]) - 1 == 2
    for cell in re.findall(r"\| ([^|\n]+) (?=\|)", text):
        assert cell == "---" or f">{html.escape(cell, quote=False)}</t" in page
    runs = page.partition('<h2 id="runs">')[2].partition("<h2")[0]
    assert runs.count("<tr>") == 1 + 15
    assert "<td>dqn-paper--seed4</td>\n<td>dqn</td>\n<td>disjoint</td>\n<td>4</td>" in runs
    settings = page.partition('<h2 id="settings">')[2]
    assert "<td>round_limit</td>\n<td>36</td>" in settings
    assert "<td>policy</td>" not in settings  # the runs differ in it


def test_a_page_needs_a_folder(capsys):
    with pytest.raises(SystemExit):
        report.main(["--docs", "--html"])
    assert "--html needs folders of sweep.py" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium is installed: apt-get install chromium")
@pytest.mark.parametrize("width", [500, 1280])
def test_a_browser_shows_and_sorts_it(folder, tmp_path_factory, width):
    """500 is the narrowest window that Chromium has."""
    report.main([str(folder), "--html"])
    path = folder / "asked.html"
    path.write_text((folder / "report.html").read_text().replace("</body>", f"{ASK}</body>"))
    profile = tmp_path_factory.mktemp("profile")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", f"--user-data-dir={profile}"]
    command = [BROWSER, *flags, "--virtual-time-budget=2000", "--dump-dom", path.as_uri()]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    said = json.loads(re.search(r'<pre id="said">(.+?)</pre>', dumped)[1])
    assert said["once"] == sorted(said["before"]) == said["twice"][::-1]
    assert len(set(said["once"])) == 3
    assert said["width"] <= said["inside"]  # tables move within their frames
    assert said["images"] == [True, True]
    assert said["broken"] == []
