"""Appointments to places that no draw could fill, and the checklists that wait for a round's end."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0009_appointed_to_open_places"
down_revision = "0008_values_of_beacons"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Appointments; a round of before holds no checklist back."""
    op.create_table(
        "slot_appointment",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("draw", sa.String(length=64), nullable=False),
        sa.Column("visit", sa.String(length=80), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("officer", sa.String(length=64), nullable=False),
        sa.Column("beyond", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=True),
        sa.Column("decided_at", runtime.store.plumbing.Moment(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("ended_by", sa.String(length=128), nullable=True),
        sa.Column("ended_at", runtime.store.plumbing.Moment(), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("slot_appointment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_slot_appointment_draw"), ["draw"], unique=False)
        batch_op.create_index(batch_op.f("ix_slot_appointment_visit"), ["visit"], unique=False)
        batch_op.create_index(batch_op.f("ix_slot_appointment_owner_agency"), ["owner_agency"], unique=False)
    with op.batch_alter_table("round", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held", sa.JSON(), nullable=True))
