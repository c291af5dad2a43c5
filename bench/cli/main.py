"""The command line. Every verb imports what it needs when it is called, so that help and listings are quick."""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
import pkgutil
import sys
import threading
from typing import Annotated, NoReturn

import typer

import trustdm.bench.tasks as rooms
from trustdm.bench.cli import baselines, care, data, exchange, look, measure, new
from trustdm.bench.cli.options import EPILOG
from trustdm.bench.errors import TrustdmError, UsageError
from trustdm.bench.printable import printable

STOPPED = 3
INTERRUPTED = 130
"""What typer makes of a Ctrl-C that no verb took for itself."""

app = typer.Typer(
    name="trustdm",
    help="Measured, resumable, traceable evaluations of trustworthy diffusion models.\n\n"
    "Three verbs: run a suite, show its rows, publish the leaderboard. "
    "A method of your own is one Python file: --plugin FILE.py (docs/submitting.md).",
    epilog=EPILOG,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    """Handles options that belong to no command."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"trustdm {installed('trustdm')}")
        raise typer.Exit


def _room_verbs() -> None:
    """A task's folder may have a module ``verbs`` with a function ``add(app)``."""
    for room in pkgutil.iter_modules(rooms.__path__):
        name = f"{rooms.__name__}.{room.name}.verbs"
        if room.ispkg and importlib.util.find_spec(name) is not None:
            importlib.import_module(name).add(app)


for group in (look, measure, exchange, baselines, care, data, new):
    group.add(app)
_room_verbs()


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a user's mistake is one line, a bug of ours a traceback."""
    try:
        _check(sys.argv[1:] if arguments is None else arguments)
        code = app(arguments, prog_name="trustdm", standalone_mode=False)
    except typer.Abort:
        return STOPPED
    except TrustdmError as error:
        _complain(str(error))
        return 1
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        _complain(f"{str(error.filename)[:60]}...: expected a name that a file can have, got one that is too long")
        return 1
    except Exception as error:
        # Typer keeps the class of its usage errors private; they are told by what they can do.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(f"{explain()}\n")
            return 0
        _complain(explain())
        return 1
    return STOPPED if code == INTERRUPTED else int(code or 0)


def _check(arguments: list[str]) -> None:
    """Raises UsageError for an argument that is no text: nothing could store or print it."""
    for argument in [*arguments, os.environ.get("TRUSTDM_DB", "")]:
        if any("\ud800" <= c <= "\udfff" for c in argument):
            raise UsageError(f"arguments: expected texts in UTF-8, got {os.fsencode(argument)[:60]!r}; rename the file")


def command() -> NoReturn:
    """``main`` as a process of its own, which a thread that a plugin began when it was imported does not keep."""
    code = main()
    if any(not t.daemon and t is not threading.main_thread() for t in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


def _complain(text: str) -> None:
    sys.stderr.write(f"trustdm: {' '.join(printable(text).split())}\n")


if __name__ == "__main__":
    command()
