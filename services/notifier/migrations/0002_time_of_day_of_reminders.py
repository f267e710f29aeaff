"""Time of day of reminders."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0002_time_of_day_of_reminders"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Time of day of reminders."""
    with op.batch_alter_table("pack", schema=None) as batch_op:
        batch_op.add_column(sa.Column("time_of_day", sa.String(length=5), server_default="08:30", nullable=False))
