from __future__ import annotations

import re

import pytest

from trustdm.bench.construct import construct, registry_of
from trustdm.bench.errors import UsageError
from trustdm.bench.registry import Registry


class Thing:
    def __init__(self, first: object, *, steps: int = 3, size: float = 0.5, fast: bool = False, loss: str = "ce"):
        self.first, self.steps, self.size, self.fast, self.loss = first, steps, size, fast, loss
        if steps < 1:
            raise ValueError(f"steps: expected at least 1, got {steps}")


def needs(weight: float) -> float:
    return weight


def test_parameters_reach_the_constructor() -> None:
    thing = construct(Thing, {"steps": 5, "size": 1}, "here", "first")
    assert (thing.first, thing.steps, thing.size) == ("first", 5, 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"stepz": 1}, "here.stepz: expected one of steps, size, fast, loss, got 'stepz'"),
        ({"steps": "many"}, "here.steps: expected int, got 'many'"),
        ({"steps": 2.5}, "here.steps: expected int, got 2.5"),
        ({"steps": True}, "here.steps: expected int, got True"),
        ({"fast": 1}, "here.fast: expected bool, got 1"),
        ({"loss": 3}, "here.loss: expected str, got 3"),
        ({"steps": 0}, "here: steps: expected at least 1, got 0"),
    ],
)
def test_wrong_parameters_are_one_line(params: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        construct(Thing, params, "here", None)


def test_a_parameter_without_default_is_required() -> None:
    with pytest.raises(UsageError, match=r"here\.weight: expected a value, got none"):
        construct(needs, {}, "here")


def takes_registry(registry: Registry, *, steps: int = 1) -> Registry:
    return registry


def takes_first(first: int, registry: Registry) -> int:
    return first


class Asks:
    def __init__(self, registry: Registry, *, steps: int = 1):
        self.registry = registry


def test_the_registry_is_given_to_what_is_annotated_so_whatever_it_is_called() -> None:
    registry = Registry()

    def other_name(everything: Registry) -> None: ...

    for thing in (takes_registry, other_name, Asks):
        assert registry_of(thing, registry) == (registry,)
    for thing in (needs, takes_first, lambda registry: None, lambda: None):
        assert registry_of(thing, registry) == ()


def test_what_is_given_first_is_no_parameter() -> None:
    registry = Registry()
    assert construct(takes_registry, {"steps": 2}, "here", registry) is registry
    with pytest.raises(UsageError, match=r"here\.registry: expected one of steps, got 'registry'"):
        construct(takes_registry, {"registry": 3}, "here", registry)


def test_a_function_that_takes_anything_is_given_anything() -> None:
    def open_ended(scale: float = 1.0, **options: object) -> dict[str, object]:
        return {"scale": scale, **options}

    assert construct(open_ended, {"scale": 2, "color": "red"}, "here") == {"scale": 2, "color": "red"}
    with pytest.raises(UsageError, match=r"here\.scale: expected float, got 'x'"):
        construct(open_ended, {"scale": "x"}, "here")
