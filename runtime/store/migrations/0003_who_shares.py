"""Who shares."""

import sqlalchemy as sa
from alembic import op

revision = "0003_who_shares"
down_revision = "0002_wider_numbers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Who shares: the owner of the row stands with the line; PostgreSQL's wall fills in the lines of before."""
    with op.batch_alter_table("shared_with", schema=None) as batch_op:
        batch_op.add_column(sa.Column("county", sa.String(64), nullable=True))
        batch_op.add_column(sa.Column("owner_agency", sa.String(64), nullable=True))
