"""The hash of a draw: SHA-256 or SM3."""

import sqlalchemy as sa
from alembic import op

revision = "0008_hash_of_a_draw"
down_revision = "0007_beacons_of_a_draw"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Hash of a draw."""
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hash", sa.String(), nullable=True))
