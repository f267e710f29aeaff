"""Imports that correct an earlier one, and which of them was opened to everybody."""

import sqlalchemy as sa
from alembic import op

revision = "0012_corrected_imports"
down_revision = "0011_rehearsals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Imports that correct an earlier one."""
    with op.batch_alter_table("imported_draw", schema=None) as batch_op:
        batch_op.add_column(sa.Column("corrects", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("correction", sa.Text(), nullable=True))
    with op.batch_alter_table("disclosure", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.String(length=80), nullable=True))
