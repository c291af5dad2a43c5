"""Where a number came from: commit, versions, hardware, settings. Read once for each run; torch-free."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path

from trustdm.bench.registry import GROUP
from trustdm.bench.scrub import database_words, scrubbed
from trustdm.bench.types import RunInfo

PACKAGES = (
    "trustdm",
    "torch",
    "numpy",
    "scipy",
    "pyautoattack",
    "safetensors",
    "sqlalchemy",
    "scikit-learn",
    "mlxtend",
)


def now() -> str:
    """The time in UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat()


def collect(command: str, settings: Mapping[str, object]) -> RunInfo:
    """The provenance of a run that starts now; ``settings`` are the options it runs with."""
    commit, dirty = git_state(Path(__file__).resolve().parent)
    facts = {f"version.{name}": _version(name) for name in PACKAGES}
    facts |= {f"version.{name}": number for name, number in _plugin_packages().items()}
    facts |= {
        "version.python": platform.python_version(),
        "machine.system": f"{platform.system()} {platform.release()}",
        "machine.processor": _processor(),
        "machine.cores": str(os.cpu_count()),
    }
    facts |= {f"setting.{name}": scrubbed(str(value)) for name, value in settings.items()}
    return RunInfo(id=str(uuid.uuid4()), started=now(), command=command, commit=commit, dirty=dirty, facts=facts)


def _plugin_packages() -> dict[str, str]:
    """Name and version of every installed package that brings plugins."""
    packages = (point.dist for point in entry_points(group=GROUP))
    return {package.name: package.version for package in packages if package is not None}


def git_state(folder: Path) -> tuple[str, bool | None]:
    """The commit of the checkout this package lies in and whether it has local changes; ("", None) outside one."""
    try:
        root = _git(folder, "rev-parse", "--show-toplevel")
        tracked = _git(folder, "ls-files", "--error-unmatch", str(Path(__file__).resolve()))
        if not root or not tracked:
            return "", None
        return _git(folder, "rev-parse", "HEAD"), bool(_git(folder, "status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):
        return "", None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def program() -> str:
    """The name of the program that runs; what it was given is its own affair, and may be a secret."""
    return scrubbed(Path(sys.argv[0]).name)


def command_line(words: Iterable[str], options: Iterable[tuple[str, object]]) -> str:
    """A command as it was understood: its ``words``, then ``options`` with their values, True for one without.

    Without folders, credentials and names of this machine, whatever spelling they were typed in.
    """
    told = [*words]
    for option, value in options:
        told += [option] if value is True else [option, value_text(value)]
    return scrubbed(" ".join(told))


def value_text(value: object) -> str:
    """A value of an option or an argument: of a database its kind and name, of a path out of this folder its end."""
    text = str(value)
    if "://" in text:
        return database_words(text)
    leads_out = text.startswith(("../", "~")) or (text.startswith("/") and " " in text)
    return Path(text).name if leads_out else text
