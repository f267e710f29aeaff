"""Caps of a draw: its most targets, and what is asked of single classes."""

import sqlalchemy as sa
from alembic import op

revision = "0003_caps_of_a_draw"
down_revision = "0002_end_of_recusals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Caps of a draw."""
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("most", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("class_bounds", sa.JSON(), nullable=True))
