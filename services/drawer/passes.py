"""
What an officer shows at a visit: staff number and salt, of which the firm works out the pid (JIDRAW/1 section 3).

Salts stay sealed with the agency's part of the attempt, whoever keeps its signing key; they are opened here for the
officers of one team at one visit, for the officer or the own agency's desk, and enter no record, event or public page.
"""

from dataclasses import dataclass

from runtime.service import Service
from runtime.store import Actor
from services.drawer import qr
from services.drawer.domain.roster import pid
from services.drawer.queries.passes import team_at
from services.drawer.vault import Vault


@dataclass(frozen=True)
class Pass:
    """One officer at one visit: what is shown, and the number in the draw that it gives."""

    officer: str
    salt: str
    pid: str
    code: qr.Code
    """Staff number and salt, as the firm types or scans them."""
    appointed: bool = False
    """Not drawn (指定，非抽取): the number stands in no leaf, so there is nothing for a firm to check it against."""


def passes(service: Service, asker: Actor, visit_id: str) -> list[Pass]:
    """
    Open the salts of a visit's officers for the asker: an officer's own, or all of the own agency's for its desk.

    Raises:
        SlipNotForYou, VisitNotStanding, DrawnElsewhere.
    """
    team = service.ask(service.system, team_at, visit_id=visit_id, asker=asker)
    salts = Vault(service.ports).open_salts(team.sealed).salts
    return [
        Pass(
            one,
            salts[one].hex(),
            pid(team.hash, salts[one], one),
            qr.code(f"{one} {salts[one].hex()}"),
            one in team.appointed,
        )
        for one in team.officers
    ]
