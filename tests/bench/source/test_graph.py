"""What moves the digest of a thing, in small projects written for it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustdm.bench.source import names
from trustdm.bench.source.graph import Reach
from trustdm.bench.source.module import Module

Files = Mapping[str, str]
Digest = Callable[..., str]


def digest_in(folder: Path, files: Files, thing: str) -> str:
    """The digest of "module:name" in a project of these files; ``names.PROJECT`` is that folder."""
    for name, text in files.items():
        path = folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    parsed: dict[Path, Module] = {}

    def module_at(path: Path) -> Module:
        return parsed.setdefault(path, parsed.get(path) or Module(path, path.read_bytes()))

    module, _, name = thing.partition(":")
    path = names.file_of(f"{names.NAME}.{module}")
    assert path is not None
    return Reach(module_at).digest(module_at(path), name)


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Digest:
    counter = itertools.count()

    def compute(files: Files, thing: str = "main:f") -> str:
        folder = tmp_path / str(next(counter))
        monkeypatch.setattr(names, "PROJECT", folder)
        return digest_in(folder, files, thing)

    return compute


MAIN = """
from __future__ import annotations
from dataclasses import dataclass
from trustdm.bench.parts import K, Base, mark
from trustdm.bench import helpers as h

@dataclass
class State(Base):
    x: int = K

    def g(self):
        from trustdm.bench.deep.numbers import C
        return h.twice(self.x) + C

def f(state=State()):
    return state.g()

def unused(): return h.thrice(2)
"""
PARTS = "def mark(): ...\nK = 1\nOTHER = 2\nclass Base:\n    def run(self): return self.g()\n"
HELPERS = """
from trustdm.bench.deep.numbers import TWO
def twice(x): return inner(x, TWO)
def inner(x, y):
    def nested(z): return z * y
    return nested(x)
def thrice(x): return x + x + x
"""
NUMBERS = "TWO, THREE = 2, 3\nC = 5\nD = 6\n"
FILES = {"main": MAIN, "parts": PARTS, "helpers": HELPERS, "deep.numbers": NUMBERS}


def edited(name: str, old: str, new: str) -> Files:
    assert old in FILES[name]
    return FILES | {name: FILES[name].replace(old, new)}


@pytest.mark.parametrize(
    "files",
    [
        edited("main", "x: int = K", "x: int = K  # a comment"),
        edited("main", "def g(self):", 'def g(self):\n        """Said."""'),
        edited("helpers", "return inner(x, TWO)", "return (\n        inner( x,TWO )\n    )"),
        edited("main", "h.thrice(2)", "h.thrice(3)"),
        edited("helpers", "x + x + x", "3 * x"),
        edited("parts", "OTHER = 2", "OTHER = 3\nMORE = 4"),
        edited("deep.numbers", "D = 6", "D = 7"),
        edited("main", "import K, Base, mark", "import mark, Base, K"),
    ],
)
def test_what_a_thing_does_not_reach_does_not_count(digest: Digest, files: Files) -> None:
    assert digest(FILES) == digest(files)


@pytest.mark.parametrize(
    "files",
    [
        edited("parts", "K = 1", "K = 2"),
        edited("parts", "self.g()", "-self.g()"),
        edited("main", "state=State()", "state=State(2)"),
        edited("main", "@dataclass", "@dataclass(frozen=True)"),
        edited("main", "(Base)", ""),
        edited("main", "h.twice", "h.thrice"),
        edited("helpers", "z * y", "z + y"),
        edited("deep.numbers", "TWO, THREE = 2", "TWO, THREE = 4"),
        edited("deep.numbers", "C = 5", "C = 6"),
        edited("main", "from dataclasses import", "from attrs import"),
        edited("parts", "class Base", "K += 1\nclass Base"),
        edited("parts", "class Base", "table[0] = 1\nclass Base"),
        edited("deep.numbers", "D = 6", "D = 6\nprint(D)"),
        edited("parts", "def mark", "@mark\ndef other(): ...\ndef mark"),
    ],
)
def test_what_it_reaches_counts(digest: Digest, files: Files) -> None:
    assert digest(FILES) != digest(files)


def test_a_name_may_move_to_another_module(digest: Digest) -> None:
    files = edited("parts", "K = 1\n", "") | {"constants": "K = 1\n"}
    head = "from trustdm.bench.constants import K\nfrom trustdm.bench.parts import Base"
    files["main"] = MAIN.replace("from trustdm.bench.parts import K, Base", head)
    assert digest(FILES) == digest(files)
    assert digest(FILES) != digest(files | {"constants": "K = 2\n"})


def test_where_modules_lie_does_not_count(digest: Digest) -> None:
    moved = {
        "tasks.one.protocol": MAIN.replace("bench.parts", "bench.lib.pieces").replace(
            "trustdm.bench import helpers as h", "trustdm.bench.lib import aids as h"
        ),
        "lib.pieces": PARTS,
        "lib.aids": HELPERS,
        "numbers": NUMBERS,
    }
    moved = {name: text.replace("bench.deep.numbers", "bench.numbers") for name, text in moved.items()}
    assert digest(FILES) == digest(moved, "tasks.one.protocol:f")


@pytest.mark.parametrize(
    "head",
    [
        "from trustdm.bench.a import g\ndef f(): return g()\n",
        "from .a import g\ndef f(): return g()\n",
        "def f():\n    from trustdm.bench.a import g\n    return g()\n",
        "from trustdm.bench.b import g\ndef f(): return g()\n",
        "from trustdm.bench.package import g\ndef f(): return g()\n",
        "import trustdm.bench.a\ndef f(): return trustdm.bench.a.g()\n",
        "try:\n    from trustdm.bench.a import g\nfinally:\n    pass\ndef f(): return g()\n",
        "from trustdm.bench.star import g\ndef f(): return g()\n",
    ],
)
def test_every_way_to_import_a_name_is_followed(digest: Digest, head: str) -> None:
    files = {"main": head, "b": "from trustdm.bench.a import g\n", "package.__init__": "from ..a import g\n"}
    files |= {"star": "from trustdm.bench.a import *\n"}
    before = digest(files | {"a": "def g(): return K\nK = 1\n"})
    assert before != digest(files | {"a": "def g(): return K\nK = 2\n"})
    assert before == digest(files | {"a": '"""Said."""\ndef g(): return K\nK = 1\n'})


@pytest.mark.parametrize(
    ("main", "counts"),
    [
        ("from trustdm.bench import a\ndef f(): return a.g()\n", False),
        ("from trustdm.bench import a as b\ndef f(): return b.g().unused\n", False),
        ("import trustdm.bench.a as b\ndef f(): return b.g()\n", False),
        ("from trustdm.bench import a\ndef f(n): return getattr(a, n)()\n", True),
        ("from trustdm.bench import a\ndef f(): return run(a)\n", True),
        ("from trustdm.bench import a\ndef f(): return a.missing\n", True),
        ("from trustdm.bench.a import *\ndef f(): return g()\n", True),
        ("from trustdm.bench.a import missing\ndef f(): return missing()\n", True),
        ("from trustdm.bench.a import lookup\ndef f(): return lookup('unused')\n", True),
    ],
)
def test_where_it_cannot_be_told_what_is_taken_the_whole_module_is(digest: Digest, main: str, counts: bool) -> None:
    a = "def g(): return 1\ndef unused(): return 2\ndef lookup(n): return globals()[n]\n"
    before = digest({"main": main, "a": a})
    assert (before != digest({"main": main, "a": a.replace("2", "3")})) == counts
    assert before != digest({"main": main, "a": a.replace("1", "3")}) or "lookup" in main


def test_cycles_end_and_count(digest: Digest) -> None:
    files = {
        "main": "from trustdm.bench.a import g\ndef f(n): return g(n)\nK = 1\n",
        "a": "from trustdm.bench.main import f, K\ndef g(n): return f(n - 1) if n else K\n",
    }
    assert digest(files) == digest(files)
    assert digest(files) != digest(files | {"main": files["main"].replace("K = 1", "K = 2")})
    assert digest(files) != digest(files | {"a": files["a"].replace("n - 1", "n - 2")})


def test_names_that_two_modules_import_from_each_other_end(digest: Digest) -> None:
    files = {"main": "from trustdm.bench.a import g\ndef f(): return g\n", "a": "from trustdm.bench.main import g\n"}
    assert digest(files) == digest(files)


def test_two_definitions_of_one_name_are_not_exchanged(digest: Digest) -> None:
    main = "from trustdm.bench.a import g as x\nfrom trustdm.bench.b import g as y\ndef f(): return x() - y()\n"
    one, two = "K = 1\ndef g(): return K\n", "K = 2\ndef g(): return K\n"
    assert digest({"main": main, "a": one, "b": two}) != digest({"main": main, "a": two, "b": one})
    # The same text twice, each with its own constant: what tells them apart is which constant belongs to which.
    pair = "from trustdm.bench.{} import K as k\ndef g(): return k\n"
    constants = {"one": "K = 1\n", "two": "K = 2\n", "main": main}
    assert digest(constants | {"a": pair.format("one"), "b": pair.format("two")}) != digest(
        constants | {"a": pair.format("two"), "b": pair.format("one")}
    )


def test_which_of_two_definitions_is_meant_counts_where_both_are_reached(digest: Digest) -> None:
    main = "".join(f"from trustdm.bench.{module} import K as {module}\n" for module in ("one", "two"))
    main += "from trustdm.bench.a import g\ndef f(): return one, two, g()\n"
    a = "from trustdm.bench.{} import K as k\ndef g(): return k\n"
    files = {"main": main, "one": "K = 1\n", "two": "K = 2\n"}
    assert digest(files | {"a": a.format("one")}) != digest(files | {"a": a.format("two")})


def test_what_a_foreign_name_means_counts(digest: Digest) -> None:
    main = "from {} import ndtri\ndef f(): return ndtri(1)\n"
    assert digest({"main": main.format("scipy.special")}) != digest({"main": main.format("mine.special")})


ENUM = "from enum import IntEnum\nclass Status(IntEnum):\n    A = 0\n    B = 1\n    def name(self): return 2\n"


@pytest.mark.parametrize(
    ("use", "counts"),
    [
        ("def f(): return Status.A", False),
        ("def f(x): return x == Status.A.value", False),
        ("def f(x: Status) -> Status: return x.y", False),
        ("def f(x): return isinstance(x, Status)", False),
        ("class f:\n    x: Status = Status.A", False),
        ("def f(): return list(Status)", True),
        ("def f(x): return Status(x)", True),
        ("def f(x): return Status['A']", True),
        ("class f(Status): ...", True),
        ("def f(): return Status.C", True),
    ],
)
def test_another_member_of_an_enumeration_counts_where_all_are_taken(digest: Digest, use: str, counts: bool) -> None:
    main = f"from __future__ import annotations\nfrom trustdm.bench.types import Status\n{use}\n"
    more = ENUM.replace("    B = 1\n", "    B = 1\n    D = 2\n")
    assert (digest({"main": main, "types": ENUM}) != digest({"main": main, "types": more})) == counts


def test_members_that_are_taken_count(digest: Digest) -> None:
    files = {"main": "from trustdm.bench import types\ndef f(): return types.Status.A\n", "types": ENUM}
    for old, new in (("A = 0", "A = 3"), ("return 2", "return 3"), ("IntEnum)", "IntFlag)")):
        assert digest(files) != digest(files | {"types": ENUM.replace(old, new)})
    assert digest(files) == digest(files | {"types": ENUM.replace("B = 1", "B = 3")})


JOB = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING
from trustdm.bench.store import fetch
if TYPE_CHECKING:
    from trustdm.bench.suite import Suite

class Table:
    def rows(self): return ROWS
ROWS = 1

@dataclass
class Job(Table):
    suite: Suite
    def read(self): return self._own(fetch())
    def _own(self, x): return x
    def asset(self): return 7
    def __len__(self): return 8
"""
SUITE = "class Suite:\n    def test(self): return 1\n    def other(self): return 2\n"
RUN = """
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from trustdm.bench.job import Job
class f:
    def run(self, job: Job): return helper(job)
def helper(job: Job): return job.read(), job.suite.test(), job.rows()
"""


@pytest.mark.parametrize(
    ("name", "old", "new", "counts"),
    [
        ("job", "fetch()", "fetch(2)", True),
        ("job", "return x\n", "return -x\n", True),
        ("job", "return 8", "return 9", True),
        ("job", "ROWS = 1", "ROWS = 2", True),
        ("suite", "return 1", "return 3", True),
        ("store", "return 1", "return 2", True),
        ("job", "return 7", "return 9", False),
        ("job", "suite: Suite\n", "suite: Suite\n    more: int = 3\n", False),
        ("job", "    def asset", "    def new(self): ...\n    def asset", False),
        ("suite", "return 2", "return 3", False),
    ],
)
def test_of_an_argument_s_class_the_functions_that_are_called_count(
    digest: Digest, name: str, old: str, new: str, counts: bool
) -> None:
    files = {"main": RUN, "job": JOB, "suite": SUITE, "store": "def fetch(): return 1\n"}
    assert old in files[name]
    assert (digest(files) != digest(files | {name: files[name].replace(old, new)})) == counts


def test_an_alias_of_types_is_followed_in_an_annotation_and_counts_in_a_test_of_type(digest: Digest) -> None:
    main = "from __future__ import annotations\nfrom trustdm.bench.a import Things, Plain\n"
    a = "class A:\n    def go(self): return 1\nThings = list[A]\nPlain = (int, str)\n"
    by_annotation = {"main": main + "def f(x: Things): return x[0].go()\n", "a": a}
    assert digest(by_annotation) != digest(by_annotation | {"a": a.replace("return 1", "return 2")})
    by_test = {"main": main + "def f(x): return isinstance(x, Plain)\n", "a": a}
    assert digest(by_test) != digest(by_test | {"a": a.replace("int, str", "int, float")})


@pytest.mark.parametrize("plumbing", ["contracts", "errors", "registry", "tasks.contract", "capabilities.sample"])
def test_modules_without_arithmetic_count_by_the_names_that_are_taken(digest: Digest, plumbing: str) -> None:
    main = f"from trustdm.bench.{plumbing} import A\ndef f(): raise A\n"
    before = digest({"main": main, plumbing: "class A: x = 1\n"})
    assert before == digest({"main": main, plumbing: "class A: x = 2\nprint(3)\n"})
    assert before == digest({"main": main.replace(plumbing, "errors"), "errors": ""})
    assert before != digest({"main": main.replace("import A", "import B as A"), plumbing: "class A: x = 1\n"})


@pytest.mark.parametrize(
    ("thing", "old", "counts"),
    [
        ("main:C.g", "return 1", True),
        ("main:C.g", "return 2", True),
        ("main:C.g", "return 3", False),
        ("main:C", "return 3", True),
        ("main:C.inner.g", "return 3", True),
        ("main:nothing", "return 4", True),
        ("main", "return 4", True),
    ],
)
def test_a_thing_is_a_name_a_member_or_the_module(digest: Digest, thing: str, old: str, counts: bool) -> None:
    main = """
class C:
    def g(self): return 1 + self.h()
    def h(self): return 2
    def other(self): return 3
def unused(): return 4
"""
    assert (digest({"main": main}, thing) != digest({"main": main.replace(old, "return 9")}, thing)) == counts


@given(
    st.lists(st.sets(st.integers(0, 5), max_size=3), min_size=6, max_size=6),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
    st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_a_digest_depends_on_what_is_reached_and_not_on_where_it_lies(
    calls: list[set[int]], places: list[int], others: list[int], edited_at: int
) -> None:
    reached, waiting = {0}, [0]
    while waiting:
        new = calls[waiting.pop()] - reached
        reached |= new
        waiting += new
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        results = []
        for number, (where, edit) in enumerate([(places, None), (others, None), (others, edited_at)]):
            root = Path(folder).resolve() / str(number)
            patch.setattr(names, "PROJECT", root)
            results.append(digest_in(root, spread(calls, where, edit), f"m{where[0]}:f0"))
    assert results[0] == results[1]
    assert (results[1] != results[2]) == (edited_at in reached)


def spread(calls: list[set[int]], where: list[int], edit: int | None) -> Files:
    """Functions f0, f1, ... that call each other, in the modules ``where`` says; ``edit`` is the one that differs."""
    files: dict[str, str] = {}
    for i, called in enumerate(calls):
        name = f"m{where[i]}"
        imports = "".join(
            f"from trustdm.bench.m{where[j]} import f{j}\n" for j in sorted(called) if where[j] != where[i]
        )
        body = "".join(f", f{j}()" for j in sorted(called))
        files[name] = files.get(name, "") + f"{imports}def f{i}(): return {i + 100 * (i == edit)}{body}\n"
    return files
