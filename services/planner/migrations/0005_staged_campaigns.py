"""Staged campaigns: the campaign whose disclosed draw chose the targets."""

import sqlalchemy as sa
from alembic import op

revision = "0005_staged_campaigns"
down_revision = "0004_absences"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a campaign name its first stage; none of those before has one."""
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parent", sa.String(), nullable=True))
