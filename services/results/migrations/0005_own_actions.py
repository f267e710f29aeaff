"""Own actions."""

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

import runtime.store.plumbing

revision = "0005_own_actions"
down_revision = "0004_days_of_a_thread"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Own actions, with those begun before: they are open, unless others reported the same matter already."""
    actions = op.create_table(
        "own_action",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("section", sa.String(length=128), nullable=False),
        sa.Column("visit", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("thread", sa.String(length=64), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("due", sa.JSON(), nullable=False),
        sa.Column("referral", sa.String(length=64), nullable=True),
        sa.Column("decided_at", runtime.store.plumbing.Moment(), nullable=True),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("own_action", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_own_action_owner_agency"), ["owner_agency"], unique=False)
        batch_op.create_index("own_action_by_section", ["section"], unique=False)
        batch_op.create_index("own_action_by_thread", ["thread"], unique=False)

    op.create_table(
        "own_decision",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("section", sa.String(length=128), nullable=False),
        sa.Column("decision", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=False),
        sa.Column("decided_at", runtime.store.plumbing.Moment(), nullable=False),
        sa.Column("county", sa.String(length=64), nullable=False),
        sa.Column("owner_agency", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        info={"kind": "owned"},
    )
    with op.batch_alter_table("own_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_own_decision_owner_agency"), ["owner_agency"], unique=False)
        batch_op.create_index("own_decision_by_section", ["section"], unique=False)
    begun, shared = _begun()
    if begun:
        op.bulk_insert(actions, begun)
        op.bulk_insert(runtime.store.plumbing.shared_with, shared)


def _begun() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    finding = _table("finding", "id", "section", "visit", "kind", "referral", "follow_up", due=sa.JSON())
    visit = _table("visit", "id", "campaign", "target", agencies=sa.JSON())
    rows: Any = (
        sa.select(finding, visit.c.campaign, visit.c.target, visit.c.agencies, visit.c.owner_agency.label("lead"))
        .join(visit, visit.c.id == finding.c.visit)
        .where(finding.c.follow_up == "own_action")
        .order_by(finding.c.id)
    )
    begun: dict[tuple[str, str], dict[str, Any]] = {}
    shared: list[dict[str, Any]] = []
    for row in op.get_bind().execute(rows).mappings():
        action = begun.get((row["section"], row["kind"]))
        if action is not None:
            action["findings"].append(row["id"])
            continue
        begun[row["section"], row["kind"]] = _action(row)
        for agency in sorted({*row["agencies"], row["lead"]} - {row["owner_agency"]}):
            shared.append({"table_name": "own_action", "row_id": row["id"], "agency": agency, "write": True})
    return list(begun.values()), shared


def _table(name: str, *plain: str, **typed: Any) -> sa.TableClause:
    columns = [*map(sa.column, (*plain, "county", "owner_agency")), *(sa.column(*each) for each in typed.items())]
    return sa.table(name, *columns)


def _action(row: Any) -> dict[str, Any]:
    matter = "|".join((row["campaign"], row["target"], row["kind"], row["owner_agency"]))
    return {
        **{
            name: row[name]
            for name in ("id", "section", "visit", "campaign", "kind", "referral", "county", "owner_agency")
        },
        "thread": hashlib.sha256(matter.encode()).hexdigest(),
        "findings": [row["id"]],
        "due": {} if row["referral"] else row["due"],
        "decided_at": None,
    }
