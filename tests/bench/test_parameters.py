"""What may be given to a plugin, read off its signature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from trustdm.bench.parameters import REQUIRED, Further, MethodThat, Parameter, open_ended, parameters_of
from trustdm.bench.plugins import load
from trustdm.bench.registry import Registry

if TYPE_CHECKING:
    from somewhere import Unknown


@dataclass(frozen=True)
class Levels:
    """
    Args:
        rho: bends the levels.
    """

    rho: float = 7.0
    low: float = 0.1


@dataclass(frozen=True)
class Other(Levels):
    kind: Literal["a", "b"] = "a"


SAMPLERS = {"levels": Levels, "other": Other}


def sample(
    registry: Registry,
    *,
    part: Annotated[str, MethodThat("sing", ("none",))],
    sampler: Literal["levels", "other"] = "levels",
    steps: Annotated[int, "how many"] = 3,
    flag: bool = False,
    odd: Unknown = None,
    bare=2.5,
    **options: Annotated[float, Further("sampler", SAMPLERS, {"low": 0.02})],
) -> Unknown:
    """Makes something.

    Args:
        part: what it is
            made of: a name.
        odd (Unknown): nobody knows.

    Raises:
        ValueError: never: at all.
    """


def test_a_signature_is_read() -> None:
    assert parameters_of(sample) == (
        Parameter("part", REQUIRED, "str", ("none",), "what it is made of: a name.", "sing"),
        Parameter("sampler", "levels", "str", ("levels", "other")),
        Parameter("steps", 3, "int", (), "how many"),
        Parameter("flag", False, "bool", (False, True)),
        Parameter("odd", None, "Unknown", (), "nobody knows."),
        Parameter("bare", 2.5, "float"),
        Parameter("rho", 7.0, "float", (), "bends the levels."),
        Parameter("low", 0.02, "float"),
    )


def test_options_follow_what_is_given() -> None:
    named = {p.name: p for p in parameters_of(sample, {"sampler": "other"})}
    assert named["kind"].choices == ("a", "b") and type(named["rho"].default) is float
    assert [p.name for p in parameters_of(sample, {"sampler": "no such"})][-1] == "bare"
    assert isinstance(open_ended(sample), Further) and open_ended(lambda **any: any) is True and not open_ended(Levels)


def test_what_is_wrapped_and_what_has_no_names() -> None:
    @wraps(Levels)
    def outer(*args: Any, **more: Any) -> None: ...

    class Live:
        __wrapped__ = (1, 2)

        def __call__(self, x: int = 1) -> None: ...

    assert [p.name for p in parameters_of(outer)] == ["rho", "low"]
    assert [p.name for p in parameters_of(Live())] == ["x"]
    assert parameters_of(lambda *args: args) == ()


@pytest.mark.parametrize("kind", ["method", "attack", "weight_attack", "dataset", "protocol"])
def test_every_built_in_plugin_can_be_read(kind: str) -> None:
    for entry in load(installed=False).registry.entries(kind):
        for p in parameters_of(entry.load()):
            assert p.type, f"{entry.name}: {p.name}"
            assert p.default is REQUIRED or not p.choices or p.default in p.choices
