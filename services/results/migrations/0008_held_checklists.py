"""Checklists that wait for the end of a replacement round."""

import sqlalchemy as sa
from alembic import op

revision = "0008_held_checklists"
down_revision = "0007_experts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Held sections; none waits when this release comes."""
    with op.batch_alter_table("section", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held_in", sa.Integer(), nullable=True))
