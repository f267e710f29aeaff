"""Days of a thread."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0004_days_of_a_thread"
down_revision = "0003_follow_up_checks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Days of a thread."""
    with op.batch_alter_table("referral_thread", schema=None) as batch_op:
        batch_op.add_column(sa.Column("dues", sa.JSON(), server_default="{}", nullable=False))
