"""The tables of attacks in a suite file, and the names of the probes that they lead to; torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustdm.bench.errors import UsageError

if TYPE_CHECKING:
    from trustdm.bench.contracts import Attack

OWN_KEYS = ("name", "as", "runs", "last", "ranks")
"""Keys of an attack's table that are the protocol's; the others are parameters of the attack."""
LAST = "last"
"""The end of a search that is its last iterate, where the best one on the way is judged as well."""
MOST_RUNS = 100
APART = ("transfer", "bpda-eot", "fixed-noise")
"""Attacks that cannot be mounted on every method: they take it apart, or know what it draws."""
Table = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of one attack; ``probes`` are those of its ends, ``access`` is what its card says."""

    attack: Attack
    access: str
    probes: Mapping[str, str]


def attack_tables(params: Mapping[str, Any]) -> list[Table]:
    """The attacks of an evaluation with these parameters, each a table with a name; what is none is left out."""
    listed = params.get("attacks")
    tables = listed if isinstance(listed, list | tuple) else ()
    return [table for table in tables if isinstance(table, Mapping) and isinstance(table.get("name"), str)]


def attack_label(table: Table) -> str:
    """What an attack is called in this evaluation."""
    return str(table.get("as", table.get("name", "")))


def ranks(table: Table) -> bool:
    """Whether the attack is within the threat model, and counts towards the headline."""
    return table.get("ranks", True) is not False


def runs_of(table: Table) -> int:
    """How often an attack is begun; once where the table says nonsense, which ``check`` refuses."""
    number = table.get("runs", 1)
    return number if type(number) is int and 1 <= number <= MOST_RUNS else 1


def probe_names(table: Table) -> list[dict[str, str]]:
    """For each run: the probe of each end. The first run has the label itself, the second one "LABEL.2"."""
    label = attack_label(table)
    ends = ("", LAST) if table.get("last") is True else ("",)
    begun = [label, *(f"{label}.{k}" for k in range(2, runs_of(table) + 1))]
    return [{end: f"{name}-{end}" if end else name for end in ends} for name in begun]


def may_be_idle(tables: Sequence[Table], probe: str) -> bool:
    """Whether a probe is of an attack that cannot be mounted on every method."""
    apart = [table for table in tables if table["name"] in APART]
    return any(probe in names.values() for table in apart for names in probe_names(table))


def probes_of(tables: Sequence[Table], label: str = "") -> list[str]:
    """Every probe of the attack with this label, or ("") of all that count towards the headline."""
    wanted = [table for table in tables if (attack_label(table) == label if label else ranks(table))]
    return [probe for table in wanted for names in probe_names(table) for probe in names.values()]


def check(tables: Sequence[Any]) -> None:
    """Refuses what is no list of attacks with a label of its own each.

    Raises:
        UsageError: one line.
    """
    if not tables or not all(isinstance(t, Mapping) and isinstance(t.get("name"), str) for t in tables):
        raise UsageError(f"attacks: expected a list of tables, each with a name, got {tables!r}")
    labels = [attack_label(table) for table in tables]
    if len(set(labels)) < len(labels):
        raise UsageError(f"attacks: expected each attack once, got {', '.join(labels)}; give one a label: as = ...")
    for table, label in zip(tables, labels, strict=True):
        number = table.get("runs", 1)
        if type(number) is not int or not 1 <= number <= MOST_RUNS:
            raise UsageError(f"attacks.{label}.runs: expected 1 to {MOST_RUNS}, got {number!r}")
        for key in ("last", "ranks"):
            if not isinstance(table.get(key, True), bool):
                raise UsageError(f"attacks.{label}.{key}: expected true or false, got {table[key]!r}")
