"""Refused by the bus."""

import sqlalchemy as sa
from alembic import op

revision = "0004_refused_by_the_bus"
down_revision = "0003_who_shares"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Refused by the bus: an event of the outbox that is held back, with why."""
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("refused", sa.String(100), nullable=True))
    some = sa.text("refused IS NOT NULL")
    op.create_index("outbox_refused", "outbox", ["refused"], sqlite_where=some, postgresql_where=some)
