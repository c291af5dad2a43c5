"""Opens the data set of a suite, and checks it against what the suite says about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from trustdm.bench.contracts import Dataset, DatasetCard
from trustdm.bench.errors import DataError, SuiteError, UnknownName
from trustdm.bench.registry import Registry
from trustdm.bench.suite.load import SPLITS, Suite
from trustdm.bench.suite.models import Data


def open_data(suite: Suite, registry: Registry) -> Dataset:
    """The data set of ``suite``, checked against what the suite says about it.

    The plugin is called with ``data.options``; where its function takes ``root`` (the folder of the suite file),
    ``shape`` or ``classes``, these are passed as well.

    Raises:
        SuiteError: no such data set, an option it does not take, another shape, an index past its end.
        DataError: the data are missing, or are not the ones the suite was made with.
    """
    data = opened(suite.data, suite.source, suite.root, registry)
    _check_data(suite, data)
    return data


def opened(table: Data, source: object, root: Path, registry: Registry) -> Dataset:
    """The data set that a table ``[data]`` of ``source``, a file in ``root``, describes; digest and lists unchecked.

    Raises:
        SuiteError: no such data set, an option it does not take, another shape.
        DataError: the data are missing.
    """
    try:
        entry = registry.get("dataset", table.dataset)
    except UnknownName as error:
        raise SuiteError(source, "data.dataset", "the name of a data set", f"an {error}") from error
    card = cast(DatasetCard, entry.card)
    ours = (table.shape, table.classes)
    if any(card.shape) and (card.shape, card.classes) != ours:
        expected = f"{list(card.shape)} and {card.classes} classes, as {card.name} has"
        raise SuiteError(source, "data.shape", expected, f"{list(ours[0])} and {ours[1]} classes")
    factory = entry.load()
    data: Dataset = factory(**_arguments(table, source, root, factory))
    return data


def _arguments(table: Data, source: object, root: Path, factory: Callable[..., Any]) -> dict[str, Any]:
    """What the function of a data set is called with."""
    parameters = inspect.signature(factory).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    ours = {"root": root, "shape": table.shape, "classes": table.classes}
    own = sorted(set(parameters) - set(ours))
    for key in table.options:
        if key in ours or not (key in own or open_ended):
            raise SuiteError(source, f"data.options.{key}", f"only {', '.join(own) or 'no option'}", "another")
    given = {**{k: v for k, v in ours.items() if k in parameters or open_ended}, **table.options}
    for key, p in parameters.items():
        if key not in given and p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            raise SuiteError(source, f"data.options.{key}", f"a value, for {table.dataset}", "nothing")
    return given


def _check_data(suite: Suite, data: Dataset) -> None:
    if suite.data.digest is not None and (got := data.digest()) != suite.data.digest:
        raise DataError(
            f"{suite.source}: data.digest: expected {suite.data.digest}, got {got} from {suite.data.dataset}: the data "
            "are not those the suite was made with; restore them, or give the suite a new digest and a new version"
        )
    for split in SPLITS:
        if (last := int(getattr(suite, split).max(initial=-1))) >= len(data):
            raise SuiteError(suite.source, f"data.splits.{split}", f"indices from 0 to {len(data) - 1}", last)
