from __future__ import annotations

import pickle
import sys
from types import ModuleType

import pytest

from trustdm.bench.contracts import DatasetCard, MethodCard, dataset, method
from trustdm.bench.errors import PluginError, UnknownName
from trustdm.bench.registry import MARK, Registered, Registry, attach, entries_of, loaded


def card(name: str) -> MethodCard:
    return MethodCard(name=name, input_shape=(1, 2, 2), classes=3)


def plugin(name: str, *cards: MethodCard | DatasetCard) -> ModuleType:
    made = ModuleType(name)

    def load() -> str:
        return name

    load.__module__, load.__qualname__ = name, "load"
    marked = load
    for c in cards:
        marked = (method if isinstance(c, MethodCard) else dataset)(c)(marked)  # type: ignore[arg-type, assignment]
    made.load = marked  # type: ignore[attr-defined]
    return made


def test_entries_are_found_and_loaded_when_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plugin("some_plugin", card("a"), DatasetCard(name="d", shape=(1, 2, 2), classes=3))
    monkeypatch.setitem(__import__("sys").modules, "some_plugin", made)
    registry = Registry()
    assert [e.name for e in registry.add_module(made)] == ["a", "d"] and registry.kinds() == ["dataset", "method"]
    assert registry.get("method", "a").load()() == "some_plugin"
    assert registry.names("dataset") == ["d"] and registry.get("dataset", "d").target == "some_plugin:load"


def test_what_a_module_imports_is_not_its_own() -> None:
    owner, borrower = plugin("owner", card("a")), ModuleType("borrower")
    borrower.load = owner.load  # type: ignore[attr-defined]
    assert list(entries_of(borrower)) == []


def test_a_name_is_taken_once() -> None:
    registry = Registry()
    registry.add_module(plugin("first", card("a")))
    registry.add_module(plugin("first", card("a")))
    with pytest.raises(PluginError, match=r"second:load: method 'a' is taken by first:load; choose another"):
        registry.add_module(plugin("second", card("a")))


def test_an_unknown_name_comes_with_near_ones() -> None:
    registry = Registry()
    registry.add_module(plugin("first", card("mnist16-standard")))
    with pytest.raises(UnknownName, match=r"unknown method 'mnist-standard'; did you mean 'mnist16-standard'\?"):
        registry.get("method", "mnist-standard")
    with pytest.raises(UnknownName, match="known: none"):
        registry.get("attack", "pgd")


def test_an_entry_may_say_that_its_card_depends_on_parameters() -> None:
    def resolve(classes: int) -> tuple[MethodCard, dict[str, object]]:
        return card("a").model_copy(update={"classes": classes}), {}

    def load(classes: int) -> None: ...

    (entry,) = getattr(attach("method", card("a"), resolve)(load), MARK)
    assert entry.card == card("a") and entry.resolve(classes=5)[0].classes == 5
    (plain,) = getattr(attach("method", card("b"))(lambda: None), MARK)
    assert plain.resolve is None


def test_an_entry_names_the_parameters_that_name_other_methods() -> None:
    (entry,) = getattr(attach("method", card("a"), parts=("classifier",))(lambda: None), MARK)
    assert entry.parts == ("classifier",)


class Thing(Registered):
    KIND = "thing"
    name = "this"
    summary = "a thing"


THING = Thing()


def test_what_is_registered_by_an_instance_is_its_own_card() -> None:
    here = sys.modules[__name__]
    (entry,) = [e for e in entries_of(here) if e.kind == "thing"]
    assert entry.target == f"{__name__}:THING" and entry.load() is THING and entry.card is THING
    assert THING.model_dump(mode="json") == {"name": "this", "version": "1", "summary": "a thing"}
    again = pickle.loads(pickle.dumps(THING))  # noqa: S301 - our own bytes
    assert again == THING == Thing() and hash(again) == hash(THING) and Registered() != THING
    borrower = ModuleType("borrower")
    borrower.THING = THING  # type: ignore[attr-defined]
    assert list(entries_of(borrower)) == []


def test_a_text_names_an_object_of_a_module() -> None:
    assert loaded("trustdm.bench.registry:Registry.names") is Registry.names
    with pytest.raises(AttributeError, match="nothing"):
        loaded("trustdm.bench.registry:nothing")
