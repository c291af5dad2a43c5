"""Computes units one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from trustdm.bench.registry import Registry
from trustdm.bench.runner.units import Settings, Unit, UnitResult


class SerialBackend:
    """The simplest backend; it also runs methods that exist only in this process."""

    def __init__(self, settings: Settings, registry: Registry):
        self._settings = settings
        self._registry = registry

    def run(self, units: Iterable[Unit], stopping: Callable[[], bool]) -> Iterator[UnitResult]:
        """Yields a result after each unit; asks ``stopping`` before the next."""
        from trustdm.bench.runner.session import Session

        session = Session(self._settings, self._registry)
        queue = iter(units)
        while not stopping():
            unit = next(queue, None)
            if unit is None:
                return
            yield session.execute(unit)
