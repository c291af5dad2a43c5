"""What a method can do: a name shared by tasks, how it is called, and how a loaded method is asked what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from trustdm.bench.registry import Registered

if TYPE_CHECKING:
    from trustdm.bench.contracts import MethodCard


class Capability(Registered):
    """Base of every capability; a module-level instance of a subclass registers it.

    ``name`` is that of the function a method has ("sample"), ``call`` how it is called, for messages. ``questions`` is
    "module:function", (thing, call, card, device) -> Tensor: the answers of a loaded method to a few fixed questions,
    which tell it from another one. ``bare_module``: whether a plain nn.Module can do it by being called. ``checks`` is
    "module:CHECKS", the conformance checks: there must be some.
    """

    KIND: ClassVar[str] = "capability"
    bare_module: ClassVar[bool] = False
    call: ClassVar[str]
    questions: ClassVar[str]
    checks: ClassVar[str]

    def card_fault(self, card: MethodCard) -> str:
        """What is wrong with the card of a method that says it can do this; empty if nothing is."""
        return ""

    def misfit(self, card: MethodCard, shape: tuple[int, ...], classes: int) -> str:
        """Why a method cannot be run on data of that shape and number of classes; empty if it can."""
        if tuple(card.input_shape) != tuple(shape):
            return f"expected input shape {tuple(shape)}, got {tuple(card.input_shape)}"
        if card.classes != classes:
            return f"expected {classes} classes, got {card.classes}"
        return ""


def class_fault(card: MethodCard) -> str:
    """A card of what answers with labels must name at least two."""
    return "" if card.classes >= 2 else f"classes: expected at least 2 for a classifier, got {card.classes}"
