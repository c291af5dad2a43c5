"""What of a stranger's plugin is registered: plain cards, and tasks that have what a task must have."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import command_line

from trustdm.bench import plugins
from trustdm.bench.admission import CARDS, admitted
from trustdm.bench.contracts import AttackCard, MethodCard
from trustdm.bench.errors import PluginError
from trustdm.bench.registry import Entry

HEAD = """
from trustdm import MethodCard, method
from trustdm.bench.capabilities.contract import Capability
from trustdm.bench.registry import Entry, Registered
from trustdm.bench.suite.models import Table
from trustdm.bench.tasks.contract import Task


def boom(*a, **k):
    raise KeyError("boom")


class Liar:
    __repr__ = __str__ = __eq__ = __hash__ = __bool__ = boom


class Text(str):
    __repr__ = __str__ = __eq__ = __format__ = boom
    __hash__ = str.__hash__


class Own:
    name, version, summary = "mine", "1", ""

    def model_dump(self, **k):
        return {"name": Liar()}


def load(): ...


CARD = MethodCard(name="mine", input_shape=(1, 8, 8), classes=10)
"""
ENTRY = "load.__trustdm_entry__ = (Entry({}),)"
MADE = "method(CARD.model_copy(update={{{}}}))(load)"
TASK = (
    "class T(Task):\n    name = key = title = capability = 'mine'\n    table = Table\n    metrics = ()\n    {}\nt = T()"
)
REFUSED = {
    "another class": (
        ENTRY.format("'method', Own(), __name__ + ':load'"),
        "expected a MethodCard, got an object of Own",
    ),
    "another kind": (ENTRY.format("'protocol', CARD, __name__ + ':load'"), "expected a ProtocolCard, got an object of"),
    "no kind": (ENTRY.format("'odd', CARD, __name__ + ':load'"), "expected one of the kinds method, dataset, attack"),
    "long target": (ENTRY.format("'method', CARD, __name__ + ':' + 'a' * 100000"), "that can be imported by its name"),
    "parts": (ENTRY.format("'method', CARD, __name__ + ':load', None, (Liar(),)"), "parts: expected names"),
    "resolve": (ENTRY.format("'method', CARD, __name__ + ':load', 5"), "resolve: expected a function, got int"),
    "not checked": ("method(MethodCard.model_construct(name='mine'))(load)", "input_shape: Field required"),
    "a liar": (MADE.format("'title': Liar()"), "expected a card of plain values, got PydanticSerializationError"),
    "a number": (MADE.format("'title': 5"), "expected a card of plain values, got PydanticSerializationError"),
    "not finite": (
        MADE.format("'defaults': (('a', float('nan')),)"),
        "expected a card of plain values, got ValueError",
    ),
    "a name": (MADE.format("'name': 'a\\nb'"), "name: String should match pattern"),
    "half a letter": (MADE.format("'title': '\\ud800'"), "expected a card of plain values, got "),
    "bare task": ("class T(Task):\n    name = key = 'mine'\nt = T()", "title: expected a text of at most 500"),
    "no table": (TASK.format("table = 5"), "table: expected a subclass of Table, got int"),
    "metrics": (TASK.format("metrics = (1,)"), "metrics: expected a tuple of Metric, got tuple"),
    "plugins": (TASK.format("plugins = (Liar(),)"), "plugins: expected a tuple of str, got tuple"),
    "equal": (TASK.format("__eq__ = boom"), "expected the __eq__ of Registered, got another"),
    "dump": (TASK.format("model_dump = boom"), "expected the model_dump of Registered, got another"),
    "text": (TASK.format("name = Text('mine')"), "name: expected a text of at most 500 characters, got Text"),
    "name": (TASK.format("name = 'a b'"), "name: expected letters, digits"),
    "raises": (TASK.format("title = property(boom)"), "expected a card of plain values, got KeyError: 'boom'"),
    "shadow": (TASK.format("key = 'model_dump'"), "key: expected a table of its own, got 'model_dump'"),
    "kind": (
        "class R(Registered):\n    KIND = 'task'\n    name = 'mine'\nr = R()",
        "expected an object of a subclass of Task, got one of R",
    ),
    "capability": ("class C(Capability):\n    name = 'mine'\nc = C()", "call: expected a text of at most 500"),
}


def written(folder: Path, text: str) -> Path:
    path = folder / "odd.py"
    path.write_text(f"{HEAD}\n{text}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_plain_is_left_out_in_one_line(name: str, tmp_path: Path) -> None:
    text, message = REFUSED[name]
    path = written(tmp_path, text)
    catalogue = plugins.load([path], installed=False)
    (problem,) = catalogue.problems
    assert message in problem and problem.startswith(f"{path}: "), problem
    assert len(problem) < 1000 and problem.isprintable()
    assert not any("mine" in catalogue.registry.names(kind) for kind in catalogue.registry.kinds())


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("show", "mine"), ("show", "mine", "--json")])
def test_texts_of_a_class_of_their_own_are_shown_as_the_letters_they_have(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, MADE.format("'title': Text('Called so'), 'summary': Text('Called so')"))
    said = command_line(capsys)(*words, "--plugin", path)
    assert said.code == 0 and said.err == "" and "Called so" in said.out


def test_a_card_of_a_class_with_more_on_it_is_registered_without_that() -> None:
    class More(MethodCard):
        further: int = 3

    given = More(name="mine", input_shape=(1, 8, 8), classes=10)
    entry = admitted(Entry("method", given, "a:b"))
    assert type(entry.card) is MethodCard and entry.card == MethodCard(name="mine", input_shape=(1, 8, 8), classes=10)
    with pytest.raises(PluginError, match="a:b: method: expected a MethodCard, got an object of AttackCard"):
        admitted(Entry("method", AttackCard(name="mine"), "a:b"))


def test_built_in_plugins_are_admitted_as_they_are() -> None:
    registry, kinds = plugins.load(installed=False).registry, set[str]()
    for entry in (entry for kind in registry.kinds() for entry in registry.entries(kind)):
        assert admitted(entry) == entry
        kinds.add(entry.kind)
    assert kinds == {*CARDS, "task", "capability"}


def test_an_interrupt_passes(tmp_path: Path) -> None:
    path = written(tmp_path, TASK.format("@property\n    def title(self): raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        plugins.load([path], installed=False)
