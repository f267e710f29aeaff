"""Experts: who may be appointed to assist at visits, who is, and what a campaign asks for."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0007_experts"
down_revision = "0006_replaced_visits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Experts and appointments; no campaign of before asked for any."""
    op.create_table(
        "expert",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("expert", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("employer", sa.String(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("recused", sa.JSON(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "projection"},
    )
    with op.batch_alter_table("expert", schema=None) as batch_op:
        batch_op.create_index("expert_by_campaign", ["campaign"], unique=False)
        batch_op.create_index(batch_op.f("ix_expert_owner_agency"), ["owner_agency"], unique=False)
    op.create_table(
        "appointment",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("section", sa.String(length=128), nullable=False),
        sa.Column("visit", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("expert", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("employer", sa.String(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("appointed_by", sa.String(length=128), nullable=False),
        sa.Column("appointed_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=128), nullable=True),
        sa.Column("withdrawn_at", runtime.store.plumbing.Moment(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index("appointment_by_section", ["section"], unique=False)
        batch_op.create_index("appointment_by_campaign", ["campaign"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_owner_agency"), ["owner_agency"], unique=False)
    with op.batch_alter_table("campaign", schema=None) as batch_op:
        batch_op.add_column(sa.Column("experts", sa.JSON(), nullable=True))
