"""Which plugins of strangers are registered: those that are of plain values, whatever their classes say of themselves.

A card is made anew from its values, and checked, before anything of it is compared, printed, stored or hashed: it may
have been made without checks, or be of a class of its own, whose texts raise when they are looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.contracts import (
    NAME,
    AttackCard,
    Card,
    DatasetCard,
    ExtractorCard,
    MethodCard,
    ProtocolCard,
    StepCard,
    WeightAttackCard,
)
from trustdm.bench.errors import PluginError
from trustdm.bench.foreign import described, interrupts
from trustdm.bench.registry import Entry, Registered
from trustdm.bench.suite.models import Table
from trustdm.bench.tasks.contract import Flag, Metric, Published, Task

CARDS: dict[str, type[Card]] = {
    "method": MethodCard,
    "dataset": DatasetCard,
    "attack": AttackCard,
    "weight_attack": WeightAttackCard,
    "extractor": ExtractorCard,
    "step": StepCard,
    "protocol": ProtocolCard,
}
OWN_CARDS: dict[str, type[Registered]] = {"task": Task, "capability": Capability}
"""Kinds whose objects are their own cards."""
TEXTS = {
    "task": ("key", "title", "capability", "unit", "view", "claims"),
    "capability": ("call", "questions", "checks"),
}
"""Texts that such an object must have, beside name, version and summary."""
PARTS: dict[str, type] = {"metrics": Metric, "flags": Flag, "published": Published, "plugins": str, "terms": str}
"""Tuples that a task has, and what they hold."""
LONGEST = 500
SHOWN = 80


def admitted(entry: Entry) -> Entry:
    """``entry`` as it may be registered: with a card of plain values.

    Raises:
        PluginError: it has none, or is of a kind that there is not.
    """
    try:
        return _admitted(entry)
    except PluginError:
        raise
    except BaseException as error:  # whatever a stranger's object does when it is looked at
        if interrupts(error):
            raise
        raise PluginError(f"{entry.target[:SHOWN]}: expected a card of plain values, got {described(error)}") from error


def _admitted(entry: Entry) -> Entry:
    where = f"{entry.target[:SHOWN]}: {entry.kind[:SHOWN]}"
    if entry.kind in OWN_CARDS:
        for fault in _faults(entry.card, entry.kind):
            raise PluginError(f"{where}: {fault}")
        return entry
    kind = CARDS.get(entry.kind)
    if kind is None:
        raise PluginError(f"{where}: expected one of the kinds {', '.join((*CARDS, *OWN_CARDS))}, got another")
    parts = entry.parts
    if type(parts) is not tuple or not all(type(part) is str for part in parts):
        raise PluginError(f"{where}: parts: expected names of parameters, got {type(parts).__name__}")
    if entry.resolve is not None and not callable(entry.resolve):
        raise PluginError(f"{where}: resolve: expected a function, got {type(entry.resolve).__name__}")
    return replace(entry, card=_plain(entry.card, kind, where))


def _plain(card: object, kind: type[Card], where: str) -> Card:
    """``card`` again, from its values as JSON has them."""
    if not issubclass(type(card), kind):
        raise PluginError(f"{where}: expected a {kind.__name__}, got an object of {type(card).__name__[:SHOWN]}")
    values = BaseModel.model_dump(card, mode="json", include=set(kind.model_fields), warnings="error")  # type: ignore[arg-type]
    text = json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
    try:
        return kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the card"
        raise PluginError(f"{where}: {place}: {first['msg']}, got {first['input']!r:.60}") from error


def _faults(thing: Any, kind: str) -> Iterator[str]:
    """What is wrong with an object that is its own card."""
    base = OWN_CARDS[kind]
    if not issubclass(type(thing), base):
        yield f"expected an object of a subclass of {base.__name__}, got one of {type(thing).__name__[:SHOWN]}"
        return
    for name in ("__eq__", "__hash__", "model_dump", "__getattribute__"):
        if getattr(type(thing), name) is not getattr(Registered, name):
            yield f"expected the {name} of {Registered.__name__}, got another"
    for name in ("name", "version", "summary", *TEXTS[kind]):
        value = getattr(thing, name, None)
        if type(value) is not str or len(value) > LONGEST or any("\ud800" <= c <= "\udfff" for c in value):
            yield f"{name}: expected a text of at most {LONGEST} characters, got {type(value).__name__}"
    if not re.fullmatch(NAME, thing.name):
        yield f"name: expected letters, digits, '.', '_' and '-', got {thing.name!r:.60}"
    if kind == "task":
        yield from _task_faults(thing)


def _task_faults(task: Any) -> Iterator[str]:
    table = getattr(task, "table", None)
    if not isinstance(table, type) or not issubclass(table, Table):
        yield f"table: expected a subclass of {Table.__name__}, got {type(table).__name__}"
    for name, kind in PARTS.items():
        value = getattr(task, name, None)
        if type(value) is not tuple or not all(type(part) is kind for part in value):
            yield f"{name}: expected a tuple of {kind.__name__}, got {type(value).__name__}"
