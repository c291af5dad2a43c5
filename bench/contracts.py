"""What a plugin may be: cards that describe it; what it can do are Protocols in ``bench.capabilities``.

Boundary type everywhere: float32, NCHW, range [0, 1]. A plugin does all rescaling, resizing and normalising inside.
This module is torch-free; a plugin file may import torch at its top or, better, inside the function that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trustdm.bench.capabilities.default import DEFAULT
from trustdm.bench.errors import PluginError
from trustdm.bench.registry import attach

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from trustdm.bench.rng import Noise
    from trustdm.bench.types import Budget, Counts

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
Randomness = Literal["none", "keyed", "block-seeded"]
Gradient = Literal["exact", "surrogate", "bpda", "none"]
Norm = Literal["linf", "l2"]
Plain = None | bool | int | float | str
Capability = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""The name of a registered capability (``bench.capabilities``)."""


class Card(BaseModel):
    """What every plugin says about itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    version: str = Field(default="1", pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]{0,39}$")
    summary: str = Field(default="", max_length=500)


class WeightFile(BaseModel):
    """A checkpoint a method needs: ``file`` beside the plugin (or in ``$TRUSTDM_WEIGHTS``), named by its hash."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1, max_length=300)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class MethodCard(Card):
    """What a method is and what it claims; printed on its page, and part of the identity of its results.

    ``capabilities``: what it can do (``bench.capabilities``); suites run the methods that have what they need.
    ``input_shape`` is the shape of one example, taken in or made; ``classes`` the labels it gives or takes (0: none).
    ``variants``: parameter texts such as "sampler=heun", each run where no method is named.
    ``randomness``: "none"; "keyed" (``classify(x, noise)``: noise is passed in); "block-seeded" (existing code that
    draws from global generators, which the harness seeds for each block; the board says so). A generator whose image
    i depends on ``seeds[i]`` only is "none".
    ``gradient``: what autograd through ``classify`` gives an attacker.
    ``defaults`` of its parameters are filled in by the harness when cells are planned.
    ``weights`` lists every checkpoint. A method without any is identified by the state it has after loading.
    ``data`` names the data sets it was made for; empty means any of its shape.
    """

    title: str = Field(default="", max_length=200)
    authors: tuple[str, ...] = ()
    paper: str = Field(default="", max_length=500)
    licence: str = Field(default="", max_length=100)
    tags: tuple[str, ...] = ()
    claim: str = Field(default="", max_length=1000)
    capabilities: tuple[Capability, ...] = Field(default=DEFAULT, min_length=1)
    input_shape: tuple[int, ...] = Field(min_length=1)
    classes: int = Field(ge=0)
    variants: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    randomness: Randomness = "none"
    gradient: Gradient = "exact"
    external_data: bool = False
    generated_data: bool = False
    selection_data: bool = False
    weights: tuple[WeightFile, ...] = ()
    defaults: tuple[tuple[str, Plain | tuple[Plain, ...]], ...] = ()

    @field_validator("input_shape")
    @classmethod
    def _positive(cls, shape: tuple[int, ...]) -> tuple[int, ...]:
        if min(shape) < 1:
            raise ValueError(f"expected positive sizes (of images: channels, height, width), got {shape}")
        return shape


class DatasetCard(Card):
    """A data set: examples of one ``shape``, which are images in [0, 1] where these are three sizes (C, H, W).

    ``classes`` labels; ``needs``: what must be there.
    """

    shape: tuple[int, ...] = Field(min_length=1)
    classes: int = Field(ge=1)
    class_names: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    needs: str = ""


class AttackCard(Card):
    """An attack: the norms it is defined for, its ``authors``, who are named beside what it left, the access it takes.

    ``access``: to gradients of the method; to its scores alone; to its stages, a purifier and a classifier apart
    (``bench.targets.randomized``); or to gradients with the very random numbers that it is judged under ("noise").
    """

    norms: tuple[Norm, ...] = ("linf", "l2")
    authors: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(default=(), max_length=20)
    access: Literal["gradient", "scores", "stages", "noise"] = "gradient"
    paper: str = Field(default="", max_length=500)


class ExtractorCard(Card):
    """A frozen network that turns images into feature vectors, which set statistics (Frechet distance) compare.

    ``dimension`` of a vector; ``shape`` of the images it takes (None: any); ``resizing`` names what it does to these
    first; ``precision`` is what stored vectors are rounded to, as part of their definition.
    """

    dimension: int = Field(ge=1)
    shape: tuple[int, int, int] | None = None
    resizing: str = "none"
    precision: Literal["float16", "float32"] = "float32"
    weights: tuple[WeightFile, ...] = ()
    source: str = Field(default="", max_length=500)


class StepCard(Card):
    """A step that prepares an asset: a training, a set of samples. ``version`` is part of the asset's identity.

    ``capability``: the step is about a method that can do this, and the method is part of the identity; empty: about
    none. ``data``: whether it reads the suite's data.
    """

    capability: str = ""
    data: bool = False


class ProtocolCard(Card):
    """An evaluation protocol; ``version`` is part of the identity of every result.

    ``task`` is the name of the task whose suites it evaluates, ``value`` says what a record's value is.
    """

    task: str = ""
    value: str = Field(default="", max_length=300)


class WeightAttackCard(Card):
    """An attack on the weights of a method.

    ``strength`` is the parameter that says how strong it is ("sigma"); ``randomized``: whether it uses the noise it is
    given, so that another key gives other weights.
    """

    strength: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    randomized: bool = False
    paper: str = Field(default="", max_length=500)


class KeyedNoise(Protocol):
    """Noise on the device of the batch; row i belongs to example i of the batch."""

    def normal(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """float32 (B, *shape), standard normal; ``use`` tells apart the places that draw."""
        ...

    def uniform(self, use: str, shape: tuple[int, ...]) -> Tensor:
        """float32 (B, *shape), uniform on [0, 1)."""
        ...


class Dataset(Protocol):
    """Decoded images (or whatever the examples are), ready to index; torch-free."""

    def __len__(self) -> int: ...

    def digest(self) -> str:
        """Hex SHA-256 of the content (examples and labels), never of a path."""
        ...

    def read(self, index: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Images (n, C, H, W) float32 in [0, 1], or other examples (n, *shape) as numbers, and labels (n,) int64.

        Raises:
            DataError: an index is not available on this machine.
        """
        ...


class AttackTarget(Protocol):
    """A method as an attack sees it; weights are frozen, passes are counted, output is checked."""

    classes: int
    randomized: bool

    def __call__(self, x: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W)."""
        ...

    def many(self, x: Tensor, draws: int) -> Iterator[Tensor]:
        """Logits (m, B, K) of ``draws`` new draws of a randomized method in all, some at a time."""
        ...


class Attack(Protocol):
    """A search for adversarial examples; constructed with its parameters (keyword-only, plain values).

    The harness projects what it returns to the budget and judges success itself.
    """

    def check(self, budget: Budget, classes: int) -> None:
        """Raises UsageError, naming the attack, where it is not defined (its norm, too few classes)."""
        ...

    def passes(self, classes: int) -> Counts:
        """The most forwards and gradients one image can take; for the estimate of a dry run."""
        ...

    def perturb(self, target: AttackTarget, x: Tensor, y: Tensor, budget: Budget, noise: Noise) -> Tensor:
        """Returns candidates (B, C, H, W) for images ``x`` in [0, 1] that ``target`` classifies as ``y`` (B,).

        The result for row i depends on row i, on row i of ``noise``, and on ``noise.shared`` alone: never on which
        other rows are there. No global generator is used. An attack that has a method ``ends`` beside this one, with
        the same arguments, returns a dict from it: the same candidates as "", and others (its "last" iterate), which
        are judged apart.
        """
        ...


class WeightNoise(Protocol):
    """Noise for named tensors, on the CPU: it depends on the key of who asks and on the name, never on the order."""

    def normal(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """float32 ``shape``, standard normal; the same whenever it is asked for by this name."""
        ...

    def uniform(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """float32 ``shape``, uniform on [0, 1); the same whenever it is asked for by this name."""
        ...


class WeightAttack(Protocol):
    """A change of the weights of a loaded method; constructed with its parameters (keyword-only, plain values)."""

    def perturb(self, tensors: Mapping[str, Tensor], noise: WeightNoise) -> dict[str, Tensor]:
        """Returns new values of some of ``tensors``, by name, of the same shape and dtype, finite.

        These are copies on the CPU of the floating point weights: parameters are ``nn.Parameter``, buffers are not;
        what is tied is there once. They stay as they are. The result does not depend on their order, and no global
        generator is used.
        """
        ...


C = TypeVar("C", bound=Card)


def _card(kind: str, of: type[C], card: object) -> C:
    """``card``, which is one of its kind.

    Raises:
        PluginError: it is something else: the function itself, where the brackets were forgotten.
    """
    if isinstance(card, of):
        return card
    got = f"the class {card.__name__}" if isinstance(card, type) else f"an object of {type(card).__name__}"
    raise PluginError(f"@{kind}: expected @{kind}({of.__name__}(name=...)), got {got}")


def method(card: MethodCard) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a function (or class) that returns a loaded method.

    It is called with the parameters of the method (plain keyword arguments) and returns an object with ``classify``,
    or any callable (an ``nn.Module``, say) that maps images in [0, 1] to logits.
    """
    return attach("method", _card("method", MethodCard, card))


def dataset(
    card: DatasetCard, resolve: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a function that returns a ``Dataset``; it is called with the options of the suite's ``[data]`` table.

    Where one function reads whatever lies at a path, ``resolve(path, root)`` looks there (``path`` as a suite in the
    folder ``root`` would say it): it returns the card of what it finds, with shape and classes, and the options that a
    suite needs; None where something else lies there; and raises DataError where it is broken.
    """
    return attach("dataset", _card("dataset", DatasetCard, card), resolve)


def attack(card: AttackCard) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a class whose instances are an ``Attack``."""
    return attach("attack", _card("attack", AttackCard, card))


def weight_attack(card: WeightAttackCard) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a class whose instances are a ``WeightAttack``."""
    return attach("weight_attack", _card("weight_attack", WeightAttackCard, card))


def extractor(card: ExtractorCard) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a function that returns an object with ``features(images)``.

    It is given uint8 images (B, C, H, W) on the device that ``to`` moved it to (``nn.Module`` or not), and returns
    floating point vectors (B, dimension); row i depends on image i only.
    """
    return attach("extractor", _card("extractor", ExtractorCard, card))


def step(card: StepCard) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a function that prepares an asset; it is called as ``make(job)``, see ``bench.runner.step_job.StepJob``."""
    return attach("step", _card("step", StepCard, card))


def protocol(card: ProtocolCard) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Marks a class that evaluates one block; see ``bench.runner.job``."""
    return attach("protocol", _card("protocol", ProtocolCard, card))
