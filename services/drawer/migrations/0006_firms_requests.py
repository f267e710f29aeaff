"""What a visited firm asked for, and what the head decided."""

import sqlalchemy as sa
from alembic import op

revision = "0006_firms_requests"
down_revision = "0005_draws_made_elsewhere"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Firms' requests for recusal."""
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.add_column(sa.Column("firms_words", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("decision", sa.Text(), nullable=True))
