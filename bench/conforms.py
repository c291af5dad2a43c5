"""How a method did in the conformance checks of a capability, as it is stored, exchanged and shown; no torch.

It is about a method (name, version, parameters, weights, code), a capability and the code of its checks, whose digest
is the ``key``; it is no part of the identity of any cell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.types import CellIdentity

Ended = Literal["passed", "failed", "skipped"]
Status = Literal["passed", "failed", "not run"]
ENDED: tuple[str, ...] = get_args(Ended)
UNREADABLE = "stored_outcome"
"""In the place of the name of a check, where what is stored cannot be read: it must not look as if it had passed."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """How one check ended; ``message`` says what is wrong, or why it was skipped (it does not apply)."""

    name: str
    outcome: Ended
    message: str = ""


@dataclass(frozen=True)
class About:
    """What was checked: everything that may move an outcome. ``weights``, ``code`` and ``checks`` are digests."""

    method: str
    version: str
    params: tuple[tuple[str, object], ...]
    weights: tuple[str, ...]
    code: str
    capability: str
    checks: str

    @property
    def text(self) -> str:
        """Canonical JSON."""
        return canonical_json(asdict(self))

    @property
    def key(self) -> str:
        """Hex SHA-256 of the text."""
        return sha256_of(asdict(self))


FIELDS = tuple(field.name for field in fields(About))


@dataclass(frozen=True)
class Conformance:
    """The outcome of the checks of one method, as the lab ``lab`` ran them.

    ``uid`` names it in every store that it is copied to. ``about`` is the text of an ``About``, ``key`` its SHA-256.
    ``created`` is UTC, ISO 8601; ``seconds`` is what the checks took.
    """

    uid: str
    lab: str
    key: str
    about: str
    created: str
    device: str
    seconds: float
    checks: tuple[CheckOutcome, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(check.name for check in self.checks if check.outcome == "failed")

    @property
    def status(self) -> Status:
        return "failed" if self.failed else "passed"

    @property
    def messages(self) -> tuple[str, ...]:
        """One line for each check that failed."""
        return tuple(f"{check.name}: {check.message}" for check in self.checks if check.outcome == "failed")


def checks_text(checks: Iterable[CheckOutcome]) -> str:
    """The JSON that is stored: a list of [name, outcome, message]."""
    return canonical_json([[check.name, check.outcome, check.message] for check in checks])


def checks_from(text: str) -> tuple[CheckOutcome, ...]:
    """The outcomes again; of a text that was changed, one that failed, for nobody knows what it said."""
    try:
        rows = json.loads(text)
        found = tuple(CheckOutcome(name, ended, message) for name, ended, message in rows)
        sound = found and all(isinstance(c.name + c.message, str) and c.outcome in ENDED for c in found)
    except (ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        return (CheckOutcome(UNREADABLE, "failed", "it cannot be read; `trustdm db check` says more"),)
    return found


def fault(about: str, key: str, identity: CellIdentity, code_digest: str) -> str:
    """Why an outcome about ``about`` is not one of a cell's method; empty if it is.

    Versions of checks may be any: they are those of whoever ran them.
    """
    try:
        said = json.loads(about)
        if sha256_of(said) != key:
            return f"expected {sha256_of(said)[:12]} (the SHA-256 of what it is about), got {key[:12]}"
    except (ValueError, TypeError, RecursionError):
        return "expected what it is about as JSON, got something else"
    if not isinstance(said, dict) or set(said) != set(FIELDS):
        return f"expected {', '.join(FIELDS)} in what it is about, got something else"
    if not all(isinstance(said[name], str) for name in ("capability", "checks")):
        return "expected texts for capability and checks, got something else"
    own = code_digest.partition("/")[0]
    cell = About(identity.method, identity.method_version, identity.method_params, identity.weights, own, "", "")
    expected = json.loads(cell.text)
    for name in FIELDS[:-2]:
        if said[name] != expected[name]:
            return f"{name}: expected {canonical_json(expected[name])[:60]}, as the cell has it, got {said[name]!r:.60}"
    return ""


def status_of(found: Sequence[Conformance | None]) -> Status:
    """What the cells of a row say together: one that failed decides, and all must have passed to say so."""
    if any(each is not None and each.failed for each in found):
        return "failed"
    return "passed" if found and all(each is not None for each in found) else "not run"
