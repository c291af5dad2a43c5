"""Makes ``v<N>.db`` and its artefacts for today's schema; run it once when a schema is released, never again.

python tests/golden/make_golden.py
"""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from trustdm.bench.store import migrations
from trustdm.bench.store.store import Store

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "bench" / "store" / "sample.py"


def main() -> None:
    """Fills a store with the sample of the store's tests and packs it into one small file."""
    spec = importlib.util.spec_from_file_location("store_sample", SAMPLE)
    assert spec is not None and spec.loader is not None
    sample = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sample)
    number = len(migrations.STEPS)
    path, artefacts = HERE / f"v{number}.db", HERE / f"v{number}.artefacts"
    if path.exists():
        raise SystemExit(f"{path}: exists; a golden file of a released schema is not made again")
    shutil.rmtree(artefacts, ignore_errors=True)
    with Store.open(path, artefacts=artefacts) as store:
        sample.fill(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = DELETE", "page_size = 1024"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("VACUUM")


if __name__ == "__main__":
    main()
