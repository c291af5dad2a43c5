"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = "Exit codes: 0 done, 1 error, 2 some units failed, 3 stopped before the end."
Db = Annotated[
    str | None,
    typer.Option("--db", metavar="URL", help="Database: a path or SQLAlchemy URL [$TRUSTDM_DB or results/bench.db]."),
]
Plugins = Annotated[
    list[Path] | None, typer.Option("--plugin", metavar="FILE", help="A plugin file of your own; may be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wide = Annotated[bool, typer.Option("--wide", help="Every column and metric, however wide the terminal is.")]
