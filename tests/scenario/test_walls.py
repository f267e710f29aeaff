"""
Every route as everybody: a person of every role of the lead, of a partner and of an agency without a part, the witness,
the county's administrator, and nobody.

The county stands in the third day of inspections: nothing is disclosed, some results are approved and some are not.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pytest
from httpx import Response
from structlog.testing import capture_logs

from onevisit.demo.papers import FOLDER
from onevisit.demo.story import PHOTO
from runtime.files.sheets import read_sheets
from schemas.vocabulary import Role
from services.results.tables import Referral, Section
from tests.scenario.marks import Marks, collect, joined, origins
from tests.scenario.playing import Played, copied
from tests.scenario.town import LEAD, OFFICE, PARTNER, UNRELATED, WITNESS, Person, Town, paths
from tests.scenario.watch import Watch

FULL_EDITION = {Role.SUPERVISOR, Role.DRAW_OFFICER}  # of the lead: JIDRAW/1 section 3

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("walls"), pytest.mark.timeout(600)]

ADDRESS = "http://127.0.0.1"


RUNS = re.compile(r"[\u3000-\u9fff\uff00-\uffef0-9A-Z〔〕（）-]+")
TOKENS = re.compile(r"[0-9A-Za-z_-]{8,}")


class Words:
    """A text cut down to what could be a mark."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = set(TOKENS.findall(text))
        self._tokens |= origins(token for token in self._tokens if len(token) >= 20)
        self._runs = "\n".join(run for run in RUNS.findall(text) if not run.isascii() or run.isdigit())

    def marks(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return those of *wanted* that stand in the text."""
        return {mark: what for mark, what in wanted.items() if self._holds(mark)}

    def _holds(self, mark: str) -> bool:
        if TOKENS.fullmatch(mark):
            return mark in self._tokens
        return mark in (self._runs if RUNS.fullmatch(mark) else self._text)


@dataclass(frozen=True)
class Seen:
    """What somebody was shown."""

    line: str
    path: str
    response: Response

    @cached_property
    def words(self) -> Words:
        """Cut down what was shown; a refusal may repeat what it was asked for."""
        text = self.response.text
        if self.response.status_code >= 400:
            for asked in self.path.split("/"):
                text = text.replace(asked, "") if len(asked) > 12 else text
        return Words(text)


@dataclass(frozen=True)
class Walk:
    """What everybody was shown at every route that reads, and what was written meanwhile."""

    seen: Mapping[str, list[Seen]]  # person → …
    before: Mapping[str, Mapping[str, str]]  # service → table → digest
    after: Mapping[str, Mapping[str, str]]
    written: frozenset[str]  # services whose database somebody has written to, plumbing and all


@pytest.fixture(scope="module")
def the_walk(town: Town) -> Walk:
    """Everybody's way past every route that reads."""
    before, watch = town.system.state(), Watch(town)
    try:
        seen = walk(town, town.people)
        return Walk(seen, before, town.system.state(), frozenset(watch.changed()))
    finally:
        watch.close()


@pytest.fixture(scope="module")
def walked(the_walk: Walk) -> Mapping[str, list[Seen]]:
    """What everybody was shown at every route that reads: {person: …}."""
    return the_walk.seen


def walk(town: Town, people: Iterable[Person]) -> dict[str, list[Seen]]:
    """Send *people* to every route that reads."""
    fills = town.fills()
    found: dict[str, list[Seen]] = {}
    with capture_logs():
        for person in people:
            seen = found.setdefault(person.name, [])
            for line, access in town.lines.items():
                if not line.startswith("GET "):
                    continue
                # Who is refused is refused by the table before any id is looked at: one path is enough.
                here = paths(line, fills) if person.may_pass(access) else paths(line, fills)[:1]
                for path in here:
                    seen.append(Seen(line, path, person.client.http.get(path, follow_redirects=False)))
    return found


# ── the access table ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_town_is_complete(town: Town) -> None:
    for agency in (LEAD, PARTNER, UNRELATED):
        held = {role for person in town.people if person.agency == agency for role in person.roles}
        assert held == set(Role) - {Role.WITNESS, Role.COUNTY_ADMIN}, agency
    assert {person.agency for person in town.people} == {LEAD, PARTNER, UNRELATED, WITNESS, OFFICE, ""}
    assert sum(not access.public for access in town.lines.values()) > 100


def test_who_is_refused_by_the_table_is_refused_and_nobody_else(town: Town, walked: Mapping[str, list[Seen]]) -> None:
    wrong = []
    for person in town.people:
        for seen in walked[person.name]:
            right = _as_the_table_says(person, seen, person.may_pass(town.lines[seen.line]))
            if not right:
                wrong.append(f"{person.name} {seen.line}: {seen.response.status_code}")

    assert wrong == []


def _as_the_table_says(person: Person, seen: Seen, may_pass: bool) -> bool:
    response, api = seen.response, seen.line.startswith("GET /api/")
    if may_pass:
        to_sign_in = response.headers.get("location", "").startswith("/sign-in")
        return "web.role_missing" not in response.text and response.status_code != 401 and not to_sign_in
    if person.actor is None:
        return response.status_code == 401 if api else response.headers.get("location", "").startswith("/sign-in")
    return response.status_code == 403 and "web.role_missing" in response.text


def test_who_only_reads_changes_nothing(the_walk: Walk) -> None:
    assert sum(len(seen) for seen in the_walk.seen.values()) > 2_000
    assert the_walk.after == the_walk.before
    assert the_walk.written == set()


def test_no_route_breaks_for_anybody(walked: Mapping[str, list[Seen]]) -> None:
    broken = [
        f"{name} {seen.path}" for name, shown in walked.items() for seen in shown if seen.response.status_code >= 500
    ]

    assert broken == []


def test_every_route_that_reads_answers_somebody(walked: Mapping[str, list[Seen]]) -> None:
    """A control: with ids that nobody could use, everything would be refused and nothing tested."""
    answered = {seen.line for shown in walked.values() for seen in shown if seen.response.status_code in (200, 303)}
    asked = {seen.line for shown in walked.values() for seen in shown}
    silent = {
        "GET /assets/{name:path}",  # a file that is not there: files are not asked who they are for
        "GET /campaigns/{campaign_id}/edit",  # proposed long ago
        "GET /campaigns/{campaign_id}/confirm",
        "GET /campaigns/{campaign_id}/draw",
        "GET /campaigns/{campaign_id}/rehearsal/{file}",  # nobody rehearses (tests/pages/test_rehearsal_pages.py)
        "GET /public/draws/{draw_id}",  # nothing is disclosed
        "GET /public/draws/{draw_id}/archive.zip",
        "GET /public/draws/{draw_id}/faults/{number}/evidence",  # nothing went wrong (tests/unit/drawer_service/test_faults.py)
        "GET /public/draws/{draw_id}/frame.tsv",
        "GET /public/draws/{draw_id}/import.json",  # of draws made elsewhere (tests/scenario/test_imported.py)
        "GET /public/draws/{draw_id}/keys.json",
        "GET /public/draws/{draw_id}/record.json",
        "GET /public/draws/{draw_id}/visits",  # the plan says "window" (tests/scenario/test_sealed.py)
        "GET /public/draws/{draw_id}/visits.json",
        "GET /public/draws/{draw_id}/visits/{visit_id}",
        "GET /public/draws/{draw_id}/visits/{visit_id}/proof.json",
        "GET /public/draws/{draw_id}/why",
        "GET /public/draws/{draw_id}/why.json",
        "GET /public/results/{campaign_id}",  # nothing is published
        "GET /api/drawer/v1/draws/{draw_id}/record",
        "GET /api/drawer/v1/draws/{draw_id}/frame",  # for bodies that keep their key; here the server keeps all of them
        "GET /api/drawer/v1/draws/{draw_id}/papers",
        "GET /draws/{draw_id}/archive.zip",
        "GET /draws/{draw_id}/dice/photo",  # nobody took one
        "GET /draws/{draw_id}/faults/{number}/evidence",
        "GET /api/drawer/v1/draws/{draw_id}/faults/{number}/evidence",
        "GET /draws/{draw_id}/rounds/{number}",  # nothing is replaced (tests/scenario/test_sealed.py)
        "GET /api/drawer/v1/draws/{draw_id}/import",  # drawn here (tests/pages/test_imports_by_key.py)
        "GET /api/drawer/v1/draws/{draw_id}/import/evidence",
        "GET /api/drawer/v1/draws/{draw_id}/import/list",
        "GET /draws/{draw_id}/import/correct",
        "GET /draws/{draw_id}/import/evidence",
        "GET /draws/{draw_id}/import/list",
        "GET /draws/{draw_id}/changes/{change_id}/evidence",
        "GET /api/drawer/v1/draws/{draw_id}/changes/{change_id}/evidence",
        "GET /api/results/v1/referrals/{referral_id}/scans/{scan_id}",  # nobody has sent one yet
        "GET /referrals/{referral_id}/scans/{scan_id}",
    }

    assert asked - answered <= silent


# ── what stands in the answers ──────────────────────────────────────────────────────────────────────────────────────


def told(seen: Iterable[Seen], forbidden: Mapping[str, str]) -> set[str]:
    """Name what was told that should not have been: ``route: what``."""
    return {f"{one.line}: {what}" for one in seen for what in one.words.marks(forbidden).values()}


def without(marks: Mapping[str, str], *allowed: Mapping[str, str]) -> dict[str, str]:
    """Take allowed marks away."""
    let = joined(allowed)
    return {mark: what for mark, what in marks.items() if mark not in let}


def known_firms(town: Town, marks: Marks, person: Person) -> dict[str, str]:
    """Return the drawn firms that somebody may know, before disclosure."""
    return joined(own for visit, own in marks.drawn.items() if person.may_know(marks, town.teams, visit))


def own_writing(town: Town, marks: Marks, person: Person) -> dict[str, str]:
    """Return what somebody may read of their own agency's sections."""
    return joined(
        own
        for section, own in marks.written.items()
        if section.endswith(f"-{person.agency}") and person.may_know(marks, town.teams, section.rsplit("-", 1)[0])
    )


def handed_over(marks: Marks, *packages: tuple[str, int]) -> dict[str, str]:
    """Return what a referral's package holds: an agency's section at the n-th firm of the story, and the firm."""
    found: dict[str, str] = {}
    for agency, kind in packages:
        for section, own in marks.written.items():
            findings = [mark for mark, what in own.items() if what.startswith("finding")]
            if section.endswith(f"-{agency}") and any(FOUND[kind] in text for text in findings):
                found |= {**own, **marks.drawn[section.rsplit("-", 1)[0]]}
    assert found
    return found


FOUND = ("驾驶员不能出示", "营业执照登记住所", "疏散通道被货物堵塞", "两次上门均无人")
DRIVER, ADDRESS_WRONG, FIRE_EXIT, CLOSED_DOOR = range(4)
DESKS = {LEAD: ((LEAD, DRIVER), (LEAD, CLOSED_DOOR), ("AJ", FIRE_EXIT)), PARTNER: ((LEAD, DRIVER),)}
"""Whose packages lie at the agencies of the town: what they handed over themselves, and what was handed to them."""
ANSWERING = frozenset({Role.PLANNER, Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD})
"""Who may do a step of a referral."""


def handed_to(town: Town, marks: Marks, person: Person) -> dict[str, str]:
    """Return what somebody may read of referrals before disclosure: by their role, or because they know the target."""
    return joined(
        {**marks.written[section], **marks.drawn[section.rsplit("-", 1)[0]]}
        for section in sections_handed_to(town, marks, person)
    )


def sections_handed_to(town: Town, marks: Marks, person: Person) -> list[str]:
    """Name the sections of which somebody may read, before disclosure, what was handed over."""
    found = [section_of(marks, package) for package in DESKS.get(person.agency, ())]
    return [
        section
        for section in found
        if person.roles & ANSWERING or person.may_know(marks, town.teams, section.rsplit("-", 1)[0])
    ]


def section_of(marks: Marks, package: tuple[str, int]) -> str:
    """Name the section in which an agency found something."""
    agency, kind = package
    (section,) = [
        section
        for section, own in marks.written.items()
        if section.endswith(f"-{agency}")
        and any(what.startswith("finding") and FOUND[kind] in mark for mark, what in own.items())
    ]
    return section


def test_the_search_finds_every_kind_of_mark(marks: Marks) -> None:
    everything = joined([marks.people, marks.firms, marks.all_written(), marks.secrets, marks.draw])
    page = "<td>" + "</td><td>".join(everything) + "</td>"

    assert Words(page).marks(everything) == everything
    assert Words("平罗县交通运输局 2018-12-13 V-640221-2018-001-03").marks(everything) == {}


def test_every_kind_of_answer_is_a_mark_and_is_shown_to_its_own_agency(
    town: Town, marks: Marks, walked: Mapping[str, list[Seen]]
) -> None:
    """A control: those who may read a section are shown its yes and no, its choices and its numbers."""
    written = marks.all_written()
    kinds = {"yes": r"(yes|no)〔", "choice": r"(相符|齐全|不涉及|无变更|有|是)〔", "number": r"77[0-9]{10}"}
    for agency in (LEAD, PARTNER):
        shown = [one for person in town.people if person.agency == agency for one in walked[person.name]]
        found = told(shown, {mark: mark for mark in written if written[mark].endswith(f"-{agency}")})
        for kind, pattern in kinds.items():
            mine = {mark for mark in written if written[mark].endswith(f"-{agency}") and re.match(pattern, mark)}
            assert (kind, bool(mine)) == (kind, any(re.search(f": {pattern}", one) for one in found)), agency
    assert {kind for kind, pattern in kinds.items() if any(re.match(pattern, mark) for mark in written)} == set(kinds)


def salts_for(person: Person, secret: Mapping[str, str]) -> dict[str, str]:
    """Choose the salts that somebody may show a visited firm: an officer's own, and the desk's of its own officers."""
    desk = person.roles & {Role.TEAM_LEAD, Role.APPROVER, Role.AGENCY_HEAD}
    whose = (
        r"(?!ρ)\S+" if desk else re.escape(person.actor.officer) if person.actor and person.actor.officer else "nobody"
    )
    return {mark: what for mark, what in secret.items() if re.fullmatch(f"salt of {whose} in .*/{person.agency}", what)}


def test_nobody_is_told_a_secret(town: Town, marks: Marks, walked: Mapping[str, list[Seen]]) -> None:
    secret = joined([marks.secrets, marks.draw])

    assert walked.keys() == {person.name for person in town.people}
    for person in town.people:
        assert told(walked[person.name], without(secret, salts_for(person, secret))) == set(), person.name
    assert any(told(walked[person.name], salts_for(person, secret)) for person in town.people), "a control"


def test_who_has_no_part_sees_nothing_of_it(town: Town, marks: Marks, walked: Mapping[str, list[Seen]]) -> None:
    everything = joined([marks.people, marks.firms, marks.all_written()])
    campaign = {
        "平交联查〔2018〕1号": "number",
        "平罗县道路运输行业跨部门联合随机抽查": "title",
        "C-640221-2018-001": "id",
    }

    for person in town.people:
        if person.agency == UNRELATED:
            seen = walked[person.name]
            assert told(seen, everything) == set(), person.name
            asked = [
                one
                for one in seen
                if "rulepacks" not in one.line
                and one.line != "GET /campaigns/new"
                and not one.line.startswith("GET /public/draws")
            ]  # the pack names the campaign's plan as a source, the form's hints show what such names look like, and what
            # binds the draw's bodies and shows nobody is everybody's at once (JIDRAW/1 section 13)
            assert told(asked, campaign) == set(), person.name


def test_nobody_in_particular_sees_nothing(town: Town, marks: Marks, walked: Mapping[str, list[Seen]]) -> None:
    everything = joined([marks.people, marks.firms, marks.all_written()])

    assert told(walked["anonymous"], everything) == set()


def test_the_witness_sees_neither_people_nor_firms(town: Town, marks: Marks, walked: Mapping[str, list[Seen]]) -> None:
    everything = joined([marks.people, marks.firms, marks.all_written()])

    assert told(walked["gz-witness"], everything) == set()


def test_the_county_administrator_sees_accounts_and_no_inspection(
    town: Town, marks: Marks, walked: Mapping[str, list[Seen]]
) -> None:
    names = {text for file in FOLDER.glob("inspectors-*") for text in _column(file.name, "姓名")}
    everything = joined([without(marks.people, dict.fromkeys(names, "")), marks.firms, marks.all_written()])

    assert told(walked["county-admin"], everything) == set()


def _column(name: str, heading: str) -> list[str]:
    sheet = read_sheets((FOLDER / name).read_bytes(), name)[0]
    head, *rows = sheet.rows
    return [row.text(head.texts.index(heading)) for row in rows]


def test_a_partner_sees_what_is_its_own_or_was_handed_to_it(
    town: Town, marks: Marks, walked: Mapping[str, list[Seen]]
) -> None:
    recused = dict.fromkeys(_column_of_sheet("inspectors-GA.xlsx", "名称", "统一社会信用代码"), "")
    everything = joined([marks.people, marks.firms, marks.all_written()])
    signed = {mark: what for mark, what in marks.officers[LEAD].items() if not mark.isdigit()}  # the record

    for person in town.people:
        if person.agency == PARTNER:
            own = [known_firms(town, marks, person), own_writing(town, marks, person), marks.officers[PARTNER], recused]
            package = handed_to(town, marks, person)
            handed = [one for one in walked[person.name] if "/referrals/" in one.line]
            others = [one for one in walked[person.name] if "/referrals/" not in one.line]
            assert told(others, without(everything, *own)) == set(), person.name
            allowed = [package, signed] if package else []
            assert told(handed, without(everything, *allowed, *own)) == set(), person.name


def test_the_lead_sees_no_answer_of_a_partner(town: Town, marks: Marks, walked: Mapping[str, list[Seen]]) -> None:
    """Not even of approved sections; but what was handed to the lead's desk because nobody else is competent."""
    partners = joined(own for section, own in marks.written.items() if not section.endswith(f"-{LEAD}"))
    phones = {mark: what for own in marks.officers.values() for mark, what in own.items() if mark.isdigit()}

    for person in town.people:
        if person.agency == LEAD:
            queue = handed_to(town, marks, person)
            forbidden = joined([without(partners, queue), without(phones, marks.officers[LEAD])])
            assert told(walked[person.name], forbidden) == set(), person.name


def test_until_disclosure_a_target_is_known_to_those_the_plan_names(
    town: Town, marks: Marks, walked: Mapping[str, list[Seen]]
) -> None:
    registers = ("GET /registers/{kind}", "GET /api/planner/v1/registers/{kind}")  # the lead's own 110 entities
    recused = dict.fromkeys(_column_of_sheet("inspectors-GA.xlsx", "名称", "统一社会信用代码"), "")
    knows = []
    for person in town.people:
        known = known_firms(town, marks, person)
        knows.append(len(known))
        allowed = [known, handed_to(town, marks, person), recused if person.agency == PARTNER else {}]
        forbidden = without(joined(marks.drawn.values()), *allowed)
        seen = [one for one in walked[person.name] if one.line not in registers]
        assert told(seen, forbidden) == set(), person.name

    everything = len(joined(marks.drawn.values()))
    assert {0, everything} < set(knows), "some know all, some know nothing, and some know their own"


def _column_of_sheet(name: str, *headings: str) -> set[str]:
    found: set[str] = set()
    for sheet in read_sheets((FOLDER / name).read_bytes(), name)[1:]:
        head, *rows = sheet.rows
        found |= {row.text(head.texts.index(heading)) for row in rows for heading in headings}
    return found


def test_a_photo_is_shown_to_its_own_agency_and_to_whom_it_was_handed(
    town: Town, marks: Marks, walked: Mapping[str, list[Seen]]
) -> None:
    shown = {
        (person.name, one.response.content.removeprefix(PHOTO).decode())
        for person in town.people
        for one in walked[person.name]
        if one.response.content.startswith(PHOTO)
    }

    assert shown, "nobody was shown a photo: the test shows nothing"
    for name, section in shown:
        person, visit = town.person(name), section.rsplit("-", 1)[0]
        own = section.endswith(f"-{person.agency}") and person.may_know(marks, town.teams, visit)
        assert own or section in sections_handed_to(town, marks, person), (name, section)
    given = {(town.person(name).agency, section.rsplit("-", 1)[1]) for name, section in shown}
    assert given >= {(PARTNER, LEAD), (LEAD, "AJ")}, "what was handed over is shown to somebody"


def test_before_disclosure_who_has_no_part_in_a_referral_sees_how_it_stands_and_nothing_else(
    town: Town, marks: Marks, walked: Mapping[str, list[Seen]]
) -> None:
    """A control: the number, the state, the kind and the clocks are there for the whole agency."""
    results = town.system.services["results"]
    with results.db.read(results.system) as session:
        leg = session.query(Referral).filter_by(sender=LEAD, receiver=PARTNER).one()
        number, target = leg.referral, leg.visit
    assert section_of(marks, (LEAD, DRIVER)) == f"{target}-{LEAD}"
    outside = [
        person
        for person in town.people
        if person.agency == PARTNER and not person.roles & ANSWERING and not person.may_know(marks, town.teams, target)
    ]
    held = {role for person in outside for role in person.roles}
    assert held >= {Role.SUPERVISOR, Role.DRAW_OFFICER, Role.VIEWER, Role.AGENCY_ADMIN}
    for person in outside:
        seen = {one.path: one for one in walked[person.name]}
        view = seen[f"/api/results/v1/referrals/{number}"].response.json()
        assert (view["referral"], view["state"], view["kind"]) == (number, "received", "driver_licence_mismatch")
        assert view["dues"]["answer"]["due_on"], person.name
        assert seen[f"/referrals/{number}"].response.status_code == 200
        behind = [
            one
            for path, one in seen.items()
            if f"/referrals/{number}/" in path and ("/letter" in path or "/evidence/" in path)
        ]
        assert {one.response.status_code for one in behind} == {404}, person.name
        assert len(behind) >= 4


def test_the_lead_sees_progress_of_every_agency(town: Town, walked: Mapping[str, list[Seen]]) -> None:
    """A control: the wall is not simply shut."""
    results = town.system.services["results"]
    with results.db.read(results.system) as session:
        sections = {row.id for row in session.query(Section)}
    (page,) = [seen for seen in walked["jt-plan"] if seen.path == "/api/results/v1/visits"]

    assert {each["section"] for visit in page.response.json()["visits"] for each in visit["sections"]} == sections
    (page,) = [seen for seen in walked["ga-plan"] if seen.path == "/api/results/v1/visits"]
    shown = {each["section"] for visit in page.response.json()["visits"] for each in visit["sections"]}
    assert shown == {section for section in sections if section.endswith(f"-{PARTNER}")}


# ── after disclosure ────────────────────────────────────────────────────────────────────────────────────────────────


def test_when_all_is_public_answers_people_and_keys_are_not(
    undisturbed: Played, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with capture_logs(), copied(undisturbed.home, tmp_path_factory.mktemp("after") / "home") as system:
        town, marks = Town(system), collect(system)
        walked = walk(town, town.people)
    kept = ("secret of", "signing key", "salt", "password", "master", "sealing key", "hash", "session")
    secret = {mark: what for mark, what in joined([marks.secrets, marks.draw]).items() if what.startswith(kept)}
    phones = {mark: what for mark, what in marks.people.items() if mark.isdigit()}
    rho = {mark: what for mark, what in secret.items() if what.startswith("salt of ρ")}  # of the full edition
    readers = {person.name for person in town.people if person.agency == LEAD and person.roles & FULL_EDITION}
    handed = {
        LEAD: [handed_over(marks, ("AJ", FIRE_EXIT)), marks.officers[LEAD], *own_firms(marks)],
        PARTNER: [handed_over(marks, (LEAD, DRIVER)), marks.officers[PARTNER]],
    }

    assert {role for person in town.people for role in person.roles} == set(Role)
    for person in town.people:
        own = joined(each for section, each in marks.written.items() if section.endswith(f"-{person.agency}"))
        heard = joined(marks.decisions.values())  # by the lead all; by a receiver what it decided itself
        decided = (
            heard
            if person.agency == LEAD
            else {text: "" for text in heard if person.agency == PARTNER and "立案" in text}
        )
        forbidden = joined([secret, phones, marks.all_written()])
        visited = [marks.drawn[visit] for visit, team in town.teams.items() if person.on(team)]  # whom to call there
        allowed = [own, decided, *visited, *handed.get(person.agency, []), *([rho] if person.name in readers else [])]
        allowed.append(salts_for(person, secret))
        assert told(walked[person.name], without(forbidden, *allowed)) == set(), person.name
    assert len(readers) == 2
    for name in readers:
        assert told(walked[name], rho), "the full edition opens the rosters"
    read = [one for one in walked["ga-super"] if one.line == "GET /referrals/{referral_id}"]
    assert told(read, handed_over(marks, (LEAD, DRIVER))), (
        "the window is over: the whole agency reads what it was handed"
    )
    shown = [one for one in walked["anonymous"] if one.line == "GET /public/results/{campaign_id}"]
    assert told(shown, joined(marks.drawn.values())), "the firms are public now: the test sees them"


def own_firms(marks: Marks) -> list[dict[str, str]]:
    """Return what the lead's own register says of its entities' people."""
    officers = joined(marks.officers.values())
    return [{mark: what for mark, what in marks.people.items() if mark not in officers}]
