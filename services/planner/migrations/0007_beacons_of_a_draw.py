"""Sources of randomness beside the dice."""

import sqlalchemy as sa
from alembic import op

revision = "0007_beacons_of_a_draw"
down_revision = "0006_experts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Beacons of a draw."""
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("beacons", sa.JSON(), nullable=True))
