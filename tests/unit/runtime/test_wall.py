"""The wall between agencies: what a person's session shows and lets be written."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import exists, func, select, text, union_all, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, aliased, mapped_column

from runtime.errors import Forbidden
from runtime.store import ANNOTATIONS, Actor, Open, Owned, plumbing, share
from runtime.store.database import Database
from runtime.store.rows import OutsideTheWall, StatementNotWalled
from schemas.vocabulary import Role
from tests.kit import COUNTY, person


class Base(DeclarativeBase):
    """Tables of these tests."""

    type_annotation_map = ANNOTATIONS


class Folder(Owned, Base):
    """Something an agency owns."""

    __tablename__ = "folder"
    __table_args__ = {"info": {"kind": "owned"}}
    id: Mapped[str] = mapped_column(primary_key=True)
    note: Mapped[str]


class Page(Owned, Base):
    """Something in a folder, with an owner of its own."""

    __tablename__ = "page"
    __table_args__ = {"info": {"kind": "owned"}}
    id: Mapped[str] = mapped_column(primary_key=True)
    folder: Mapped[str]


class Notice(Open, Base):
    """Something everybody may read."""

    __tablename__ = "open_notice"
    __table_args__ = {"info": {"kind": "projection"}}
    id: Mapped[str] = mapped_column(primary_key=True)


JT, GA = person("JT", Role.PLANNER), person("GA", Role.PLANNER)
ELSEWHERE = person("JT", Role.PLANNER, county="640222")
SYSTEM = Actor.system("planner")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "wall.sqlite", Base)
    with found.migration_connection() as connection:
        Base.metadata.create_all(connection)
        plumbing.metadata.create_all(connection)
        connection.commit()
    with found.write(JT) as session:
        shown = Folder(id="shared", note="", county=COUNTY, owner_agency="JT")
        session.add_all([shown, Folder(id="own", note="", county=COUNTY, owner_agency="JT")])
        session.add(Page(id="page", folder="own", county=COUNTY, owner_agency="JT"))
        session.add(Notice(id="open"))
        share(session, shown, "GA")
    yield found
    found.close()


OTHER = aliased(Folder, name="other")
READS: dict[str, Callable[[Session], list[str]]] = {
    "select": lambda session: list(session.scalars(select(Folder.id))),
    "entities": lambda session: [row.id for row in session.scalars(select(Folder))],
    "get": lambda session: [key for key in ("shared", "own") if session.get(Folder, key)],
    "filtered, ordered and cut": lambda session: list(
        session.scalars(select(Folder.id).where(Folder.note == "").order_by(Folder.id.desc()).limit(5))
    ),
    "grouped": lambda session: [row.id for row in session.execute(select(Folder.id, func.count()).group_by(Folder.id))],
    "a table beside itself": lambda session: list(
        session.scalars(select(Folder.id).join(OTHER, OTHER.id == Folder.id).where(OTHER.note == ""))
    ),
    "alias": lambda session: list(session.scalars(select(aliased(Folder).id))),
    "subquery": lambda session: list(session.scalars(select(select(Folder.id).subquery().c.id))),
    "cte": lambda session: list(session.scalars(select(select(Folder.id).cte().c.id))),
    "union": lambda session: sorted({*session.scalars(union_all(select(Folder.id), select(Folder.id)))}),
    "in": lambda session: [
        key
        for key in ("shared", "own")
        if session.scalar(select(Notice.id).where(select(Folder.id).where(Folder.id == key).exists()))
    ],
}


@pytest.mark.parametrize("read", READS)
def test_a_person_sees_own_and_shared_rows_and_the_system_all(read: str, database: Database) -> None:
    def seen(actor: Actor) -> set[str]:
        with database.read(actor) as session:
            return set(READS[read](session))

    assert seen(JT) == {"own", "shared"}
    assert seen(GA) == {"shared"}
    assert seen(ELSEWHERE) == set()
    assert seen(SYSTEM) == {"own", "shared"}
    assert seen(JT) == {"own", "shared"}, "what another agency asked before must not be remembered"


def test_counts_and_joins_see_no_more(database: Database) -> None:
    with database.read(GA) as session:
        assert session.scalar(select(func.count()).select_from(Folder)) == 1
        assert session.scalar(select(func.count()).select_from(Folder).join(Page, Page.folder == Folder.id)) == 0
        assert session.scalar(select(exists(select(Page.id)))) is False


def test_open_rows_are_seen_by_everybody(database: Database) -> None:
    with database.read(ELSEWHERE) as session:
        assert list(session.scalars(select(Notice.id))) == ["open"]


WRITES: dict[str, Callable[[Session], object]] = {
    "change a row shared for reading": lambda session: setattr(session.get_one(Folder, "shared"), "note", "x"),
    "take a shared row over": lambda session: setattr(session.get_one(Folder, "shared"), "owner_agency", "GA"),
    "add a row for another agency": lambda session: session.add(
        Folder(id="new", note="", county=COUNTY, owner_agency="JT")
    ),
    "add a row in another county": lambda session: session.add(
        Folder(id="new", note="", county="640222", owner_agency="GA")
    ),
    "add a row without an owner": lambda session: session.add(
        Folder(id="new", note="", county=COUNTY, owner_agency="")
    ),
    "delete a shared row": lambda session: session.delete(session.get_one(Folder, "shared")),
    "share somebody else's row": lambda session: share(session, session.get_one(Folder, "shared"), "AJ"),
    "update in bulk": lambda session: session.execute(update(Folder).values(note="x")),
    "speak SQL": lambda session: session.execute(text("UPDATE folder SET note = 'x'")),
    "read past the rows": lambda session: session.execute(select(Folder.__table__)),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_person_cannot(write: str, database: Database) -> None:
    with pytest.raises(Forbidden) as refusal, database.write(GA) as session:
        WRITES[write](session)

    assert isinstance(refusal.value, OutsideTheWall | StatementNotWalled)
    with database.read(SYSTEM) as session:
        assert [
            (row.id, row.note, row.owner_agency) for row in session.scalars(select(Folder).order_by(Folder.id))
        ] == [
            ("own", "", "JT"),
            ("shared", "", "JT"),
        ]


def test_a_row_shared_for_writing_may_be_changed_and_never_taken_or_deleted(database: Database) -> None:
    with database.write(JT) as session:
        share(session, session.get_one(Folder, "shared"), "GA", write=True)

    with database.write(GA) as session:
        session.get_one(Folder, "shared").note = "seen"

    with database.read(JT) as session:
        assert session.get_one(Folder, "shared").note == "seen"
    with pytest.raises(OutsideTheWall), database.write(GA) as session:
        session.delete(session.get_one(Folder, "shared"))


def test_sharing_again_widens_and_never_narrows(database: Database) -> None:
    for write in (True, False):
        with database.write(JT) as session:
            share(session, session.get_one(Folder, "own"), "GA", write=write)

    with database.write(GA) as session:
        session.get_one(Folder, "own").note = "still"
