"""Tables every service has beside its own: outbox, inbox, offsets, waiting, parked, idempotency, sequences, sharing."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class Moment(TypeDecorator[datetime]):
    """An aware moment, stored in UTC; naive values are refused."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into naive UTC for the column."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored UTC moment its zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


# SQLite counts rows by an INTEGER only, and its integers are wide; PostgreSQL's end at two billion, Kafka's offsets do not.
Wide = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

PLUMBING = {"kind": "plumbing"}

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Wide, primary_key=True, autoincrement=True),
    Column("event_id", String(128), nullable=False, unique=True),
    Column("topic", String(64), nullable=False),
    Column("key", String(128), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("written_at", Float, nullable=False),  # real time, for the age of the outbox
    Column("refused", String(100)),  # why the bus will not take it, whenever it is offered
    info=PLUMBING,
    sqlite_autoincrement=True,
)
_some = outbox.c.refused.is_not(None)
Index("outbox_refused", outbox.c.refused, sqlite_where=_some, postgresql_where=_some)

inbox = Table(
    "inbox",
    metadata,
    Column("consumer", String(64), primary_key=True),
    Column("event_id", String(128), primary_key=True),
    info=PLUMBING,
    sqlite_with_rowid=False,
)

offsets = Table(
    "offsets",
    metadata,
    Column("consumer", String(64), primary_key=True),
    Column("topic", String(64), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("next", Wide, nullable=False),
    info=PLUMBING,
)

waiting = Table(
    "waiting",
    metadata,
    Column("id", Wide, primary_key=True, autoincrement=True),
    Column("consumer", String(64), nullable=False),
    Column("event_id", String(128), nullable=False),
    Column("topic", String(64), nullable=False),
    Column("part", Integer, nullable=False),
    Column("off", Wide, nullable=False),
    Column("key", String(128), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("awaits", String(200)),  # the key of what is missing; None: a retry, or queued behind another
    Column("ready", Boolean, nullable=False),
    Column("retry_at", Float),  # real time
    Column("attempts", Integer, nullable=False),
    Column("code", String(100)),
    Column("since", Float, nullable=False),  # real time
    UniqueConstraint("consumer", "event_id"),
    Index("waiting_by_key", "consumer", "topic", "key"),
    Index("waiting_by_awaits", "awaits"),
    info=PLUMBING,
    sqlite_autoincrement=True,
)

parked = Table(
    "parked",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("consumer", String(64), nullable=False),
    Column("event_id", String(128)),  # None: unreadable, and then it blocks nothing
    Column("topic", String(64), nullable=False),
    Column("part", Integer, nullable=False),
    Column("off", Wide, nullable=False),
    Column("key", String(128), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("code", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", Float, nullable=False),  # real time
    Column("state", String(16), nullable=False),  # parked | retried | skipped
    Column("released_why", Text),
    info=PLUMBING,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", String(128), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("value", Text, nullable=False),  # the reply's value as JSON
    Column("at", Moment, nullable=False),
    info=PLUMBING,
)

sequences = Table(
    "sequences",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("next", Integer, nullable=False),
    info=PLUMBING,
)

shared_with = Table(
    "shared_with",
    metadata,
    Column("table_name", String(64), primary_key=True),
    Column("row_id", String(128), primary_key=True),
    Column("agency", String(64), primary_key=True),
    Column("write", Boolean, nullable=False),
    # Whose the row is, as the row says too: by it PostgreSQL keeps the line from others, without asking the row's table.
    # Empty where a release before wrote it on SQLite, which has no second wall; on PostgreSQL it is filled in.
    Column("county", String(64), info={"digest": False}),
    Column("owner_agency", String(64), info={"digest": False}),
    Index("shared_with_agency", "agency", "table_name"),
    info={"kind": "owned"},
)
