"""The whole exception tree, on one screen.

    TrustdmError            the user must do something; printed as one line, exit code 1
      UsageError            an unknown name, an impossible option
        UnknownName         with near names
      SuiteError            a suite file is wrong: path, key, expected, got
      PluginError           a plugin file or entry point cannot be loaded or registered
      ContractError         a method or an attack broke its contract while it ran
      WeightsError          a checkpoint is missing, or is not the one its card names
      DataError             a data set is missing, or is not the one its suite names
      SetupError            what a block needs cannot be had: data, an extractor, a prepared asset
      StoreError            the result database cannot be opened, read or written
        CodeChanged         an unfinished cell was started by other code
      RunFileError          an exported run file is malformed or was edited

Any other exception is a bug of ours and shows its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from trustdm.bench.foreign import line

LONGEST_MESSAGE = 20_000
"""Characters of a message: it may list what was left out, each with a reason."""


class TrustdmError(Exception):
    """Something the user can put right; ``str()`` is one line: where, expected, got, what to do."""

    def __init__(self, message: str):
        super().__init__(line(message, LONGEST_MESSAGE))

    def __reduce__(self) -> tuple[Any, ...]:
        """How it reaches another process: as its message, whatever its class is made from."""
        return _again, (type(self), self.args), self.__dict__ or None


def _again(kind: type[TrustdmError], args: tuple[Any, ...]) -> TrustdmError:
    return kind.__new__(kind, *args)


class UsageError(TrustdmError):
    """An option or a name that makes no sense here."""


class UnknownName(UsageError):
    """A name that nothing is registered under; the message lists near names."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        known = sorted(set(known))
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(repr(n) for n in near)}?" if near else f"known: {', '.join(known) or 'none'}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")

    def further(self, words: str) -> UnknownName:
        """The same, with ``words`` after it."""
        more = UnknownName.__new__(UnknownName)
        TrustdmError.__init__(more, f"{self}; {words}")
        return more


class SuiteError(TrustdmError):
    """A suite file is wrong."""

    def __init__(self, path: object, key: str, expected: str, got: object):
        super().__init__(f"{path}: {key}: expected {expected}, got {got}")


class PluginError(TrustdmError):
    """A plugin cannot be loaded, or claims a name that is taken."""


class ContractError(TrustdmError):
    """A plugin broke its contract while it ran: becomes a failed record, never a traceback."""


class WeightsError(TrustdmError):
    """A checkpoint is missing, unsafe to load, or has another hash than its card says."""


class DataError(TrustdmError):
    """A data set is missing, incomplete, or has another digest than its suite says."""


class SetupError(TrustdmError):
    """What a block needs cannot be had on this machine: nothing of its cell can run. No fault of the method."""


class StoreError(TrustdmError):
    """The result database cannot be opened, read or written."""


class CodeChanged(StoreError):
    """A cell that is not finished was started by other code or other weights."""


class RunFileError(TrustdmError):
    """An exported run file is malformed, was edited, or belongs to another schema."""
