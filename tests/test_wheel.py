"""The wheel works outside the checkout: suites, templates, checkpoints and shipped results travel with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel, built from the source distribution, as an installation would lay it out."""
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(out.glob("*.whl"))) as wheel:
        wheel.extractall(out / "site")
    return out / "site"


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line from the wheel; -S with our own path keeps the checkout's editable install out."""
    libraries = [p for p in sys.path if "site-packages" in p]
    program = (
        f"import sys; sys.path[:0] = {[str(installed), *libraries]!r}\n"
        "import trustdm; assert trustdm.__file__.startswith(sys.path[0]), trustdm.__file__\n"
        "from trustdm.bench.cli.main import main; sys.exit(main())"
    )
    return subprocess.run(
        [sys.executable, "-S", "-c", program, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )


def test_the_wheel_holds_only_trustdm(installed: Path) -> None:
    top = {p.name for p in installed.iterdir() if not p.name.endswith(".dist-info")}
    assert top == {"trustdm"}
    assert not list(installed.rglob("bench.db*")) and not list(installed.rglob("tests"))
    links = {p.name for p in (ROOT / "trustdm").iterdir() if p.is_symlink()}
    assert links == {"bench", "leaderboard", "suites", "results"}
    for name in links:
        ours = {p.relative_to(ROOT / name) for p in (ROOT / name).rglob("*.py") if "__pycache__" not in p.parts}
        theirs = {p.relative_to(installed / "trustdm" / name) for p in (installed / "trustdm" / name).rglob("*.py")}
        assert ours == theirs


def test_the_demo_suites_run_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    ran = run(installed, tmp_path, "run", "digits-linf", "mnist16-linf", "--limit", "8")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = json.loads(run(installed, tmp_path, "show", "mnist16-linf", "--json").stdout)
    assert {r["method"] for r in rows} == {"mnist16-standard", "mnist16-pgd-at"}
    assert run(installed, tmp_path, "publish").returncode == 0
    assert (tmp_path / "site" / "suites" / "mnist16-linf.html").is_file()
