"""Feeds and webhooks."""

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0003_feeds_and_webhooks"
down_revision = "0002_time_of_day_of_reminders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Feeds and webhooks."""
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("webhook", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.JSON(), nullable=False),
        sa.Column("next_at", runtime.store.plumbing.Moment(), nullable=True),
        sa.Column("ended_at", runtime.store.plumbing.Moment(), nullable=True),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("delivery_due", ["state", "next_at"], unique=False)
        batch_op.create_index("delivery_order", ["webhook", "subject", "number"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_owner_agency"), ["owner_agency"], unique=False)

    op.create_table(
        "feed_entry",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("feed_entry", schema=None) as batch_op:
        batch_op.create_index("feed_entry_order", ["county", "owner_agency", "number"], unique=True)
        batch_op.create_index(batch_op.f("ix_feed_entry_owner_agency"), ["owner_agency"], unique=False)

    op.create_table(
        "webhook",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("secret_before", sa.LargeBinary(), nullable=True),
        sa.Column("before_until", runtime.store.plumbing.Moment(), nullable=True),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("webhook", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhook_owner_agency"), ["owner_agency"], unique=False)
