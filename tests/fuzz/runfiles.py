"""Run files that somebody changed: real ones, cut short, with a few edits, and with the hashes and keys that follow."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fuzz.harness import TEXTS, damaged

from trustdm.bench import plugins
from trustdm.bench.errors import TrustdmError
from trustdm.bench.hashing import canonical_json, sha256_of
from trustdm.bench.shipped import measured
from trustdm.bench.store import npyfile, packed
from trustdm.bench.suite.load import parse_stored

Value = dict[str, Any]
Place = tuple[Any, ...]
BASES = (
    ("digits-linf/digits-standard", 2),
    ("mnist16-certified/denoised-smoothing-0e2fcddd", 2),
    ("mnist16-generation/mnist16-ddpm-7b90dd61", 1),
)
"""Shipped results of three tasks, and how many blocks of each cell are left of them."""
CELLS = 2
SCRIPTS = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "\ud800",
    "\x00",
    "{{ 7*7 }}{% x %}",
    "a\u2028b",
    "\x9b31m",
]
WORDS = [*TEXTS, *SCRIPTS]
NUMBERS = [0, -1, 1, 2, 0.5, -0.0, 1e308, 5e-324, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400]
NUMBERS += [float("nan"), float("inf"), 1e100, 10**15]
ODD = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    {"a": 1},
    [None],
    [1, 2],
    [["a", 1]],
    {"": {}},
    "inf",
    "-inf",
    "1/0",
    "1/3",
    "c",
]
FREE = [
    *(f"cards.*.card.{key}" for key in ("title", "summary", "claim", "paper", "licence", "authors.*", "tags.*")),
    *(f"cards.*.card.{key}" for key in ("version", "data.*", "variants.*", "weights.*.file", "name")),
    *("runs.*.command", "runs.*.commit", "runs.*.facts.+", "runs.*.id", "cells.*.code_digest", "cells.*.state_digest"),
    *("cells.*.blocks.*.device", "cells.*.blocks.*.error", "cells.*.blocks.*.diagnostics.+", "params.*.*", "suite"),
    *("suites.*.content.title", "suites.*.content.description", "suites.*.content.adversary.wins", "cells.*.created"),
    *("suites.*.content.metrics.*.name", "suites.*.content.metrics.*.title", "cells.*.identity.block_rule"),
]
"""Places of texts, many of which a file may fill as it likes; "+": a new name."""


class Forged(NamedTuple):
    """A run file that was changed: its bytes, those of its archive, and what was done, in words."""

    content: bytes
    archive: bytes
    done: list[str]


@cache
def base(at: int) -> tuple[Value, dict[str, bytes]]:
    """A run file that is right, and the bytes of its arrays; the content of its suite is a table in it."""
    name, blocks = BASES[at]
    path = measured() / f"{name}.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    value["cells"] = value["cells"][:CELLS]
    value["suites"][0]["content"] = json.loads("\n".join(value["suites"][0]["content"]))
    for cell in value["cells"]:
        cell["blocks"] = cell["blocks"][:blocks]
    wanted = {kept["sha256"] for block in blocks_of(value) for kept in block["artefacts"].values()}
    with zipfile.ZipFile(path.with_suffix(".npz")) as file:
        return value, {digest: file.read(f"{digest}.npy") for digest in sorted(wanted)}


def intact(at: int) -> Forged:
    """Base number ``at`` as it is."""
    value, arrays = copy.deepcopy(base(at))
    archive = next(iter(packed.files(Path("x.json"), arrays).values()), b"")
    return Forged(written(value, random.Random(0)), archive, [])


def blocks_of(value: Value) -> list[Value]:
    return [block for cell in value["cells"] for block in cell["blocks"]]


def forged(case: int, chance: random.Random) -> Forged:
    """Case number ``case``: one of the bases with some edits."""
    value, arrays = copy.deepcopy(base(chance.randrange(len(BASES))))
    done: list[str] = []
    if chance.random() < 0.95:
        renamed(value, case, own_name=chance.random() < 0.5)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        edit = chance.choices((edited, worded, rearranged, other_array, asset), (40, 30, 5, 22, 3))[0]
        done.append(edit(value, arrays, chance))
    if chance.random() < 0.85:
        repair(value)
    else:
        done.append("not repaired")
    content = written(value, chance)
    archive = next(iter(packed.files(Path("x.json"), arrays).values()), b"")
    if chance.random() < 0.06:
        content, archive = (
            (damaged(content, chance), archive) if chance.random() < 0.5 else (content, damaged(archive, chance))
        )
        done.append("bytes")
    return Forged(content, archive, done)


def renamed(value: Value, case: int, *, own_name: bool) -> None:
    """Gives all of it names of its own, so that no case is in the way of another."""
    mark = sha256_of(["case", case])[:12]
    runs = {run["id"]: f"{run['id'][:20]}-{mark}" for run in value["runs"]}
    for run in value["runs"]:
        run["id"] = runs[run["id"]]
    for block in blocks_of(value):
        block["run"] = runs[block["run"]]
    for at, cell in enumerate(value["cells"]):
        cell.update(uid=sha256_of([mark, at])[:32], lab=sha256_of([mark, "lab"])[:32])
    if own_name:
        for card in value["cards"]:
            card["card"]["name"] = f"m-{mark}"


def repair(value: Value) -> None:
    """Digests, keys and names as they follow from what the cards, the suites and the identities say now."""
    for act in (_cards, _suites, _keys):
        try:
            act(value)
        except (TypeError, KeyError, AttributeError, IndexError, ValueError, RecursionError):
            continue  # an edit took away what it is about


def _cards(value: Value) -> None:
    (card,) = value["cards"]
    card["digest"] = sha256_of(card["card"])
    value["method"] = card["card"]["name"]
    for cell in value["cells"]:
        told = {"method": card["card"]["name"], "method_version": card["card"]["version"]}
        told |= {"randomness": card["card"]["randomness"], "gradient": card["card"]["gradient"]}
        cell["card"] = card["digest"]
        cell["identity"].update(told, method_params=value["params"])
        cell["identity"]["weights"] = [weight["sha256"] for weight in card["card"]["weights"]]


@cache
def _tasks() -> Any:
    return plugins.load(installed=False).tasks


def _suites(value: Value) -> None:
    (told,) = value["suites"]
    suite = told["content"]
    try:
        digest = parse_stored(json.dumps(suite), "suite", _tasks()).digest
    except TrustdmError:
        digest = told["digest"]
    told.update(digest=digest, version=suite["version"])
    value["suite"] = suite["name"]
    for cell in value["cells"]:
        identity = cell["identity"]
        identity.update(suite=suite["name"], suite_digest=digest, suite_version=suite["version"])
        asked = suite["evaluations"][identity["evaluation"]]
        identity["protocol"] = asked["protocol"]
        identity["params"] = canonical_json({key: item for key, item in asked.items() if key != "protocol"})


def _keys(value: Value) -> None:
    for cell in value["cells"]:
        cell["key"] = sha256_of(cell["identity"])


def written(value: Value, chance: random.Random) -> bytes:
    """The file as text; the suite's content as lines of text, where it is a table still."""
    for suite in value["suites"] if isinstance(value.get("suites"), list) else ():
        if isinstance(suite, dict) and isinstance(suite.get("content"), dict):
            suite["content"] = [json.dumps(suite["content"])]
    text = json.dumps(value, indent=chance.choice((None, None, 1)))
    if chance.random() < 0.03:  # a name twice
        text = text.replace('"planned"', '"uid"', 1)
    return text.encode()


# Edits


def places(value: object, at: Place = ()) -> list[Place]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for name, item in inside:
        found += [(*at, name), *places(item, (*at, name))]
    return found


def chosen(value: Value, chance: random.Random) -> Place:
    """A place: each kind of place is as likely as any other, however often it occurs."""
    kinds: dict[str, list[Place]] = {}
    for place in places(value):
        kinds.setdefault(".".join("*" if isinstance(step, int) else step for step in place), []).append(place)
    return chance.choice(kinds[chance.choice(sorted(kinds))])


def _inside(value: Any, place: Place) -> Any:
    for step in place[:-1]:
        value = value[step]
    return value


def deep(depth: int, chance: random.Random) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if chance.random() < 0.5 else {"a": value}
    return value


def odd(old: Any, chance: random.Random) -> Any:
    """What may stand in the place of a value: something near, or something else altogether."""
    near: list[Callable[[], Any]] = []
    if isinstance(old, int | float) and not isinstance(old, bool):
        near = [lambda: old + 1, lambda: old - 1, lambda: -old, lambda: old * 2, lambda: str(old), lambda: old + 0.5]
    elif isinstance(old, str):
        near = [lambda: old + chance.choice(WORDS), lambda: old[:-1], lambda: old.upper(), lambda: f" {old}", list]
    elif isinstance(old, list):
        near = [lambda: old[:-1], lambda: old + old[:1], lambda: old[::-1], lambda: [old], lambda: dict(enumerate(old))]
    elif isinstance(old, dict):
        near = [
            lambda: list(old.values()),
            lambda: old | {chance.choice(WORDS): 1},
            lambda: dict(list(old.items())[1:]),
        ]
    anything: list[Callable[[], Any]] = [
        lambda: chance.choice(NUMBERS),
        lambda: chance.choice(WORDS),
        lambda: copy.deepcopy(chance.choice(ODD)),
        lambda: deep(chance.choice((1, 3, 30, 200)), chance),
    ]
    return chance.choice(near if near and chance.random() < 0.5 else anything)()


def edited(value: Value, arrays: dict[str, bytes], chance: random.Random) -> str:
    """Puts something else at a place, or takes it away."""
    place = chosen(value, chance)
    inside = _inside(value, place)
    if chance.random() < 0.12:
        del inside[place[-1]]
        return f"{place} gone"
    inside[place[-1]] = odd(inside[place[-1]], chance)
    return f"{place} = {inside[place[-1]]!r:.60}"


def worded(value: Value, arrays: dict[str, bytes], chance: random.Random) -> str:
    """Puts a text where a file may have any."""
    pattern, word = chance.choice(FREE), chance.choice(WORDS)
    kinds = [p for p in places(value) if _fits(p, pattern.split("."))]
    if pattern.endswith("+") and kinds:
        place = (*chance.choice(kinds)[:-1], word)
        _inside(value, place)[word] = word if "facts" in pattern else chance.choice(NUMBERS)
        return f"{place} new"
    place = chance.choice(kinds) if kinds else tuple(pattern.split(".")[:1])
    old, inside = None, _inside(value, place)
    try:
        old = inside[place[-1]]
        if isinstance(old, str):
            inside[place[-1]] = f"{old}{word}" if chance.random() < 0.3 else word
    except (KeyError, IndexError, TypeError):
        return f"{place}: nothing there"
    return f"{place} = {word!r:.60}"


def _fits(place: Place, pattern: list[str]) -> bool:
    return len(place) == len(pattern) and all(
        isinstance(step, int) if want == "*" else want in ("+", step) for step, want in zip(place, pattern, strict=True)
    )


def rearranged(value: Value, arrays: dict[str, bytes], chance: random.Random) -> str:
    """Repeats, swaps or empties the parts of a list, or puts what is at one place at another."""
    lists = [p for p in places(value) if isinstance(_inside(value, p)[p[-1]], list) and _inside(value, p)[p[-1]]]
    if not lists:
        return "no list"
    place = chance.choice(lists)
    items = _inside(value, place)[place[-1]]
    how = chance.choice(("twice", "shuffled", "none", "transplanted"))
    if how == "twice":
        items.append(copy.deepcopy(chance.choice(items)))
    elif how == "shuffled":
        chance.shuffle(items)
    elif how == "none":
        items.clear()
    else:
        source = chosen(value, chance)
        items[chance.randrange(len(items))] = copy.deepcopy(_inside(value, source)[source[-1]])
    return f"{place} {how}"


SHAPES: list[tuple[int, ...]] = [
    (),
    (0,),
    (1,),
    (3,),
    (2, 3),
    (8,),
    (8, 10),
    (22, 10),
    (64, 0),
    (64, 1, 16, 16),
    (1, 1, 1, 1),
]
TYPES = ["|u1", "<i8", "<f4", "<f2", "<f8", "|b1", ">i4", "<c8", "<u8", "|i1"]
FILLS: list[float] = [0, 1, -1, 9, 10, 255, 0.5, 2.0**62, float("nan"), float("inf"), -float("inf"), 1e30]


def other_array(value: Value, arrays: dict[str, bytes], chance: random.Random) -> str:
    """Changes an array: values, type, shape, or the bytes of its file; mostly with the hash that follows."""
    kept = (
        [
            (artefacts, name)
            for block in blocks_of(value)
            if isinstance(block, dict) and isinstance(artefacts := block.get("artefacts"), dict)
            for name in artefacts
        ]
        if _has_blocks(value)
        else []
    )
    if not kept:
        return "no array"
    artefacts, name = chance.choice(kept)
    try:
        old = npyfile._parse(arrays[artefacts[name]["sha256"]])
    except Exception:  # an edit before this one took it away
        return "no array"
    how, content = _changed_array(old, chance)
    digest = npyfile.digest(content) if chance.random() < 0.9 else artefacts[name]["sha256"]
    arrays[digest] = content
    try:
        new = npyfile._parse(content)
        told = {"sha256": digest, "dtype": new.dtype.str, "shape": list(new.shape)}
    except Exception:  # damaged
        told = artefacts[name] | {"sha256": digest}
    artefacts[name if chance.random() < 0.95 else chance.choice(WORDS)] = told
    return f"{name} {how}"


def _has_blocks(value: Value) -> bool:
    try:
        return bool(blocks_of(value))
    except (TypeError, KeyError):
        return False


def _changed_array(old: Any, chance: random.Random) -> tuple[str, bytes]:
    how = chance.choice(("values", "values", "fill", "type", "shape", "cut", "bytes", "other"))
    new = np.array(old)
    with np.errstate(all="ignore"):
        if how == "values" and new.size:
            for _ in range(chance.choice((1, 3))):
                new.flat[chance.randrange(new.size)] = _held(new.dtype, chance)
        elif how == "fill":
            new[...] = _held(new.dtype, chance)
        elif how == "type":
            new = new.astype(chance.choice(TYPES))
        elif how == "shape":
            new = chance.choice((new.reshape(-1), new[None], new.T, new[..., None]))
        elif how == "cut":
            new = new[: chance.choice((0, 1, -1))] if new.ndim else new
        elif how == "other":
            kind = np.dtype(chance.choice(TYPES))
            new = np.full(chance.choice(SHAPES), _held(kind, chance), kind)
    content = npyfile.data(new)
    return how, damaged(content, chance) if how == "bytes" else content


def _held(kind: Any, chance: random.Random) -> Any:
    """A value of a type: one of the usual suspects, as far as it can hold them."""
    value = chance.choice(FILLS)
    if kind.kind in "iu":
        value = 0 if not np.isfinite(value) else value
        return np.clip(value, np.iinfo(kind).min // 2, np.iinfo(kind).max // 2).astype(kind)
    return np.array(value).astype(kind)


def asset(value: Value, arrays: dict[str, bytes], chance: random.Random) -> str:
    """Says of a cell that it was computed from something that was prepared."""
    name = chance.choice(WORDS)
    identity = chance.choice((json.dumps({"step": name}), name, "{}"))
    key = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    cost = {"wall": 1.0, "device": 1.0, "forwards": 1, "gradients": 0, "memory": 0}
    row = {"key": key, "content": "e" * 64, "identity": identity, "code_digest": "c", "bytes": 3, "cost": cost}
    if not isinstance(cells := value.get("cells"), list) or not cells or not isinstance(cells[0], dict):
        return "no cell"
    value.update(assets=[row], uses={str(cells[0].get("uid")): {name: [key, "e" * 64]}})
    return f"asset {name!r:.40}"
