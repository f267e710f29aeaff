"""Writers of a section."""

from typing import Any

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing
from runtime.store.ids import derived_id

revision = "0002_writers_of_a_section"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None

HANDS = (  # who wrote what is still there: table, its section, account, when
    ("entry", "id", "changed_by", "changed_at"),
    ("evidence", "section", "added_by", "added_at"),
    ("section", "id", "entered_by", "submitted_at"),
)


def upgrade() -> None:
    """Writers of a section, those of before as far as they are known."""
    writers = op.create_table(
        "section_writer",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("section", sa.String(length=128), nullable=False),
        sa.Column("account", sa.String(length=128), nullable=False),
        sa.Column("first_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("section_writer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_section_writer_owner_agency"), ["owner_agency"], unique=False)
        batch_op.create_index("writer_by_section", ["section"], unique=False)
    rows = sorted(
        (row for hand in HANDS for row in _written(*hand)), key=lambda row: str(row["first_at"]), reverse=True
    )
    found = {row["id"]: row for row in rows}  # the earliest comes last and stays
    if found:
        op.bulk_insert(writers, list(found.values()))


def _written(table: str, section: str, account: str, at: str) -> list[dict[str, object]]:
    moment = sa.column(at, runtime.store.plumbing.Moment())
    known: Any = sa.select(
        sa.column(section), sa.column(account), moment, sa.column("county"), sa.column("owner_agency")
    )
    rows = op.get_bind().execute(known.select_from(sa.table(table)).where(sa.column(account).is_not(None)))
    return [
        {
            "id": derived_id("WR", of, who),
            "section": of,
            "account": who,
            "first_at": when,
            "county": county,
            "owner_agency": owner,
        }
        for of, who, when, county, owner in rows
    ]
