"""The parameters of a stored cell: all of them, and those that a reader must see to know which variant it is.

Cells that were stored before identities held every parameter name only what was typed. What the other parameters were
is in a table for the versions whose results were published (``results/parameters.json``); it moves no key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from trustdm.bench.hashing import canonical_json
from trustdm.bench.records import CellResult
from trustdm.bench.types import CellIdentity

Pairs = tuple[tuple[str, object], ...]
TABLE = "parameters.json"


@dataclass(frozen=True)
class Parameters:
    """``full`` are all parameters; ``shown`` those that differ from their default, or that every variant names."""

    full: Pairs
    shown: Pairs


def parameters(result: CellResult) -> Parameters:
    """The parameters of a cell, sorted by name."""
    return parameters_of(result.identity, result.card)


def parameters_of(identity: CellIdentity, card: Mapping[str, Any]) -> Parameters:
    """The same from an identity and a card, which may be of a stranger's file."""
    given = {str(name): value for name, value in identity.method_params}
    defaults = _pairs(card.get("defaults")) or _aliases().get(_key(identity), {})
    full = defaults | given
    named = _named_by_every_variant(card.get("variants"))
    shown = {k: v for k, v in full.items() if k in named or k not in defaults or v != defaults[k]}
    return Parameters(tuple(sorted(full.items())), tuple(sorted(shown.items())))


def _pairs(listed: Any) -> dict[str, object]:
    """The defaults of a card; none where there are none, or something else stands there."""
    pairs = (
        [p for p in listed if isinstance(p, list | tuple) and len(p) == 2] if isinstance(listed, list | tuple) else []
    )
    return {str(name): tuple(value) if isinstance(value, list) else value for name, value in pairs}


def _named_by_every_variant(variants: Any) -> set[str]:
    """The names that stand in each text such as "sampler=heun,guidance=1.2"."""
    texts = [v for v in variants if isinstance(v, str)] if isinstance(variants, list | tuple) else []
    names = [{item.partition("=")[0] for item in text.split(",")} for text in texts]
    return set.intersection(*names) if names else set()


def _key(identity: CellIdentity) -> str:
    return canonical_json([identity.method, identity.method_version, dict(identity.method_params)])


@cache
def _aliases() -> dict[str, dict[str, object]]:
    """The defaults of what was typed, by method, version and what was typed."""
    rows = json.loads(files("trustdm.results").joinpath(TABLE).read_text(encoding="utf-8"))
    return {canonical_json([r["method"], r["version"], r["given"]]): r["defaults"] for r in rows}
