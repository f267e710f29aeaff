"""Values of sources of randomness beside the dice, and the sources of a replacement round."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0008_values_of_beacons"
down_revision = "0007_seals_of_agencies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Values of beacons."""
    op.create_table(
        "beacon_value",
        sa.Column("id", sa.String(length=90), nullable=False),
        sa.Column("attempt", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.Column("said_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("beacon_value", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_beacon_value_attempt"), ["attempt"], unique=False)
        batch_op.create_index(batch_op.f("ix_beacon_value_owner_agency"), ["owner_agency"], unique=False)
    with op.batch_alter_table("round", schema=None) as batch_op:
        batch_op.add_column(sa.Column("beacons", sa.JSON(), nullable=True))
