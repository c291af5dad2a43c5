"""What one definition says and uses; expectations are written out by hand."""

from __future__ import annotations

import ast

import pytest

from trustdm.bench.source.definition import (
    Definition,
    Import,
    Reader,
    Use,
    bindings,
    chain_of,
    chains_in,
    for_types_only,
    is_silent,
    stored,
)


def read(source: str, *, lazy: bool = True) -> Definition:
    return Reader(("trustdm", "bench"), lazy=lazy).read(ast.parse(source).body)


def uses(source: str, role: str = "value", *, lazy: bool = True) -> list[str]:
    return [".".join(use.chain) for use in read(source, lazy=lazy).uses if use.role == role]


SAID = "def f(x, y=2):\n    if x:\n        return (x + y) * 3\n    return {'a': [x]}\n"


@pytest.mark.parametrize(
    "other",
    [
        SAID.replace("if x:", "# a comment\n    if x:"),
        SAID.replace("    if x", '    """Said."""\n    if x'),
        SAID.replace("    return {", "    'another text'\n\n    return {"),
        SAID.replace("'a': [x]", '"a": [\n        x,\n    ],\n'),
        SAID.replace("return (x + y) * 3", "return ((x+y)*3)"),
        SAID.replace("    ", "  "),
        SAID.replace("    if", "    from trustdm.bench.stats import wilson\n    if"),
    ],
)
def test_layout_comments_docstrings_and_imports_of_the_project_say_nothing(other: str) -> None:
    assert read(SAID).text == read(other).text


@pytest.mark.parametrize(
    "other",
    [
        SAID.replace("y=2", "y=3"),
        SAID.replace("y=2", "y=2.0"),
        SAID.replace("y=2", "*, y=2"),
        SAID.replace("(x + y) * 3", "x + y * 3"),
        SAID.replace("'a'", "b'a'"),
        SAID.replace("[x]", "(x,)"),
        SAID.replace("[x]", "[*x]"),
        SAID.replace("    return {", "        return {"),
        SAID.replace("(x, y", "(y, x"),
        SAID.replace("return {'a'", "return {None"),
        SAID.replace("'a': [x]", "**x"),
        SAID.replace("def f", "async def f"),
        "@property\n" + SAID,
        SAID.replace("    if", "    import torch\n    if"),
    ],
)
def test_whatever_runs_otherwise_says_something_else(other: str) -> None:
    assert read(SAID).text != read(other).text


def test_absent_positional_and_named_defaults_are_told_apart() -> None:
    assert read("def f(*, a, b=1): ...").text != read("def f(*, a=1, b): ...").text
    assert read("f(a, b=1)").text != read("f(a, 1)").text
    assert read("x[a:]").text != read("x[:a]").text


def test_names_are_noted_with_their_attributes_in_the_order_of_the_text() -> None:
    assert uses("a = b.c.d(e) + f[g].h\n") == ["b.c.d", "e", "f", "g"]
    assert read("b.c.d(e).h").mentions == {"c", "d", "h"}


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("def f(a, /, b, *c, d, **e): return a, b, c, d, e, g", ["g"]),
        ("def f(a=a): return a", ["a"]),
        ("def f():\n    a = b\n    return a", ["b"]),
        ("def f():\n    global a\n    a = a + 1", ["a"]),
        ("def f():\n    for a in b: pass\n    with c as d: return a, d", ["b", "c"]),
        ("def f():\n    try: pass\n    except E as e: return e", ["E"]),
        ("def f(x):\n    match x:\n        case {'k': v, **rest}: return v, rest\n        case [*a]: return a", []),
        ("def f(x):\n    match x:\n        case C(y=S.A) as z: return z", ["C", "S.A"]),
        ("def f():\n    def g(a): return a, b\n    return g, a", ["b", "a"]),
        ("def f(): return lambda a: (a, b)", ["b"]),
        ("def f(): return [a for a in a if c]", ["a", "c"]),
        ("def f(): return {k: v for k, v in d}, k", ["d", "k"]),
        ("def f():\n    if (a := b): return a", ["b"]),
        ("def f():\n    from m import a\n    return a", ["a"]),
        ("class C:\n    a = a\n    def f(self): return a", ["a"]),
        ("a += b", ["a", "b"]),
        ("def f(a):\n    a.b = 1\n    return c.d", ["c.d"]),
    ],
)
def test_names_that_mean_something_of_a_function_s_own_are_no_uses(source: str, seen: list[str]) -> None:
    assert uses(source) == seen


def test_names_in_annotations_are_told_from_names_that_run() -> None:
    source = "@d\ndef f(x: A = b, *y: B) -> C[D]:\n    z: E = g\n    return z\n"
    assert uses(source, "type") == ["A", "B", "E", "C", "D"]
    assert uses(source) == ["b", "g", "d"]
    assert uses("def f(x: A) -> B: ...", lazy=False) == ["A", "B"]


def test_annotations_of_fields_are_of_a_third_kind() -> None:
    source = "class C:\n    x: A = b\n    def f(self) -> B:\n        y: D\n"
    assert uses(source, "field") == ["A"]
    assert uses(source, "type") == ["D", "B"]


def test_a_test_of_type_is_no_use_of_the_class() -> None:
    assert uses("isinstance(x, a.B)", "test") == ["a.B"]
    assert uses("isinstance(x, a.B)") == ["isinstance", "x"]
    assert read("isinstance(x, A)").text != read("isinstance(x, B)").text


def test_imports_inside_are_noted_and_those_of_the_project_are_silent() -> None:
    definition = read("def f():\n    import numpy as np\n    from trustdm.bench.stats import wilson as w\n")
    assert definition.imports == (("np", Import("numpy")), ("w", Import("trustdm.bench.stats", "wilson")))
    assert "numpy" in definition.text and "stats" not in definition.text


@pytest.mark.parametrize(
    ("source", "bound"),
    [
        ("import a.b.c", [("a", Import("a"))]),
        ("import a.b as c, d", [("c", Import("a.b")), ("d", Import("d"))]),
        ("from a import b as c, d", [("c", Import("a", "b")), ("d", Import("a", "d"))]),
        ("from . import a", [("a", Import("p.q", "a"))]),
        ("from ..a import b", [("b", Import("p.a", "b"))]),
        ("from a import *", [("*", Import("a", "*"))]),
    ],
)
def test_an_import_binds_names(source: str, bound: list[tuple[str, Import]]) -> None:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.Import | ast.ImportFrom)
    assert list(bindings(node, ("p", "q"))) == bound


def test_a_relative_import_keeps_its_dots_outside_the_project() -> None:
    (node,) = ast.parse("from ..a import b").body
    assert isinstance(node, ast.ImportFrom)
    assert list(bindings(node, ())) == [("b", Import("..a", "b"))]


@pytest.mark.parametrize("source", ["globals()['f']", "eval('f')", "vars()", "dir()", "look = globals"])
def test_code_that_looks_names_up_is_dynamic(source: str) -> None:
    assert read(source).dynamic


@pytest.mark.parametrize("source", ["model.eval()", "vars(thing)", "def f(eval): return eval(1)"])
def test_code_that_only_looks_like_it_is_not(source: str) -> None:
    assert not read(source).dynamic


def test_a_block_for_types_says_nothing_but_its_other_branch_does() -> None:
    source = "if TYPE_CHECKING:\n    from a import B\n"
    assert read(source).text == ""
    assert read(source).imports == ()
    assert read(source + "else:\n    B = c\n").text == read("B = c").text


def test_parts_of_the_tree_are_told() -> None:
    (statement,) = ast.parse("if typing.TYPE_CHECKING: pass").body
    assert for_types_only(statement) and not is_silent(statement)
    assert is_silent(ast.parse("'text'").body[0]) and not is_silent(ast.parse("3").body[0])
    assert chain_of(ast.parse("a.b.c", mode="eval").body) == ("a", "b", "c")
    assert chain_of(ast.parse("a().b", mode="eval").body) == ()
    assert list(chains_in(ast.parse("a.b[c] | d", mode="eval").body)) == [("a", "b"), ("c",), ("d",)]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a, (b, *c) = d", {"a", "b", "c"}),
        ("a.b = c[0] = 1", set()),
        ("for a in b:\n    d = 1\nelse:\n    e = 1", {"a", "d", "e"}),
        ("x = [a for a in b]", {"x"}),
        ("x = lambda: (y := 1)", {"x"}),
        ("def f(): y = 1", {"f"}),
        ("import a", set()),
    ],
)
def test_statements_bind_names(source: str, names: set[str]) -> None:
    assert stored(ast.parse(source).body[0]) == names


def test_a_path_of_the_project_in_an_expression_says_only_what_lies_behind_it() -> None:
    assert read("trustdm.bench.stats.wilson(1)").text == read("wilson(1)").text
    assert read("trustdm.bench.stats.wilson(1)").uses == (Use(("trustdm", "bench", "stats", "wilson"), "value"),)
