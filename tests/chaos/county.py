"""A county with many small campaigns whose draws are done: visits are open, and nobody has set their days yet."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from onevisit import home as homes
from onevisit.demo import stand
from onevisit.home import ADMIN_LOGIN
from onevisit.system import System, build
from runtime.service import Service
from runtime.store.actor import Actor
from schemas.blobs import BlobRef
from schemas.documents import AnnexTarget, WorkList, WorkTeam, WorkVisit
from schemas.events.campaigns import CampaignConfirmed, CampaignProposed, FrameFrozen
from schemas.events.draws import DrawCompleted
from schemas.events.payload import Payload
from schemas.events.registers import CalendarPublished, ChecklistPublished, RulepackPublished
from schemas.vocabulary import AgencyKind, Purpose, Role
from services.console.app import ensure_county_admin
from services.console.commands import open_account, register_agency
from services.console.passwords import hash_password
from services.planner.tables import CampaignRow
from tests.chaos.part import COUNTED, TABLE
from tests.kit import COUNTY
from tests.unit.planner.facts import draw_id, opened
from tests.unit.results import world

LEAD, PARTNER = "JT", "GA"
PLANNER, TEAM_LEAD = "jt-plan", "ga-lead"
PASSWORD = "a password of the chaos tier"
TODAY = datetime(2018, 12, 10, 1, 0, tzinfo=UTC)  # the first day of the inspection stage
PER_CAMPAIGN = 50


def campaigns(visits: int) -> list[str]:
    """Name the campaigns that hold so many visits."""
    return [f"C-{COUNTY}-2018-{number:03}" for number in range(1, 1 + -(-visits // PER_CAMPAIGN))]


def visits_of(campaign: str) -> list[str]:
    """Name the visits of a campaign."""
    return [f"V{campaign[1:]}-{number:02}" for number in range(1, 1 + PER_CAMPAIGN)]


def found(home: Path, servers: stand.Servers, visits: int) -> None:
    """Make the installation, and leave in the outboxes what opens its visits."""
    stand.found_on(servers, home)
    system = build(homes.open_home(home))
    try:
        system.home.clock.advance_to(TODAY)
        for name in COUNTED:
            with system.services[name].db.write_plumbing() as connection:
                connection.exec_driver_sql(TABLE)
        _open_accounts(system)
        _remember_campaigns(system.services["planner"], campaigns(visits))
        for number, (speaker, payloads) in enumerate(_facts(system, campaigns(visits))):
            service = system.services[speaker]
            with service.db.write_plumbing() as connection:
                service.say(connection, payloads, cause=f"chaos-{number}", at=TODAY, correlation_id="chaos")
    finally:
        system.close()


def _open_accounts(system: System) -> None:
    console, county = system.console, system.home.settings.county
    ensure_county_admin(console, ADMIN_LOGIN, PASSWORD, must_change_password=False)
    admin = Actor("admin", "LXH", county, frozenset({Role.COUNTY_ADMIN}))
    for agency, login, role, officer in (
        (LEAD, PLANNER, Role.PLANNER, None),
        (PARTNER, TEAM_LEAD, Role.TEAM_LEAD, f"{PARTNER}009"),
    ):
        names = {"name": f"平罗县{agency}局", "short_name": f"{agency}局"}
        console.do(admin, register_agency, agency=agency, kind=AgencyKind.AGENCY, **names)
        console.do(
            admin,
            open_account,
            agency=agency,
            login=login,
            display_name=login,
            roles=[role],
            password=hash_password(PASSWORD, login),
            officer=officer,
            must_change_password=False,
        )


def _remember_campaigns(planner: Service, names: Sequence[str]) -> None:
    """Give the planner rows of campaigns that are under way; what they say does not matter here."""
    empty = {str: "", int: 0, bool: False, date: TODAY.date()}  # what is left are lists
    needed = [column for column in CampaignRow.__table__.columns if not column.nullable]
    facts = {column.key: empty.get(column.type.python_type, []) for column in needed}
    facts |= {"county": COUNTY, "owner_agency": LEAD, "state": "frozen", "created_at": TODAY}
    with planner.db.write(planner.system) as session:
        session.add_all(CampaignRow(**facts | {"id": name}) for name in names)


def _facts(system: System, names: Sequence[str]) -> Iterator[tuple[str, list[Payload]]]:
    """Write what planner and drawer have said: (service, facts)."""
    pack, calendar = world.rule_pack(), world.calendar()

    def blob(data: bytes, *readers: str, content_type: str = "application/json") -> BlobRef:
        return system.ports.blobs.put(data, content_type, readers)

    yield (
        "planner",
        [
            RulepackPublished(
                county=COUNTY,
                pack=pack.id,
                edition=pack.edition,
                digest=pack.digest(),
                document=blob(pack.canonical_bytes()),
            ),
            CalendarPublished(
                county=COUNTY,
                calendar=calendar.id,
                first_year=2004,
                last_year=2026,
                document=blob(calendar.canonical_bytes()),
            ),
            *(
                ChecklistPublished(
                    county=COUNTY,
                    agency=agency,
                    checklist=f"CL-{agency}",
                    edition=1,
                    questions=7,
                    document=blob(world.checklist(agency).encode(), "results"),
                )
                for agency in world.AGENCIES
            ),
        ],
    )
    for name in names:
        targets, work = _drawn(name)
        annex = world.annex().model_copy(update={"campaign": name, "targets": targets})
        plan = world.plan().model_copy(update={"campaign": name})
        yield (
            "planner",
            [
                CampaignProposed(
                    county=COUNTY,
                    campaign=name,
                    title=plan.title,
                    number=plan.number,
                    lead=LEAD,
                    partners=tuple(agency for agency in world.AGENCIES if agency != LEAD),
                    stages=world.stages(),
                    respond=world.due("2018-11-30"),
                ),
                CampaignConfirmed(
                    county=COUNTY,
                    campaign=name,
                    title=plan.title,
                    number=plan.number,
                    lead=LEAD,
                    agencies=world.AGENCIES,
                    pack=world.pinned(),
                    calendar=calendar.digest(),
                    stages=world.stages(),
                    purpose=Purpose.REHEARSAL,
                    publication_rule=world.due("2019-01-04"),
                    publication_plan=world.due("2018-12-31"),
                    report=world.due("2019-01-02"),
                    plan=blob(plan.encode(), "planner", "drawer", "results"),
                ),
                FrameFrozen(
                    county=COUNTY,
                    campaign=name,
                    frame=f"F{name[1:]}",
                    lead=LEAD,
                    agencies=world.AGENCIES,
                    entities=len(targets),
                    frame_digest=world.DIGEST,
                    document=blob(b"frame", "drawer", content_type="text/plain"),
                    rosters=blob(b"{}", "drawer"),
                    annex=blob(annex.encode(), "results"),
                ),
            ],
        )
        yield (
            "drawer",
            [
                opened(name),
                DrawCompleted(
                    county=COUNTY,
                    campaign=name,
                    draw=draw_id(name),
                    attempt=1,
                    lead=LEAD,
                    agencies=world.AGENCIES,
                    purpose=Purpose.REHEARSAL,
                    visits=PER_CAMPAIGN,
                    sections=2 * PER_CAMPAIGN,
                    visits_root=world.DIGEST,
                    result_digest=world.DIGEST,
                    disclose_at=world.shanghai("2018-12-21"),
                    work=blob(work.encode(), "results", "notifier"),
                ),
            ],
        )


def _drawn(campaign: str) -> tuple[tuple[AnnexTarget, ...], WorkList]:
    """Draw a target and two teams for each visit of a campaign."""
    first = world.annex().targets[0]
    targets, visits = list[AnnexTarget](), list[WorkVisit]()
    for number, visit in enumerate(visits_of(campaign), start=1):
        name = f"T-{campaign[-3:]}{number:02}"
        targets.append(first.model_copy(update={"target": name, "uscc": name}))
        teams = tuple(
            WorkTeam(agency=agency, items=(f"{agency}-1",), officers=world.team_of(agency, number))
            for agency in (PARTNER, LEAD)
        )
        visits.append(WorkVisit(visit=visit, target=name, stratum="ALL.KY", ticket_rank=number, teams=teams))
    return tuple(targets), WorkList(campaign=campaign, draw=draw_id(campaign), visits=tuple(visits))
