"""Writes ``results/parameters.json``: the parameters that nobody typed when the shipped results were measured.

Needed for results whose cards name no defaults; a row that is there stays as it is.

python tests/golden/make_parameters.py
"""

from __future__ import annotations

import json

from trustdm.bench import plugins
from trustdm.bench.contracts import MethodCard
from trustdm.bench.errors import UsageError
from trustdm.bench.hashing import canonical_json
from trustdm.bench.plan import MethodSpec, described
from trustdm.bench.registry import Registry
from trustdm.bench.shipped import measured
from trustdm.bench.summary.parameters import TABLE


def main() -> None:
    """Adds the rows of the built-in methods, as they are, in each of their variants, and of the shipped results."""
    registry, path = plugins.load(installed=False).registry, measured().parent / TABLE
    rows = {_key(row): row for row in json.loads(path.read_text(encoding="utf-8"))} if path.exists() else {}
    for spec in _specs(registry):
        try:
            card = described(registry, spec)[0]
        except UsageError:
            continue
        row = {
            "method": card.name,
            "version": card.version,
            "given": dict(spec.params),
            "defaults": dict(card.defaults),
        }
        if row["defaults"]:
            rows.setdefault(_key(row), row)
    lines = ",\n".join(json.dumps(rows[key], sort_keys=True) for key in sorted(rows))
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _specs(registry: Registry) -> list[MethodSpec]:
    cards = [entry.card for entry in registry.entries("method") if isinstance(entry.card, MethodCard)]
    specs = [MethodSpec.parse(f"{c.name}:{v}") for c in cards for v in ("", *c.variants)]
    files = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(measured().glob("*/*.json"))]
    return [*specs, *(MethodSpec(f["method"], tuple((str(k), v) for k, v in f["params"])) for f in files)]


def _key(row: dict[str, object]) -> str:
    return canonical_json([row["method"], row["version"], row["given"]])


if __name__ == "__main__":
    main()
