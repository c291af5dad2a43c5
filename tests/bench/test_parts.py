"""Methods that are made of others: what the text of a part says, what it is known by, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from trustdm.bench.contracts import MethodCard, WeightFile
from trustdm.bench.errors import UnknownName, UsageError
from trustdm.bench.parts import part, part_name, same_data, versioned
from trustdm.bench.registry import Registry, attach

CARD = MethodCard(name="sharp", capabilities=("denoise",), input_shape=(1, 4, 4), classes=0)
BUILT: list[str] = []


@attach("method", CARD.model_copy(update={"version": "3"}))
def plain(*, scale: float = 1.0, steps: int = 2, kind: str = "a", on: bool = False) -> dict[str, Any]:
    BUILT.append("sharp")
    return {"scale": scale, "steps": steps, "kind": kind, "on": on}


def resolve(*, path: str, sub: str = "x") -> tuple[MethodCard, dict[str, object]]:
    files = (WeightFile(file=f"{sub}.npz", sha256="1" * 64),)
    return CARD.model_copy(update={"name": "folder", "weights": files, "input_shape": (3, 2, 2)}), {"sub": sub}


@attach("method", CARD.model_copy(update={"name": "folder"}), resolve)
def folder(*, path: str, sub: str = "x") -> dict[str, Any]:
    """One whose card depends on a path, which is no part of its identity."""
    return {"path": path, "sub": sub}


@pytest.fixture
def registry() -> Registry:
    BUILT.clear()
    made = Registry()
    made.add_module(sys.modules[__name__])
    return made


def of(registry: Registry, text: str, more: dict[str, object] | None = None) -> Any:
    return part(registry, text, "denoise", "whole", more)


@pytest.mark.parametrize(
    ("text", "identity", "built"),
    [
        ("sharp", "sharp@3", {}),
        ("sharp:steps=5", "sharp@3:steps=5", {"steps": 5}),
        ("sharp:steps=5;scale=0.5", "sharp@3:scale=0.5;steps=5", {"scale": 0.5, "steps": 5}),
        ("sharp:scale=0.5;steps=5", "sharp@3:scale=0.5;steps=5", {"scale": 0.5, "steps": 5}),
        ("sharp:kind=b/c", "sharp@3:kind=b/c", {"kind": "b/c"}),
        ("sharp:kind=a=b", "sharp@3:kind=a=b", {"kind": "a=b"}),
        ("sharp:on=True", "sharp@3:on=True", {"on": True}),
        ("sharp:scale=3", "sharp@3:scale=3.0", {"scale": 3.0}),
    ],
)
def test_a_part_is_a_name_with_parameters(registry: Registry, text: str, identity: str, built: dict[str, Any]) -> None:
    made = of(registry, text)
    assert made.identity == identity and part_name(text) == "sharp"
    whole = {"scale": 1.0, "steps": 2, "kind": "a", "on": False} | built
    assert dict(made.params) == whole
    assert BUILT == [], "nothing is loaded before it is asked for"
    assert made.load() == whole


@pytest.mark.parametrize("text", ["sharp", "sharp:", "sharp:steps=2", "sharp:scale=1;kind=a", "sharp:on=False"])
def test_every_way_to_type_the_defaults_is_the_same_part(registry: Registry, text: str) -> None:
    assert of(registry, text).identity == "sharp@3"


@pytest.mark.parametrize(
    ("text", "identity", "built"),
    [
        ("folder:/a/b", "folder", {"path": "/a/b", "sub": "x"}),
        ("folder:plain", "folder", {"path": "plain", "sub": "x"}),
        ("folder:owner/na=me", "folder", {"path": "owner/na=me", "sub": "x"}),
        ("folder:/a/b;sub=y", "folder:sub=y", {"path": "/a/b", "sub": "y"}),
        ("folder:path=1;sub=y", "folder:sub=y", {"path": "1", "sub": "y"}),
        ("folder:sub=y;path=/a", "folder:sub=y", {"path": "/a", "sub": "y"}),
    ],
)
def test_a_path_is_read_and_is_no_part_of_the_identity(
    registry: Registry, text: str, identity: str, built: dict[str, Any]
) -> None:
    made = of(registry, text)
    assert made.identity == identity and made.load() == built
    assert dict(made.params) == {"sub": built["sub"]}
    assert made.card.weights[0].file == f"{built['sub']}.npz" and made.card.input_shape == (3, 2, 2)


def test_the_whole_may_be_given_parameters_of_a_part(registry: Registry) -> None:
    assert of(registry, "sharp:scale=0.5", {"steps": 7}).load() == {"scale": 0.5, "steps": 7, "kind": "a", "on": False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sharp:steps=5;steps=6", "whole: expected NAME:key=value;key=value, got 'sharp:steps=5;steps=6'"),
        ("sharp:steps=5;much", "whole: expected NAME:key=value;key=value, got 'sharp:steps=5;much'"),
        ("sharp:steps=5;/a/b", "whole: expected NAME:key=value;key=value, got"),
        ("sharp:2x=5", "whole: expected NAME:key=value;key=value, got"),
        ("sharp:rho=5", "whole: sharp.rho: expected one of scale, steps, kind, on, got 'rho'"),
        ("sharp:steps=many", "whole: sharp.steps: expected int, got 'many'"),
        ("sharp:steps=[1]", "whole: sharp.steps: expected int, got '[1]'"),
        ("folder", "whole: folder.path: expected a value, got none"),
        ("folder:/a;path=/b", "whole: expected NAME:key=value;key=value, got"),
    ],
)
def test_what_cannot_be_read_is_one_line(registry: Registry, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        of(registry, text)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_names_and_other_capabilities_are_refused(registry: Registry) -> None:
    with pytest.raises(UnknownName, match="unknown method 'shap'; did you mean 'sharp'"):
        of(registry, "shap:steps=3")
    with pytest.raises(UsageError, match=r"^whole: expected a method that can classify, got sharp:steps=3$"):
        part(registry, "sharp:steps=3", "classify", "whole")


def test_versions_above_the_first_are_said() -> None:
    assert versioned(CARD) == "sharp"
    assert versioned(CARD.model_copy(update={"version": "2.1"})) == "sharp@2.1"


def test_data_that_all_parts_are_made_for() -> None:
    def card(name: str, *data: str) -> MethodCard:
        return CARD.model_copy(update={"name": name, "data": data})

    def common(*cards: MethodCard) -> tuple[str, ...]:
        return same_data({card.name: card for card in cards}, "whole")

    assert common(card("a"), card("b")) == ()
    assert common(card("a", "x"), card("b")) == ("x",)
    assert common(card("a", "z", "x", "y"), card("b", "y", "z")) == ("y", "z")
    with pytest.raises(UsageError, match=r"^whole: expected parts made for the same data, got a and b$"):
        common(card("a", "x"), card("b", "y"))


def test_importing_it_needs_no_torch() -> None:
    code = "import sys, trustdm.bench.parts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
