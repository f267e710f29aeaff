"""
The room in which one person rehearses a draw: a drawer of its own, in memory, that nobody listens to (ADR 18).

It is the same service with the same commands, timers and queries as any draw, on other ports: a database that is no file,
a clock that stands until it is moved, documents that go nowhere, randomness under the rehearsal's own name, and no event
log at all. Between two requests it lies, sealed, in one row of the real drawer.
"""

import io
import json
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from runtime.entropy import Entropy
from runtime.events.bus import Message, Record
from runtime.files.blobs import BlobStore
from runtime.service import Ports, Reply, Service
from runtime.store import Actor
from runtime.store.memory import MemoryDatabase
from runtime.time.clock import StillClock
from runtime.time.timers import run_due
from schemas.blobs import BlobRef
from schemas.documents import CampaignPlan
from schemas.vocabulary import Purpose, Role, Stage
from services.drawer import acts
from services.drawer.acts import AskedTimes
from services.drawer.commands.rehearsing import Furniture, Kept, furnish
from services.drawer.drafts import window_end
from services.drawer.examples import example_frame, example_rosters
from services.drawer.progress import Act
from services.drawer.queries.attempts import DrawView
from services.drawer.queries.draws import draw_view
from services.drawer.queries.rehearsals import RehearsalGround, Rehearsed, next_turn
from services.drawer.refusals import NothingToWaitFor, NotItsTurn, RehearsalOfAnotherRelease
from services.drawer.tables import Base
from services.drawer.timers import TIMERS
from services.drawer.vault import SERVICE, Vault

JSON, ROWS = "application/json", "text/tab-separated-values"
DATABASE, FACTS, BLOBS = "drawer.sqlite", "facts.json", "blobs/"
SPARE_DAYS = 10  # for attempts that come to nothing, where the plan's window is nearly over


class NoLog:
    """No event log: what a rehearsal says stays in its own outbox, and to send it is an error in this program."""

    def append(self, messages: Sequence[Message]) -> None:
        """Refuse."""
        raise AssertionError("a rehearsal says nothing to anybody")

    def read(self, topics: Sequence[str], after: Mapping[tuple[str, int], int], limit: int) -> list[Record]:
        """Return nothing."""
        return []

    def heads(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Return nothing."""
        return {}

    def generation(self, topics: Sequence[str]) -> int:
        """Return that nothing was ever appended."""
        return 0

    def wait(self, topics: Sequence[str], seen: int, timeout: float) -> None:
        """Wait for nothing."""

    def wake(self) -> None:
        """Wake nobody."""

    def lacking(self, topics: Collection[str], seconds: float) -> list[str]:
        """Lack nothing."""
        return []

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class OwnEntropy:
    """Randomness under the rehearsal's name: where it can be repeated (a demonstration), no draw gets the same."""

    entropy: Entropy
    name: str

    def bytes(self, n: int, purpose: str, subject: str) -> bytes:
        """Give *n* random bytes."""
        return self.entropy.bytes(n, purpose, f"{self.name}/{subject}")


class RoomBlobs(BlobStore):
    """Documents of the rehearsal in memory; those that are not of it are read from the real store, never written there."""

    def __init__(self, real: BlobStore, own: Mapping[str, bytes]) -> None:
        self._real = real
        self.own = dict(own)

    def put(self, data: bytes, content_type: str, readers: Iterable[str] = (), *, subject: str = "") -> BlobRef:
        """Keep a document, in the room."""
        digest = sha256(b"\0".join([subject.encode(), data])).hexdigest() if subject else sha256(data).hexdigest()
        self.own[digest] = data
        return BlobRef(digest=digest, size=len(data), content_type=content_type, readers=tuple(readers))

    def get(self, ref: BlobRef, reader: str) -> bytes:
        """Fetch a document of the room, or a frozen frame or roster from outside."""
        return self.own[ref.digest] if ref.digest in self.own else self._real.get(ref, reader)

    def has(self, ref: BlobRef) -> bool:
        """Tell whether it can be fetched."""
        return ref.digest in self.own or self._real.has(ref)

    def forget(self, ref: BlobRef) -> None:
        """Forget a document of the room; the real store's are not ours."""
        self.own.pop(ref.digest, None)


@dataclass
class Room:
    """One rehearsal, opened: everybody in it is the one who asks."""

    name: str
    campaign: str
    step: int
    is_example: bool
    asker: Actor
    outside: Service
    inside: Service
    db: MemoryDatabase
    blobs: RoomBlobs
    clock: StillClock

    # ── coming and going ────────────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def begin(cls, outside: Service, asker: Actor, name: str, ground: RehearsalGround) -> "Room":
        """
        Furnish a new room and open the first attempt in it.

        Raises:
            Every refusal of opening a draw, such as ``DrawInfeasible``: then there is nothing to rehearse.
        """
        now = outside.ports.clock.now()
        room = cls._made(outside, asker, name, ground.plan.campaign, 0, ground.frame is None, now, None, {})
        plan = rehearsed(ground.plan, now)
        try:
            frame = room._example(plan, now) if ground.frame is None else _columns(ground.frame)
            given = Furniture(name, plan, ground.plan_digest, ground.bodies, frame)
            room.inside.do(room.inside.system, furnish, given)
            room.speak(Act.OPEN, "")
        except BaseException:
            room.db.close()
            raise
        return room

    @classmethod
    def enter(cls, outside: Service, asker: Actor, kept: Rehearsed) -> "Room":
        """
        Open a rehearsal as it was left.

        Raises:
            RehearsalOfAnotherRelease: its tables are those of another release; it is begun again.
        """
        if kept.release != release(outside):
            raise RehearsalOfAnotherRelease(campaign=kept.campaign)
        with zipfile.ZipFile(io.BytesIO(Vault(outside.ports).open_rehearsal(kept.sealed))) as packed:
            now = datetime.fromisoformat(json.loads(packed.read(FACTS))["now"])
            blobs = {
                file.removeprefix(BLOBS): packed.read(file) for file in packed.namelist() if file.startswith(BLOBS)
            }
            content = packed.read(DATABASE)
        return cls._made(outside, asker, kept.id, kept.campaign, kept.step, kept.is_example, now, content, blobs)

    @classmethod
    def _made(
        cls,
        outside: Service,
        asker: Actor,
        name: str,
        campaign: str,
        step: int,
        is_example: bool,
        now: datetime,
        content: bytes | None,
        documents: Mapping[str, bytes],
    ) -> "Room":
        real = outside.ports
        db, blobs, clock = MemoryDatabase(Base, content), RoomBlobs(real.blobs, documents), StillClock(now)
        ports = Ports(clock, OwnEntropy(real.entropy, name), blobs, NoLog(), real.secrets, real.demo)
        inside = Service(
            name=SERVICE,
            base=Base,
            ports=ports,
            db=db,
            migrations=outside.migrations,
            timers=TIMERS,
            settings=outside.settings,
            county=outside.county,
        )
        return cls(name, campaign, step, is_example, asker, outside, inside, db, blobs, clock)

    def __enter__(self) -> "Room":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def kept(self) -> Kept:
        """Seal everything, one step further."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(FACTS, json.dumps({"now": self.now.isoformat()}))
            file.writestr(DATABASE, self.db.content())
            for digest, data in sorted(self.blobs.own.items()):
                file.writestr(BLOBS + digest, data)
        sealed = Vault(self.outside.ports).seal_rehearsal(packed.getvalue())
        return Kept(self.name, self.step + 1, self.is_example, release(self.outside), sealed)

    def _example(self, plan: CampaignPlan, now: datetime) -> dict[str, Any]:
        rows = example_frame(plan)
        return {
            "frame": f"{self.name}-EXAMPLE",
            "entities": rows.count(b"\n"),
            "digest": sha256(rows).hexdigest(),
            "file": self.blobs.put(rows, ROWS, (SERVICE,)).model_dump(mode="json"),
            "rosters": self.blobs.put(example_rosters(plan).encode(), JSON, (SERVICE,)).model_dump(mode="json"),
            "frozen_at": now,
        }

    # ── what is done in it ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> datetime:
        """The moment the room's clock stands at."""
        return self.clock.now()

    def as_body(self, body: str) -> Actor:
        """Be the draw officer of an agency, or the witness."""
        return Actor(self.asker.id, body, self.asker.county, frozenset({Role.DRAW_OFFICER, Role.WITNESS}))

    def view(self, body: str = "") -> DrawView:
        """See the draw as *body* does, or as the lead."""
        return self.inside.ask(self.as_body(body or self.asker.agency), draw_view, draw_id=self.name, now=self.now)

    def turns(self, view: DrawView) -> list[tuple[str, str, Act]]:
        """List whose turn it is: (body, what it is called, what it can do now)."""
        called = [(one.agency, one.name) for one in view.agencies]
        called += [(view.witness.agency, view.witness.name)] if view.witness else []
        return [(body, name, act) for body, name in called for act in self.view(body).can]

    def next_turn(self) -> datetime | None:
        """Say to which moment the clock can be moved; None: nothing happens any more by itself."""
        return self.inside.ask(self.as_body(self.asker.agency), next_turn, draw_id=self.name, now=self.now)

    def speak(self, act: Act, body: str, digits: str = "", again: str = "") -> None:
        """
        Do *act* as *body*, or as everybody whose turn it is, one after another.

        Raises:
            NotItsTurn: nobody, or not this body, can do that now.
            Every refusal of the act itself.
        """
        if act == Act.OPEN:
            key = f"{self.step}/{act}"
            lead = self.as_body(self.asker.agency)
            acts.open_draw(self.inside, lead, self.campaign, AskedTimes(), key=key, early=True)
            return
        turns = [one for one, _, can in self.turns(self.view()) if can == act and body in ("", one)]
        if not turns:
            raise NotItsTurn(act=act.value)
        for one in turns:
            if act in self.view(one).can:  # without a witness the last signatures needed may be there before
                self._speak(act, self.as_body(one), digits, again)

    def _speak(self, act: Act, actor: Actor, digits: str, again: str) -> None:
        asked: dict[str, Any] = {"key": f"{self.step}/{actor.agency}/{act}"}
        if act == Act.DICE:
            acts.throw_dice(self.inside, actor, self.name, digits=digits, again=again, **asked)
        else:
            does: dict[Act, Callable[..., Reply]] = {
                Act.COMMIT: acts.commit,
                Act.COUNTERSIGN: acts.countersign,
                Act.REVEAL: acts.reveal,
                Act.SEAL: acts.seal,
            }
            does[act](self.inside, actor, self.name, **asked)

    def wait(self) -> None:
        """
        Move the clock to where something changes by itself, and let the timers do what is due then.

        Raises:
            NothingToWaitFor: nothing ever does.
        """
        moment = self.next_turn()
        if moment is None:
            raise NothingToWaitFor()
        self.clock.advance_to(moment)
        run_due(self.inside, self.now)

    def throw(self) -> str:
        """Throw the dice for whoever rehearses, who may have none at hand."""
        wanted = self.view().dice_wanted or 0
        found = ""
        while len(found) < wanted:
            thrown = self.inside.ports.entropy.bytes(wanted, "rehearsal.dice", f"{self.step}/{len(found)}")
            found += "".join(str(one % 10) for one in thrown if one < 250)
        return found[:wanted]


def rehearsed(plan: CampaignPlan, now: datetime) -> CampaignPlan:
    """
    Give the plan as it is rehearsed: marked so, and without what one person cannot play alone.

    Public sources of randomness do not speak before their time and stay outside; the second stage of a staged draw
    visits all of its frame, whether or not the first has been drawn.
    """
    changes: dict[str, Any] = {"purpose": Purpose.REHEARSAL, "beacons": (), "parent": None, "rotation": False}
    if plan.parent is not None:
        everybody = {"rate": (1, 1), "minimum": None, "maximum": None}
        changes["classes"] = tuple(one.model_copy(update=everybody) for one in plan.classes)
    enough = now + timedelta(days=SPARE_DAYS)
    if window_end(plan) < enough:
        changes["stages"] = tuple(
            one.model_copy(update={"last_on": enough.date()}) if one.stage == Stage.INSPECT else one
            for one in plan.stages
        )
    return plan.model_copy(update=changes)


def release(service: Service) -> str:
    """Name the tables of this release: its newest migration."""
    return (service.migrations / "HEAD").read_text().strip()


def _columns(frame: Any) -> dict[str, Any]:
    names = ("frame", "entities", "digest", "file", "rosters", "frozen_at")
    return {name: getattr(frame, name) for name in names}
