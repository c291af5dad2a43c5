"""Computes units one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from trustdm.bench.registry import Registry
from trustdm.bench.runner.units import Overdue, Settings, Unit, UnitResult, never


class Abandoned(KeyboardInterrupt):
    """Ends the computation of a unit from inside a signal handler: the user's will, and no fault of a method."""


class SerialBackend:
    """The simplest backend; it also runs methods that exist only in this process."""

    def __init__(self, settings: Settings, registry: Registry):
        self._settings = settings
        self._registry = registry
        self._abandoned = False
        self._computing = False

    def run(
        self, units: Iterable[Unit], stopping: Callable[[], bool], overdue: Overdue = never
    ) -> Iterator[UnitResult]:
        """Yields a result after each unit; asks ``stopping`` before the next. It gives up none: nobody is there to."""
        from trustdm.bench.runner.session import Session

        session = Session(self._settings, self._registry)
        queue = iter(units)
        try:
            while not (stopping() or self._abandoned):
                unit = next(queue, None)
                if unit is None:
                    return
                self._computing = True
                result = session.execute(unit)
                self._computing = False
                yield result
        except Abandoned:
            return
        finally:
            self._computing = False

    def abandon(self) -> None:
        """Notes that what is being computed is not wanted any more; see ``give_way``."""
        self._abandoned = True

    def give_way(self) -> None:
        """Raises ``Abandoned`` where a unit is being computed, and nowhere else: a commit is never cut off."""
        if self._abandoned and self._computing:
            self._computing = False  # once: what cleans up meanwhile is left in peace
            raise Abandoned
