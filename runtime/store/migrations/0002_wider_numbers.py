"""Wider numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0002_wider_numbers"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None

COUNTED = (("outbox", "seq"), ("waiting", "id"))
PLACES = (("offsets", "next"), ("waiting", "off"), ("parked", "off"))


def upgrade() -> None:
    """Wider numbers: PostgreSQL's integers end at two billion, Kafka's offsets do not; SQLite's were wide from the start."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in (*COUNTED, *PLACES):
        op.alter_column(table, column, type_=sa.BigInteger(), existing_nullable=False)
    for table, column in COUNTED:
        op.execute(f"ALTER SEQUENCE {table}_{column}_seq AS bigint")
