"""Faults after the seal, the records that tell of them, and calls to sign a seal without a witness."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0010_faults_after_the_seal"
down_revision = "0009_appointed_to_open_places"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Faults after the seal."""
    op.create_table(
        "fault",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("draw", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("what", sa.String(length=120), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=True),
        sa.Column("evidence", sa.String(length=64), nullable=True),
        sa.Column("content_type", sa.String(length=64), nullable=True),
        sa.Column("file", sa.JSON(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reported_by", sa.String(length=128), nullable=False),
        sa.Column("reported_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("fault", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fault_attempt"), ["attempt"], unique=False)
        batch_op.create_index(batch_op.f("ix_fault_draw"), ["draw"], unique=False)
        batch_op.create_index(batch_op.f("ix_fault_owner_agency"), ["owner_agency"], unique=False)
    op.create_table(
        "record_edition",
        sa.Column("id", sa.String(length=90), nullable=False),
        sa.Column("draw", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.String(length=80), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("full_record", sa.JSON(), nullable=False),
        sa.Column("public_record", sa.JSON(), nullable=False),
        sa.Column("written_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("record_edition", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_edition_attempt"), ["attempt"], unique=False)
        batch_op.create_index(batch_op.f("ix_record_edition_draw"), ["draw"], unique=False)
        batch_op.create_index(batch_op.f("ix_record_edition_owner_agency"), ["owner_agency"], unique=False)
    op.create_table(
        "seal_call",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("draw", sa.String(length=64), nullable=False),
        sa.Column("called_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("seal_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seal_call_draw"), ["draw"], unique=False)
        batch_op.create_index(batch_op.f("ix_seal_call_owner_agency"), ["owner_agency"], unique=False)
    with op.batch_alter_table("outcome", schema=None) as batch_op:
        batch_op.add_column(sa.Column("faults", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("round_end", schema=None) as batch_op:
        batch_op.add_column(sa.Column("faults", sa.Integer(), server_default="0", nullable=False))
