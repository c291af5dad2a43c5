"""Packages from outside: laid out as pip would, and used by the command line in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

CLI = [sys.executable, "-m", "trustdm.bench.cli.main"]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "240"}


def installed(package: Path, folder: Path) -> Path:
    """A folder with the unpacked wheel of the package, entry points and all, as an installation would leave it."""
    source, site = folder / "source", folder / "site-packages"
    shutil.copytree(package, source, ignore=shutil.ignore_patterns("__pycache__"))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "wheels")]
    done = subprocess.run(build, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next((folder / "wheels").glob("*.whl"))) as wheel:
        wheel.extractall(site)
    return site


def environment(site: Path | None, **more: str) -> dict[str, str]:
    """That of a process for which the packages in ``site`` are installed."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TRUSTDM_DB")}
    return {**kept, **ENVIRONMENT, **({"PYTHONPATH": str(site)} if site else {}), **more}


def trustdm(
    folder: Path, *words: object, site: Path | None, code: int = 0, **more: str
) -> subprocess.CompletedProcess[str]:
    """The command line in ``folder``, which must end with this exit code."""
    command = [*CLI, *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment(site, **more), capture_output=True, text=True)
    assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done
