"""What is said in a draw is seen by all its parties."""

from sqlalchemy.orm import Session

from runtime.store import Owned, share
from services.drawer.reading import Said


def publish(session: Session, said: Said, row: Owned) -> None:
    """Write a row that the agencies and the witness of the draw see, whosever it is."""
    session.add(row)
    for body in set(said.parties) - {row.owner_agency}:
        share(session, row, body)
