"""docs/quickstart.md does what it says: its blocks are run, in order, in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_of_the_quick_start_works(tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    for language, how, text in blocks:
        if how.startswith("file="):
            (tmp_path / how.removeprefix("file=")).write_text(text, encoding="utf-8")
        elif language == "python":
            check_runs([sys.executable, "-c", text], tmp_path)
        else:
            for line in text.splitlines():
                words = line.split()
                assert words[0] == "trustdm"
                check_runs([sys.executable, "-m", "trustdm.bench.cli.main", *words[1:]], tmp_path)
    assert (tmp_path / "site" / "index.html").is_file()
    assert "autoattack_accuracy" in (tmp_path / "metrics.csv").read_text(encoding="utf-8")


def check_runs(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def test_the_readme_begins_with_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = BLOCK.findall(text)[0][2].splitlines()
    assert first[0].startswith("python -m pip install tox && tox run -e demo")
    assert first[1].startswith("python -m pip install tox && tox run -e tests")
    assert "tox run -e tests" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_ten_lines_of_the_readme_work(tmp_path: Path) -> None:
    code = next(t for language, _, t in BLOCK.findall((ROOT / "README.md").read_text()) if language == "python")
    check_runs([sys.executable, "-c", code.replace("limit=32", "limit=8")], tmp_path)
