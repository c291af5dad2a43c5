"""A file as definitions, imports and effects; expectations are written out by hand."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from trustdm.bench.source import names
from trustdm.bench.source.definition import Import
from trustdm.bench.source.module import ClassBody, Module


def module(source: str, path: Path | None = None) -> Module:
    return Module(path or names.PROJECT / "things.py", source.encode())


def body(source: str, name: str = "C") -> ClassBody:
    found = module(source).body(name)
    assert found is not None
    return found


def test_statements_are_sorted_into_definitions_and_imports() -> None:
    parsed = module("import numpy as np\nfrom .stats import wilson\nA, B = 1, 2\nclass C: pass\nx: int = 3\n")
    assert [name for name in "ABCx" if parsed.defines(name)] == list("ABCx")
    assert parsed.imports == {"np": [Import("numpy")], "wilson": [Import("trustdm.bench.stats", "wilson")]}
    assert not parsed.defines("np") and not parsed.defines("D")
    assert parsed.effects.text == ""


def test_a_name_that_is_bound_twice_is_both_statements() -> None:
    assert module("a = 1\na = 2\n").definition("a").text == "\n".join(
        module(f"a = {value}\n").definition("a").text for value in (1, 2)
    )


@pytest.mark.parametrize(
    "source",
    [
        "f()",
        "table['a'] = 1",
        "other.a = 1",
        "a = 1\na += 1",
        "del a",
        "for a in b: pass",
        "try:\n    import a\nexcept ImportError:\n    a = None",
        "if a:\n    b = 1",
        "if __name__ != '__main__':\n    f()",
        "def register(f): return f\n@register\ndef g(): ...",
        "from trustdm.bench.stats import register\n@register(3)\nclass C: ...",
        "if TYPE_CHECKING:\n    import a\nelse:\n    f()",
    ],
)
def test_what_an_import_does_is_an_effect(source: str) -> None:
    assert module(source).effects.text


@pytest.mark.parametrize(
    "source",
    [
        '"""Said."""',
        "import a\nfrom b import c",
        "a = b = f()",
        "a: int",
        "if TYPE_CHECKING:\n    import a",
        "if __name__ == '__main__':\n    f()",
        "@dataclass(frozen=True)\nclass C: ...",
        "from functools import cache\n@cache\ndef f(): ...",
        "from trustdm.bench.contracts import method\n@method(1)\ndef f(): ...",
        "class C:\n    f()",
    ],
)
def test_what_only_binds_names_is_none(source: str) -> None:
    assert module(source).effects.text == ""


def test_imports_for_types_are_kept_apart() -> None:
    parsed = module("if TYPE_CHECKING:\n    from a import B\nelse:\n    from c import B\n")
    assert parsed.type_imports == {"B": [Import("a", "B")]}
    assert parsed.imports == {"B": [Import("c", "B")]}


def test_a_module_of_the_project_knows_its_name_and_resolves_dots() -> None:
    inside = module("from ..stats import a\nfrom . import b\n", names.PROJECT / "tasks" / "one.py")
    package = module("from . import b\n", names.PROJECT / "tasks" / "__init__.py")
    outside = module("from ..stats import a\n", Path("/somewhere/one.py"))
    assert (inside.name, package.name, outside.name) == ("trustdm.bench.tasks.one", "trustdm.bench.tasks", "")
    assert inside.imports == {"a": [Import("trustdm.bench.stats", "a")], "b": [Import("trustdm.bench.tasks", "b")]}
    assert package.imports == {"b": [Import("trustdm.bench.tasks", "b")]}
    assert outside.imports == {"a": [Import("..stats", "a")]}


def test_every_import_is_found_wherever_it_stands() -> None:
    parsed = module("import a.b\ndef f():\n    from . import c\n    from d import e\n")
    assert parsed.every_import == (".", ".c", "a.b", "d", "d.e")


ENUM = "class C(IntEnum):\n    A = 1\n    B = 2\n    def f(self): return self.value\n"


def test_members_of_an_enumeration_stand_alone() -> None:
    parsed = module(ENUM)
    assert body(ENUM).enumerated == {"A", "B"}
    more = module(ENUM.replace("    B = 2\n", "    B = 2\n    D = 3\n"))
    assert parsed.definition("C", "*") == more.definition("C", "*")
    assert parsed.definition("C", "A") == more.definition("C", "A")
    assert parsed.definition("C", "A") != parsed.definition("C", "B")
    assert parsed.definition("C") != more.definition("C")
    changed = module(ENUM.replace("self.value", "-self.value"))
    assert parsed.definition("C", "*") != changed.definition("C", "*")


@pytest.mark.parametrize(
    "source",
    [
        ENUM.replace("IntEnum", "Base"),
        ENUM.replace("= 2", "= auto()"),
        ENUM.replace("= 2", "= A + 1"),
        ENUM.replace("self.value", "len(C)"),
        ENUM.replace("self.value", "list(type(self))"),
        ENUM.replace("self.value", "list(self.__class__)"),
        ENUM.replace("    def f(self)", "    @classmethod\n    def f(cls)").replace("self.value", "list(cls)"),
        ENUM + "    B = 3\n",
    ],
)
def test_members_that_depend_on_each_other_do_not(source: str) -> None:
    assert body(source).enumerated == frozenset()


def test_what_may_run_for_an_argument_of_a_class() -> None:
    source = """
class C(Base, Generic[T], make()):
    x: A | None
    y: B
    def f(self) -> D: ...
    def g(self) -> E: ...
    def __len__(self): ...
"""
    parsed = body(source)
    assert parsed.functions_of(frozenset({"f", "x", "other"})) == ["__len__", "f"]
    assert list(parsed.leads(frozenset({"f", "x"}))) == [("Base",), ("Generic",), ("D",), ("A",)]
    assert parsed.functions_of(frozenset()) == ["__len__"]


def test_only_one_class_of_a_name_has_a_body() -> None:
    assert module("class C: ...\nclass C: ...\n").body("C") is None
    assert module("C = 1\n").body("C") is None
    assert module("").body("C") is None


def test_the_encoding_is_the_file_s_own() -> None:
    latin = Module(Path("/x.py"), "# coding: latin-1\na = 'é'\n".encode("latin-1"))
    marked = Module(Path("/x.py"), b"\xef\xbb\xbfa = '\xc3\xa9'\n")
    assert latin.definition("a") == marked.definition("a") == module("a = 'é'\n").definition("a")


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        module("def (:")


def test_what_python_has_to_say_of_a_file_is_said_once_and_by_python(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Module(tmp_path / "x.py", b"x = 1if 1else 0\n").defines("x")
