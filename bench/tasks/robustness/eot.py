"""Whether a randomized method was attacked in expectation over its randomness (EOT, Athalye et al. 2018).

An attack that follows the gradient of one draw climbs towards the weakness of that draw; judged on others, the method
looks robust. Such a number is an upper bound that nobody tried to lower: it is shown, and ranked with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trustdm.bench.suite.load import shipped

if TYPE_CHECKING:
    from trustdm.bench.summary.cell import CellView

Attacks = Sequence[Mapping[str, Any]]


def attacks_of(cell: CellView) -> Attacks:
    """The attacks of an evaluation as the suite lists them, in order; none where it only looks at clean images."""
    listed = cell.params.get("attacks", ())
    return [attack for attack in listed if isinstance(attack, Mapping)] if isinstance(listed, Sequence) else []


def asked_attacks(cell: CellView, probe: str, *, alone: bool) -> Attacks:
    """The attacks that a number speaks of: that of ``probe`` (``alone``), or all up to it ("": every one)."""
    listed = attacks_of(cell)
    names = [str(attack.get("name")) for attack in listed]
    if alone:
        return [attack for attack, name in zip(listed, names, strict=True) if name == probe]
    if not probe:
        return listed
    return listed[: names.index(probe) + 1] if probe in names else []


def averages(attack: Mapping[str, Any]) -> bool:
    """Whether an attack averages over several draws at each step, as the suite sets it (``eot``)."""
    eot = attack.get("eot", 1)
    return isinstance(eot, int) and eot > 1


def without_eot(cell: CellView) -> bool:
    """Whether a randomized method was attacked, and no attack averaged over its draws."""
    attacks = attacks_of(cell)
    return randomized(cell) and bool(attacks) and not any(map(averages, attacks))


def randomized(cell: CellView) -> bool:
    """Whether the method says so, or was seen to answer equal images differently."""
    return cell.result.identity.randomness != "none" or cell.count("randomized_rows") > 0


def randomness_caveat(cell: CellView, attacks: Attacks) -> str:
    """Why the number that ``attacks`` left of a randomized method cannot be ranked; empty where it can."""
    if not attacks or not randomized(cell) or any(map(averages, attacks)):
        return ""
    if cell.result.identity.randomness == "none":
        return "draws random numbers without declaring them, so that one lucky draw was judged"
    name = f"{cell.suite.name.partition('-')[0]}-purification-{getattr(cell.suite.table, 'norm', '')}"
    better = f"; see {name}" if name in shipped() else "; a suite whose attacks set eot ranks it (docs/suites.md)"
    return f"randomized and not attacked with EOT, so that its robust accuracy may be overstated{better}"
