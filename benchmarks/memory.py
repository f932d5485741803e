"""Whether memory grows over a run: `python -m benchmarks.memory --run-dir DIR --out results/benchmarks`.

Runs `main.py` with the preset `paper` into DIR and notes its resident memory (Linux) after every episode.
"""

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from settings.flags import Parser

EARLY = 5  # the episode that the end is compared with


def status(pid: int, field: str) -> float:
    """Returns a memory field of /proc/PID/status in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line; returns main.py's exit code."""
    parser = Parser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--run-dir", type=Path, required=True, help="new folder for the run")
    parser.add_argument("--seed", default="0", help="seed of the run [0]")
    parser.add_argument("--threads", default="1", help="processor threads [1]")
    parser.add_argument("--out", type=Path, required=True, help="folder for memory.md and memory.csv")
    options = parser.parse_args(arguments)
    flags = f"--preset paper --seed {options.seed} --threads {options.threads} --run-dir {options.run_dir}"
    process = subprocess.Popen([sys.executable, "main.py", *flags.split()], cwd=Path(__file__).parent.parent)
    episodes, rows, peak = options.run_dir / "episodes.csv", [], 0.0
    while process.poll() is None:
        try:
            done = episodes.read_text().count("\n") - 1
            peak = max(peak, status(process.pid, "VmHWM"))
            if done > len(rows):
                rows.append((done, status(process.pid, "VmRSS")))
        except (OSError, StopIteration):
            pass  # not begun yet, or just ended
        time.sleep(0.2)
    if process.returncode == 0:
        table = pd.DataFrame(rows, columns=["episode", "resident_mib"]).set_index("episode")
        early, late = table.loc[EARLY, "resident_mib"], table["resident_mib"].iloc[-1]
        options.out.mkdir(parents=True, exist_ok=True)
        table.to_csv(options.out / "memory.csv")
        text = f"""| resident memory | MiB |
| --- | --- |
| after episode {EARLY} | {early:.0f} |
| after episode {table.index[-1]} | {late:.0f} ({late / early - 1:+.1%}) |
| peak | {peak:.0f} |
"""
        (options.out / "memory.md").write_text(text)
        print(text)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
