"""Reads the outcomes of conformance checks in a run file, and trusts nothing in them."""

from __future__ import annotations

from dataclasses import fields

from trustdm.bench.conforms import ENDED, UNREADABLE, CheckOutcome, Conformance
from trustdm.bench.foreign import LONGEST
from trustdm.bench.store.fields import UID, Field

NAME = r"[A-Za-z_][A-Za-z0-9_]{0,79}"
MOST_CHECKS = 1000
LONGEST_ABOUT = 100_000
"""Letters of what an outcome is about: the parameters of a method are in it."""
LONGEST_MESSAGE = 2 * LONGEST
"""What is kept is shorter; a word that stands for a folder or a name may be longer than that."""
MOST_SECONDS = 1e10


def parse(field: Field) -> tuple[str, Conformance]:
    """An outcome, by its uid.

    Raises:
        RunFileError: one line with the place in the file, what was expected and what was got.
    """
    part = field.of(f.name for f in fields(Conformance))
    checks = [_check(item) for item in part["checks"].items()]
    if not 0 < len(checks) <= MOST_CHECKS:
        raise part["checks"].error(f"1 to {MOST_CHECKS} checks", f"{len(checks)}")
    if len({check.name for check in checks}) < len(checks):
        raise part["checks"].error("each check once", "one twice")
    if len(part["about"].text()) > LONGEST_ABOUT:
        raise part["about"].error(f"at most {LONGEST_ABOUT} letters", f"{len(part['about'].text())}")
    found = Conformance(
        uid=part["uid"].text(UID, "32 digits in lower case hex"),
        lab=part["lab"].text(UID, "32 digits in lower case hex"),
        key=part["key"].hash(),
        about=part["about"].text(),
        created=part["created"].time(),
        device=part["device"].text(r"[\w:.-]{1,40}", "the name of a device"),
        seconds=part["seconds"].number(0, MOST_SECONDS),
        checks=tuple(checks),
    )
    return found.uid, found


def _check(field: Field) -> CheckOutcome:
    name, outcome, message = field.items(3)
    called = name.text(NAME, "the name of a check: letters, digits and '_'")
    if called == UNREADABLE:
        raise name.error("the name of a check")
    if len(message.text()) > LONGEST_MESSAGE:
        raise message.error(f"at most {LONGEST_MESSAGE} letters", f"{len(message.text())}")
    return CheckOutcome(called, outcome.one_of(ENDED), message.text())
