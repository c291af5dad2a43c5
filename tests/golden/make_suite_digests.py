"""Adds the digest of every shipped suite's version that is not yet in suites/digests.json.

    python tests/golden/make_suite_digests.py [FILE]

A digest that is there is never changed: a suite whose content differs needs a new version.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from trustdm.bench.plugins import load_suite
from trustdm.bench.suite.load import Suite, shipped

FILE = Path(__file__).parents[2] / "suites" / "digests.json"
Digests = dict[str, dict[str, str]]


def updated(digests: Digests, suites: Iterable[Suite]) -> Digests:
    """``digests`` with the versions of ``suites`` that are new in it.

    Raises:
        SystemExit: a version is there with another digest.
    """
    out = {name: dict(versions) for name, versions in digests.items()}
    for suite in suites:
        known = out.setdefault(suite.name, {})
        old = known.setdefault(str(suite.version), suite.content_digest)
        if old != suite.content_digest:
            raise SystemExit(f"{suite.name}: its content changed since version {suite.version}: raise the version")
    return out


def write(file: Path = FILE) -> None:
    digests: Digests = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    text = json.dumps(updated(digests, map(load_suite, shipped())), indent=1, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))
