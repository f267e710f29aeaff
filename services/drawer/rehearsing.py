"""
What one does in a rehearsal, as pages carry it out: open the room, let it be done there, keep the room.

As with every act the work is done outside the transaction and its refusal raised inside the command.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from runtime.service import Reply, Service
from runtime.store import Actor
from services.drawer import archive
from services.drawer.commands.prepared import prepared
from services.drawer.commands.rehearsing import (
    Kept,
    begin_rehearsal,
    drop_rehearsal,
    move_rehearsal,
    name_rehearsal,
)
from services.drawer.progress import Act
from services.drawer.queries.attempts import DrawView
from services.drawer.queries.drawn import VisitView, drawn_list
from services.drawer.queries.records import public_draw
from services.drawer.queries.rehearsals import rehearsal_ground, rehearsal_of, running_rehearsal
from services.drawer.refusals import NotDisclosedYet
from services.drawer.rehearsal_room import Room

RECORD, FRAME, KEYS = "record", "frame", "keys"


@dataclass(frozen=True)
class Played:
    """A rehearsal as its one player sees it."""

    name: str
    is_example: bool
    draw: DrawView
    turns: Sequence[tuple[str, str, Act]]
    """Whose turn it is: (body, what it is called, what it can do now)."""
    next_turn: datetime | None
    visits: Sequence[VisitView]
    now: datetime


def begin(service: Service, actor: Actor, campaign_id: str, *, key: str) -> Reply:
    """Begin a rehearsal of a campaign's draw, in place of the asker's former one."""

    def begun() -> Kept:
        name = service.do(actor, name_rehearsal, campaign_id=campaign_id).value["rehearsal"]
        ground = service.ask(actor, rehearsal_ground, campaign_id=campaign_id)
        with Room.begin(service, actor, name, ground) as room:
            return room.kept()

    return service.do(actor, begin_rehearsal, prepared(begun), key=key, campaign_id=campaign_id)


def speak(
    service: Service,
    actor: Actor,
    campaign_id: str,
    *,
    key: str,
    act: Act,
    body: str,
    digits: str = "",
    again: str = "",
) -> Reply:
    """Do *act* in the asker's rehearsal as *body*, or as everybody whose turn it is; dice not typed are thrown here."""
    digits, again = "".join(digits.split()), "".join(again.split())

    def spoken(room: Room) -> None:
        thrown = room.throw() if act == Act.DICE and not digits and not again else ""
        room.speak(act, body, thrown or digits, thrown or again)

    return _step(service, actor, campaign_id, spoken, key, ["speak", act.value, body, digits, again])


def wait(service: Service, actor: Actor, campaign_id: str, *, key: str) -> Reply:
    """Let time pass in the asker's rehearsal until something changes by itself."""
    return _step(service, actor, campaign_id, Room.wait, key, ["wait"])


def drop(service: Service, actor: Actor, campaign_id: str, *, key: str) -> Reply:
    """Throw the asker's rehearsal away."""
    return service.do(actor, drop_rehearsal, key=key, campaign_id=campaign_id)


def seen(service: Service, actor: Actor, campaign_id: str) -> Played | None:
    """
    Show the asker's rehearsal, if there is one.

    Raises:
        RehearsalOfAnotherRelease.
    """
    kept = service.ask(actor, rehearsal_of, campaign_id=campaign_id)
    if kept is None:
        return None
    with Room.enter(service, actor, kept) as room:
        view = room.view()
        visits = room.inside.ask(room.as_body(actor.agency), drawn_list, draw_id=room.name) if view.outcome else []
        return Played(room.name, kept.is_example, view, room.turns(view), room.next_turn(), visits, room.now)


def file(service: Service, actor: Actor, campaign_id: str, what: str) -> tuple[str, bytes]:
    """
    Give what becomes public at the end of a rehearsed draw: its name, and RECORD, FRAME or KEYS.

    Raises:
        NotDisclosedYet: the rehearsal has not come that far; as in a draw, nothing of it is open before.
    """
    kept = service.ask(actor, running_rehearsal, campaign_id=campaign_id)
    with Room.enter(service, actor, kept) as room:
        view = room.view()
        if view.disclosed_at is None:
            raise NotDisclosedYet(draw=room.name, until=view.moments.window_end)
        found = room.inside.ask(room.inside.system, public_draw, draw_id=room.name)
        if what == KEYS:
            return room.name, json.dumps(dict(found.keys), indent=1).encode()
        return room.name, archive.read(room.inside, found.record if what == RECORD else found.frame)


def _step(
    service: Service, actor: Actor, campaign_id: str, done: Callable[[Room], None], key: str, told: Sequence[str]
) -> Reply:
    def moved() -> Kept:
        with Room.enter(service, actor, service.ask(actor, running_rehearsal, campaign_id=campaign_id)) as room:
            done(room)
            return room.kept()

    return service.do(actor, move_rehearsal, prepared(moved), key=key, campaign_id=campaign_id, told=list(told))
