"""The tables as the code sees them; ``migrations`` creates them with literal SQL, and a test compares the two.

Records are narrow rows of numbers; texts that repeat (probe names, cards, suites) have tables of their own, arrays lie
in shard files. No value "none" is stored: NaN and -1 are NULL.
"""

from __future__ import annotations

from sqlalchemy import (
    DOUBLE_PRECISION,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine, UserDefinedType


class _Untyped(UserDefinedType[float]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return ""


EXACT: TypeEngine[float] = DOUBLE_PRECISION().with_variant(_Untyped(), "sqlite")
"""A float64 that keeps every bit. A SQLite column of REAL type turns -0.0 into 0.0; one without a type does not."""

metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

suite = Table(
    "suite",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("content", Text, nullable=False),
    UniqueConstraint("name", "version", "digest", name="suite_once"),
)

method = Table(
    "method",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("card", Text, nullable=False),
    UniqueConstraint("digest", name="method_once"),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started", Text, nullable=False),
    Column("finished", Text),
    Column("exit_code", Integer),
    Column("command", Text, nullable=False),
    Column("commit_hash", Text, nullable=False),
    Column("dirty", Boolean),
)

run_fact = Table(
    "run_fact",
    metadata,
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "name"),
)

lab = Table("lab", metadata, Column("id", Text, primary_key=True))

lab_name = Table(
    "lab_name",
    metadata,
    Column("lab", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

cell = Table(
    "cell",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uid", Text, nullable=False),
    Column("lab", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("suite_id", Integer, ForeignKey("suite.id"), nullable=False),
    Column("method_id", Integer, ForeignKey("method.id"), nullable=False),
    Column("identity", Text, nullable=False),
    Column("planned", Integer, nullable=False),
    Column("code_digest", Text, nullable=False),
    Column("state_digest", Text),
    Column("origin", Text, nullable=False),
    Column("verification", Text, nullable=False),
    Column("supersedes", Integer, ForeignKey("cell.id")),
    Column("created", Text, nullable=False),
    UniqueConstraint("uid", name="cell_uid_once"),
    UniqueConstraint("key", "attempt", name="cell_attempt_once"),
    Index("cell_of_suite", "suite_id"),
    Index("cell_of_method", "method_id"),
)
# The migration makes this one partial (supersedes IS NOT NULL). Saying so here would import the dialect of PostgreSQL,
# which every listing of rows would wait for.
Index("cell_correction", cell.c.supersedes)

block = Table(
    "block",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cell_id", Integer, ForeignKey("cell.id"), nullable=False),
    Column("start", Integer, nullable=False),
    Column("stop", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("run_id", Text, ForeignKey("run.id"), nullable=False),
    Column("finished", Text, nullable=False),
    Column("batch_size", Integer, nullable=False),
    Column("device", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("wall", DOUBLE_PRECISION, nullable=False),
    Column("device_time", DOUBLE_PRECISION, nullable=False),
    Column("forwards", BigInteger, nullable=False),
    Column("gradients", BigInteger, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("records", Integer, nullable=False),
    UniqueConstraint("cell_id", "start", name="block_once"),
    UniqueConstraint("cell_id", "id", name="block_of_cell"),
    CheckConstraint("start >= 0 AND stop > start", name="block_extent"),
    CheckConstraint("status IN ('done', 'failed')", name="block_status"),
)

probe = Table(
    "probe",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    UniqueConstraint("name", name="probe_once"),
)

record = Table(
    "record",
    metadata,
    Column("cell_id", Integer, nullable=False),
    Column("example", BigInteger, nullable=False),
    Column("draw", Integer, nullable=False),
    Column("probe_id", Integer, ForeignKey("probe.id"), nullable=False),
    Column("block_id", Integer, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("label", Integer),
    Column("value", EXACT),
    Column("norm", EXACT),
    PrimaryKeyConstraint("cell_id", "example", "draw", "probe_id"),
    ForeignKeyConstraint(["cell_id", "block_id"], ["block.cell_id", "block.id"]),
    CheckConstraint("example >= 0 AND draw >= 0", name="record_position"),
    CheckConstraint("status BETWEEN 0 AND 5", name="record_status"),
    CheckConstraint("label >= 0", name="record_label"),
    CheckConstraint("norm >= 0", name="record_norm"),
    sqlite_with_rowid=False,
)

diagnostic = Table(
    "diagnostic",
    metadata,
    Column("block_id", Integer, ForeignKey("block.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("value", DOUBLE_PRECISION, nullable=False),
    PrimaryKeyConstraint("block_id", "name"),
)

asset = Table(
    "asset",
    metadata,
    Column("key", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("code_digest", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("wall", DOUBLE_PRECISION, nullable=False),
    Column("device_time", DOUBLE_PRECISION, nullable=False),
    Column("forwards", BigInteger, nullable=False),
    Column("gradients", BigInteger, nullable=False),
    Column("memory", BigInteger, nullable=False),
    PrimaryKeyConstraint("key", "content"),
)

cell_asset = Table(
    "cell_asset",
    metadata,
    Column("cell_id", Integer, ForeignKey("cell.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("content", Text, nullable=False),
    PrimaryKeyConstraint("cell_id", "name"),
    ForeignKeyConstraint(["key", "content"], ["asset.key", "asset.content"]),
)

hidden = Table(
    "hidden",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("why", Text, nullable=False),
    Column("since", Text, nullable=False),
)

shard = Table(
    "shard",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
)

artefact = Table(
    "artefact",
    metadata,
    Column("block_id", Integer, ForeignKey("block.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, ForeignKey("shard.digest"), nullable=False),
    Column("byte_offset", BigInteger, nullable=False),
    Column("nbytes", BigInteger, nullable=False),
    Column("dtype", Text, nullable=False),
    Column("shape", Text, nullable=False),
    PrimaryKeyConstraint("block_id", "name"),
)

conformance = Table(
    "conformance",
    metadata,
    Column("uid", Text, primary_key=True),
    Column("lab", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("seconds", DOUBLE_PRECISION, nullable=False),
    Column("checks", Text, nullable=False),
    Index("conformance_of_key", "key"),
)

cell_conformance = Table(
    "cell_conformance",
    metadata,
    Column("cell_id", Integer, ForeignKey("cell.id"), primary_key=True, autoincrement=False),
    Column("uid", Text, ForeignKey("conformance.uid"), nullable=False),
)

seal = Table(
    "seal",
    metadata,
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    PrimaryKeyConstraint("kind", "name"),
)

cell_seal = Table(
    "cell_seal",
    metadata,
    Column("cell_id", Integer, ForeignKey("cell.id"), primary_key=True, autoincrement=False),
    Column("blocks", Integer, nullable=False),
    Column("total", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

block_seal = Table(
    "block_seal",
    metadata,
    Column("block_id", Integer, ForeignKey("block.id"), primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
)
