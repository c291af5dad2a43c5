"""The package works where its links are text files, as Git writes them on Windows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("bench", "leaderboard", "suites", "results")


def test_a_checkout_without_links_imports_and_lists(tmp_path: Path) -> None:
    package = tmp_path / "trustdm"
    package.mkdir()
    shutil.copy(ROOT / "trustdm" / "__init__.py", package)
    for name in PARTS:
        (package / name).write_text(f"../{name}")
        unwanted = shutil.ignore_patterns("*.db*", "artefacts", "__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import trustdm; "
        "assert trustdm.__file__.startswith(sys.path[0]), trustdm.__file__; "
        "from trustdm.bench.suite.load import shipped; from trustdm.bench import plugins; "
        "print(len(shipped()), len(plugins.load(installed=False).registry.names('method')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    suites, methods = map(int, done.stdout.split())
    assert suites >= 12
    assert methods >= 10
