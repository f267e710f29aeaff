"""Rehearsals: a draw played by one person alone, in a database of its own, sealed into one row."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0011_rehearsals"
down_revision = "0010_faults_after_the_seal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rehearsals."""
    op.create_table(
        "rehearsal",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=128), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(length=64), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("begun_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("moved_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("rehearsal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rehearsal_owner_agency"), ["owner_agency"], unique=False)
        batch_op.create_index("rehearsal_of_person", ["campaign", "person"], unique=True)
