"""Published logs of certificates."""

from __future__ import annotations

import random
from pathlib import Path

from fuzz.harness import TEXTS, Survivors, budget, chances, damaged

from trustdm.bench.smoothing.logs import HEADER, read, summarise

ROWS = [f"{i}\t{i % 10}\t{i % 10}\t{i / 700:.3g}\t1\t0:00:{i % 60:02}.{i:06}" for i in range(0, 400, 20)]
CELLS = [
    "1e-" + "9" * 30,
    "9" * 400 + " days, 0:00:00",
    "-1",
    "nan",
    "٣",
    "1e400",
    "0x10",
    "1_0",
    "99:99:99",
    "25:00:61.5",
]


def log(chance: random.Random) -> bytes:
    rows = [row.split("\t") for row in ROWS]
    for _ in range(chance.choice((0, 1, 2, 5))):
        row = chance.choice(rows)
        row[chance.randrange(len(row))] = chance.choice(CELLS + TEXTS)
    text = "\n".join(["\t".join(HEADER), *("\t".join(row) for row in rows)]) + "\n"
    content = text.encode("utf-8", "surrogatepass")
    return damaged(content, chance) if chance.random() < 0.4 else content


@budget(80, 2000)
def test_logs(cases: int, tmp_path: Path) -> None:
    path, found = tmp_path / "x.log", Survivors()
    for chance in chances("logs", cases):
        path.write_bytes(content := log(chance))
        partial, images = chance.random() < 0.5, chance.choice((None, 400, 10_000))
        found.runs(content, lambda p=partial, n=images: summarise(read(path, images=n, partial=p), (0.0, 0.5)))
    found.check()
