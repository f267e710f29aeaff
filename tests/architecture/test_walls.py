"""Tables say what they are, rows have owners, and only runtime may act as the system."""

import importlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase

from runtime.store import Open, Owned
from runtime.store.digest import KINDS
from runtime.store.plumbing import metadata as plumbing
from tests.architecture.writers import Writers, modules_of, read

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("console", "planner", "drawer", "results", "notifier")


def base_of(service: str) -> type[DeclarativeBase]:
    base: type[DeclarativeBase] = importlib.import_module(f"services.{service}.tables").Base
    return base


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_says_whether_it_is_owned_a_projection_or_plumbing(service: str) -> None:
    kinds = {table.name: table.info.get("kind") for table in base_of(service).metadata.sorted_tables}

    assert {name for name, kind in kinds.items() if kind not in KINDS} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_business_row_is_behind_the_wall_or_open_on_purpose(service: str) -> None:
    bare = {
        mapper.class_.__name__
        for mapper in base_of(service).registry.mappers
        if not issubclass(mapper.class_, Owned | Open) and mapper.class_.__table__.info["kind"] != "plumbing"
    }

    assert bare == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_owned_row_has_a_text_id_and_an_owner_that_cannot_be_missing(service: str) -> None:
    for mapper in base_of(service).registry.mappers:
        if not issubclass(mapper.class_, Owned):
            continue
        table = mapper.local_table
        assert isinstance(table, Table)
        assert [column.name for column in table.primary_key] == ["id"], table.name
        assert not table.c.county.nullable, table.name
        assert not table.c.owner_agency.nullable, table.name


OPEN_WRITES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "console": {
        "register_agency": ("Agency", "a body belongs to nobody before it is there; county administrators only"),
        "found_county": ("Account Agency", "the system opens the first account of an empty county at its first start"),
        "open_account": (
            "Account",
            "the county's administrator keeps accounts of every agency; domain/remit.py decides",
        ),
        "change_account": ("Account", "the same; and the county's own accounts only by a county administrator"),
        "close_account": ("Account", "the same; never the own account, never the county's last administrator"),
        "change_own_password": ("Account", "everybody's own row, found by the actor's id, after the old password"),
    },
    "planner": {
        "publish_rulepack": ("RulepackRow", "rules are the county's, not an agency's; county administrators only"),
        "publish_calendar": ("CalendarRow", "working days are everybody's; county administrators only"),
        "import_register": (
            "ItemRow RegisterEditionRow",
            "item lists are public by law, and editions tell that a register changed; written under the actor's agency",
        ),
    },
    "drawer": {
        "keep_keys": ("PublicKey", "the system makes the keys of a draw's bodies; each once, and public by nature"),
        "register_key": (
            "FormerKey PublicKey",
            "a body's own key, by its own draw officer or witness; public by nature",
        ),
        "furnish": ("Agency", "what bodies are called, in the own database of a rehearsal, which nobody else reads"),
        "leave_key": ("FormerKey PublicKey", "the same, when it leaves signing to the server again"),
    },
    "results": {
        "publish_section": ("PublicRow", "what is published is everybody's; the section behind it is walled"),
    },
    "notifier": {},
}
"""Commands that write rows of tables without an owner: which, and why the wall is not what guards them."""


def open_tables(service: str) -> set[str]:
    return {mapper.class_.__name__ for mapper in base_of(service).registry.mappers if issubclass(mapper.class_, Open)}


@pytest.mark.parametrize("service", SERVICES)
def test_every_write_that_no_wall_guards_is_known_with_its_reason(service: str) -> None:
    found = Writers(modules_of(ROOT, f"services.{service}"), open_tables(service), f"services.{service}.tables")

    known = {command: frozenset(tables.split()) for command, (tables, _) in OPEN_WRITES[service].items()}
    assert found.commands() == known
    assert all(len(reason) > 30 for _, reason in OPEN_WRITES[service].values())


COMMANDS = """
from services.toy import rows
from services.toy.rows import changes, look_up
from services.toy.tables import Key, Law, Own
KINDS = {"law": Law}

def makes(session, actor, *, at):
    session.add(Law(id="1"))
def makes_by_a_helper(session, actor, *, at):
    rows.kept(session)
def changes_what_is_looked_up(session, actor, *, at):
    row = session.get(Law, "1")
    row.title = "x"
def changes_without_a_name(session, actor, *, at):
    session.get(Law, "1").title = "x"
def changes_while_looking(session, actor, *, at):
    if (row := session.get_one(Law, "1")) is not None:
        row.version += 1
def changes_each(session, actor, *, at):
    for row in session.scalars(select(Law).where(Law.id == "1")):
        row.a, row.b = 1, 2
def changes_what_it_is_given(session, actor, *, at):
    changes(session.get(Law, "1"))
def changes_what_a_helper_found(session, actor, *, at):
    found = look_up(session)
    found.title = "x"
def deletes(session, actor, *, at):
    for row in session.scalars(select(rows.tables.Law)):
        session.delete(row)
    gone = session.get(Key, "1")
    session.delete(gone)
def makes_one_of_a_table_of_tables(session, actor, *, at):
    session.add(KINDS["law"](id="1"))

def writes_its_own_only(session, actor, *, at):
    session.add(Own(id="1"))
def reads(session, actor, *, at):
    row = session.get(Law, "1")
    return row.title if row else KINDS
def _helper(session, actor, *, at):
    session.add(Law(id="1"))
def query(session, actor):
    session.add(Law(id="1"))
"""
ROWS = """
from services.toy import tables
from services.toy.tables import Law

def kept(session):
    session.add(tables.Key(id="1"))
def changes(row: Law | None) -> None:
    row.title = "x"
def look_up(session) -> Law:
    return session.get_one(Law, "1")
"""


def test_a_new_write_that_no_wall_guards_is_noticed() -> None:
    modules = {
        "services.toy.commands": read("services.toy.commands", COMMANDS),
        "services.toy.rows": read("services.toy.rows", ROWS),
        "services.toy.handlers": read("services.toy.handlers", COMMANDS.replace("def makes(", "def hears(")),
    }

    assert Writers(modules, {"Law", "Key"}, "services.toy.tables").commands() == {
        "makes": {"Law"},
        "makes_by_a_helper": {"Key"},
        "changes_what_is_looked_up": {"Law"},
        "changes_without_a_name": {"Law"},
        "changes_while_looking": {"Law"},
        "changes_each": {"Law"},
        "changes_what_it_is_given": {"Law"},
        "changes_what_a_helper_found": {"Law"},
        "deletes": {"Key"},
        "makes_one_of_a_table_of_tables": {"Law"},
    }


def test_plumbing_says_what_it_is() -> None:
    assert {table.info["kind"] for table in plumbing.tables.values()} <= set(KINDS)


AS_SYSTEM = re.compile(r"""\bActor\.system\b|\bkind\s*=\s*["']system["']""")


def test_only_runtime_acts_as_the_system() -> None:
    found = [
        str(path.relative_to(ROOT))
        for folder in ("services", "onevisit")
        for path in (ROOT / folder).rglob("*.py")
        if AS_SYSTEM.search(path.read_text(encoding="utf-8"))
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        'service.do(Actor.system("planner"), propose)',
        "make = actors.Actor.system",
        "Actor('x', '', '', kind='system')",
        'replace(caller.actor, kind = "system")',
    ],
)
def test_who_makes_itself_the_system_is_found_out(line: str) -> None:
    assert AS_SYSTEM.search(line)
