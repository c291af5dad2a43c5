"""What publications report of robustness: accuracies, with the attack and how a method that draws numbers is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from trustdm.bench.suite.fields import Sentence, Whole
from trustdm.bench.suite.models import Table
from trustdm.bench.tasks.contract import Published

TERMS: Final = ("gradient", "images", "judged")
"""What a reader wants to know beside the attack: how its gradients were taken, on which images, by what verdict."""


class Judged(Table):
    """``draws`` of the random numbers judged an image, put together by their mean, the worst of them, or a majority."""

    draws: Whole | None = None
    over: Literal["mean", "worst", "majority"] | None = None


class Attacked(Judged):
    """``attack`` as the source calls it. One name may stand for several protocols: it is part of what a row is."""

    attack: Sentence


PUBLISHED: Final = (
    Published("clean-accuracy", "clean accuracy", "share", Judged),
    Published("robust-accuracy", "robust accuracy", "share", Attacked),
    Published("robust-gain", "gain in robust accuracy", "share", Attacked, least=-1.0),
    Published("robust-fall", "fall of robust accuracy", "share", Attacked),
    Published("draws-disagree", "images lost in some draws only", "share", Attacked),
)


def told_apart(params: Mapping[str, Any]) -> str:
    """The attack and the verdict: "AutoAttack, worst of 10"."""
    draws, over = params.get("draws"), params.get("over")
    of = f"{over} of {draws}" if over and draws else over or (f"{draws} draws" if draws else "")
    return ", ".join(part for part in (params.get("attack", ""), "one draw" if draws == 1 else of) if part)
