"""
What of a draw is public from its opening on (JIDRAW/1 section 13): whatever binds its bodies and shows nobody.

Asked as the system: strangers have no agency. ``domain.disclosure.at_once`` has the last word on what leaves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.store import Actor
from services.drawer import tables
from services.drawer.domain.changes import State
from services.drawer.domain.disclosure import at_once
from services.drawer.domain.sealing import BeaconShown
from services.drawer.queries.attempts import commits_digest
from services.drawer.reading import Said, SaidSealed, attempts_of
from services.drawer.refusals import DrawUnknown


@dataclass(frozen=True)
class AtOnce:
    """The newest attempt of a draw as anybody may know it at once; what has not been said yet is null."""

    draw: str
    number: str
    title: str
    purpose: str
    agencies: Mapping[str, str]
    """By id: the agencies' names."""
    told: Mapping[str, Any]
    custody: Mapping[str, str]
    """Who keeps whose key, by the body's name: own, page or server."""
    opens_at: datetime | None
    """When the record opens, known with the result."""
    is_open: bool

    def kept_by(self, custody: str) -> list[str]:
        """Name everybody whose key is kept so."""
        return [name for name, kept in self.custody.items() if kept == custody]


@dataclass(frozen=True)
class ClosedDraw:
    """A draw whose record is still closed."""

    draw: str
    title: str


def at_once_of(session: Session, actor: Actor, *, draw_id: str) -> AtOnce:
    """
    Tell what is public at once of one draw that is made here.

    Raises:
        DrawUnknown: there is none, or it was made elsewhere.
    """
    attempts = attempts_of(session, [draw_id]).get(draw_id)
    if not attempts or draw_id in _elsewhere(session):
        raise DrawUnknown(draw=draw_id)
    said = attempts[-1]
    row, campaign = said.row, session.get_one(tables.Campaign, said.row.campaign)
    agencies = session.scalars(select(tables.Agency).where(tables.Agency.county == row.county)).all()
    names = {one.agency: one.name for one in agencies}
    return AtOnce(
        draw=draw_id,
        number=campaign.number,
        title=campaign.title,
        purpose=row.manifest["purpose"],
        agencies={agency: names.get(agency, agency) for agency in said.agencies},
        told=_told(said),
        custody={names.get(body, body): said.custody(body) for body in said.parties},
        opens_at=said.outcome.disclose_at if said.outcome else None,
        is_open=said.disclosure is not None,
    )


def closed_draws(session: Session, actor: Actor) -> Sequence[ClosedDraw]:
    """List the draws made here whose record is still closed, newest first."""
    opened, elsewhere = set(session.scalars(select(tables.Disclosure.id)).all()), _elsewhere(session)
    titles = {row.id: row.title for row in session.scalars(select(tables.Campaign)).all()}
    attempts = session.execute(select(tables.Attempt.draw, tables.Attempt.campaign).distinct()).all()
    shown = {draw: campaign for draw, campaign in attempts if draw not in opened | elsewhere}
    return [ClosedDraw(draw, titles[shown[draw]]) for draw in sorted(shown, reverse=True)]


def _elsewhere(session: Session) -> set[str]:
    row = tables.ImportedDraw
    return set(session.scalars(select(row.draw).where(row.state.in_((State.ASKED, State.APPROVED)))).all())


def _told(said: Said) -> dict[str, object]:
    commits, signed = sorted(said.commits().items()), sorted(said.signed().items())
    return at_once(
        {
            "v": "JIDRAW/1",
            "manifest": said.row.manifest,
            "manifest_digest": said.row.manifest_digest,
            "commits": {agency: {"c": one.c.hex(), "sig": one.sig.hex()} for agency, one in commits},
            "commits_digest": commits_digest(said),
            "countersignatures": {agency: sig.hex() for agency, sig in signed},
            "faults": [_fault(one) for one in said.faults],
            **_sealed(said, said.outcome),
            "replacements": [
                {"round": one.row.number, **_sealed(one, one.end if one.is_drawn else None)} for one in said.rounds
            ],
        }
    )


def _sealed(said: SaidSealed, ended: tables.OutcomeRow | tables.RoundEnd | None) -> dict[str, object]:
    seal = said.sealed()
    return {
        "seal": {"digest": seal.digest.hex(), "at": seal.at, **seal.signed.as_json()} if seal else None,
        "beacons": [_beacon(one) for one in said.beacons()],
        "visits_root": ended.visits_root if ended else None,
        "result_digest": ended.result_digest if ended else None,
    }


def _fault(one: tables.FaultRow) -> dict[str, object]:
    known = {"what": one.what, "who": one.who, "evidence": one.evidence}
    return {name: value for name, value in known.items() if value is not None}


def _beacon(one: BeaconShown) -> dict[str, object]:
    proof = {} if one.proof is None else {"proof": one.proof.as_json()}
    return {"id": one.beacon.id, "round": one.beacon.round, "value": one.beacon.value.hex(), **proof}
