"""End of recusals."""

import sqlalchemy as sa
from alembic import op

revision = "0002_end_of_recusals"
down_revision = "0001_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """End of recusals."""
    with op.batch_alter_table("recusal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("until_on", sa.Date(), nullable=True))
