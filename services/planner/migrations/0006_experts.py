"""Experts: who may assist a visit, register by register, and how many of them a campaign asks for."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0006_experts"
down_revision = "0005_staged_campaigns"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let agencies keep experts and campaigns ask for them; none of those before does."""
    op.create_table(
        "expert",
        sa.Column("expert", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("employer", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("expert", schema=None) as batch_op:
        batch_op.create_index("expert_of_agency", ["owner_agency", "expert"], unique=False)
        batch_op.create_index(batch_op.f("ix_expert_owner_agency"), ["owner_agency"], unique=False)
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("experts", sa.JSON(), nullable=True))
