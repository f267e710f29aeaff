"""
Every route that writes, as everybody whom it refuses: the answer says what is wrong, and nothing has been written.

Whether anything was written is asked of the databases themselves: SQLite counts what other connections commit. Every answer
is searched for what whoever got it must not know, like those of routes that read (`test_walls`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from httpx import Response
from structlog.testing import capture_logs

from schemas.vocabulary import Role
from tests.scenario.marks import Marks, joined
from tests.scenario.test_walls import Seen, handed_to, known_firms, own_writing, told, without
from tests.scenario.town import LEAD, OFFICE, PARTNER, UNRELATED, Person, Town, paths
from tests.scenario.watch import Watch

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("walls"), pytest.mark.timeout(600)]

ORIGIN = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
CHINESE = re.compile(r"[\u4e00-\u9fff]{4}")
NEXT_STEP = re.compile("请|须|应|先|才|只|可以|由|联系|核对|返回|改")
FORM_AGAIN = re.compile(
    'class="ov-alert ov-alert-bad" role="alert"'
)  # the form as it was filled in, with what is wrong beside it
OWN_BUSINESS = {  # one's own session, language or password: nobody else's rows, and no command behind the first two
    "POST /sign-in",
    "POST /sign-out",
    "POST /lang",
    "POST /api/console/v1/sign-in",
    "POST /api/console/v1/sign-out",
}
READ_MARKS = {  # one's own notices are read; whose they are not does nothing
    "POST /notices/read-all",
    "POST /api/notifier/v1/notices/read-all",
}
CONTROLS = {"POST /api/demo/v1/relays", "POST /api/demo/v1/clock/go-real", "POST /api/demo/v1/clock"}
MALFORMED: Mapping[str, bytes] = {
    "cut off": b'{"title": "\xe5\xb9\xb3',
    "no object": b'["a", "b"]',
    "a text": b'"a"',
    "nothing": b"null",
    "wrong kinds": json.dumps(
        {name: {"x": [1]} for name in ("agency", "login", "day", "reason", "to", "answers")}
    ).encode(),
    "control characters": json.dumps(dict.fromkeys(("agency", "login", "day", "text"), "a\x00b\u202e")).encode(),
    "deep": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "a huge number": b'{"planned": ' + b"9" * 5_000 + b"}",
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


HEARD: list[tuple[Person, Seen]] = []
"""What everybody was answered in the test that runs."""


@pytest.fixture(autouse=True)
def _nobody_was_told(town: Town, marks: Marks) -> Iterator[None]:
    """Look, after each test, for what somebody was told in refusing them."""
    HEARD.clear()
    yield
    assert HEARD, "nobody was asked anything"
    assert leaks(town, marks, HEARD) == set()


def leaks(town: Town, marks: Marks, heard: Iterable[tuple[Person, Seen]]) -> set[str]:
    """Name what people were told that they must not know: ``who: route: what``."""
    by_person: dict[str, list[Seen]] = {}
    for person, seen in heard:
        by_person.setdefault(person.name, []).append(seen)
    return {
        f"{name}: {what}"
        for name, seen in by_person.items()
        for what in told(seen, hidden_from(town, marks, town.person(name)))
    }


def hidden_from(town: Town, marks: Marks, person: Person) -> dict[str, str]:
    """Return what somebody must not be told before disclosure: all but their own, and what was handed to them."""
    everything = joined([marks.secrets, marks.draw, marks.people, marks.firms, marks.all_written()])
    own = [known_firms(town, marks, person), own_writing(town, marks, person), handed_to(town, marks, person)]
    if person.agency in (LEAD, PARTNER):
        own.append(dict(marks.officers[person.agency]))
    if person.agency == LEAD:  # its own register of 110 entities
        others = joined(each for agency, each in marks.officers.items() if agency != LEAD)
        own += [without(marks.people, others), without(marks.firms, *marks.drawn.values())]
    if person.agency == OFFICE:  # which officer is which account
        own.append({mark: what for mark, what in marks.people.items() if what == "person: 姓名"})
    return without(everything, *own)


@pytest.fixture
def watch(town: Town) -> Iterator[Watch]:
    """Whether anything is written in the town."""
    one = Watch(town)
    yield one
    one.close()


def writing(town: Town) -> list[str]:
    """List the routes that write."""
    return [line for line in town.lines if line.startswith("POST ")]


def api(line: str) -> bool:
    """Tell whether a route answers programs."""
    return line.startswith("POST /api/")


def post(
    person: Person, line: str, path: str, *, csrf: bool = True, key: bool = True, body: bytes | None = None
) -> Response:
    """Send what such a route takes: JSON for programs, a form for people."""
    headers = dict(ORIGIN)
    if csrf and person.actor:
        headers["X-CSRF-Token"] = person.client.csrf
    if key:
        headers["Idempotency-Key"] = f"refused {line}".replace(" ", "-")
    kind = "application/json" if api(line) else "application/x-www-form-urlencoded"
    content = body if body is not None else (b"{}" if api(line) else b"")
    found: Response = person.client.http.post(
        path, content=content, headers={**headers, "Content-Type": kind}, follow_redirects=False
    )
    HEARD.append((person, Seen(line, path, found)))
    return found


def assert_says_what_to_do(response: Response, told: str) -> None:
    """Hold a refusal to its form: a Chinese sentence, a code, and what to do next."""
    assert 400 <= response.status_code < 500, (told, response.status_code, response.text[:500])
    if response.headers["content-type"].startswith("application/problem+json"):
        problem = response.json()
        assert CHINESE.search(problem["title"]), told
        assert problem["title_en"], told
        assert NEXT_STEP.search(problem["title"] + problem["detail"]), (told, problem)
        assert problem["code"] not in problem["title"], told
        assert problem["code"].count(".") >= 1 or problem["code"] in ("not_found", "stale", "conflict", "not_yet"), told
    else:
        assert CHINESE.search(response.text), told
        code = re.search(r"<code>[a-z_]+(\.[a-z_]+)*</code>", response.text)
        assert code or FORM_AGAIN.search(response.text), (told, response.text[-1500:])


def test_who_lacks_the_role_is_refused_before_anything_else(town: Town, watch: Watch) -> None:
    """Even without token, key or a body that could be read."""
    fills, tried = town.fills(), 0
    of_each_kind = {person.roles: person for person in town.people}  # the table looks at roles, and at nothing else
    for person in of_each_kind.values():
        for line in writing(town):
            if person.may_pass(town.lines[line]):
                continue
            answer = post(person, line, paths(line, fills)[0], csrf=False, key=False, body=b"{")
            tried += 1
            if person.actor is None:
                assert answer.status_code == (401 if api(line) else 303), line
            else:
                assert answer.status_code == 403, (person.name, line)
                assert "web.role_missing" in answer.text, (person.name, line)

    assert watch.changed() == set()
    assert len(of_each_kind) > len(Role)
    assert tried > 700


def somebody_for(town: Town, line: str, agency: str | None = None) -> Person | None:
    """Find somebody whom the table lets pass."""
    return next(
        (
            person
            for person in town.people
            if person.actor and person.may_pass(town.lines[line]) and agency in (None, person.agency)
        ),
        None,
    )


def test_without_its_token_no_form_is_taken(town: Town, watch: Watch) -> None:
    fills = town.fills()
    for line in writing(town):
        person = somebody_for(town, line)
        assert person is not None, line
        answer = post(person, line, paths(line, fills)[0], csrf=False)
        assert answer.status_code == 403, line
        assert "web.form_expired" in answer.text, line
        assert_says_what_to_do(answer, line)

    assert watch.changed() == set()


def test_from_another_site_no_form_is_taken(town: Town, watch: Watch) -> None:
    fills = town.fills()
    for line in writing(town):
        person = somebody_for(town, line)
        assert person is not None, line
        headers = {"X-CSRF-Token": person.client.csrf, "Origin": "https://evil.example", "Idempotency-Key": "x"}
        path = paths(line, fills)[0]
        answer = person.client.http.post(path, headers=headers, content=b"{}")
        HEARD.append((person, Seen(line, path, answer)))
        assert answer.status_code == 403, line
        assert "web.foreign_origin" in answer.text, line

    assert watch.changed() == set()


def test_without_its_key_nothing_is_done(town: Town, watch: Watch) -> None:
    fills = town.fills()
    others = set()
    for line in sorted(set(writing(town)) - OWN_BUSINESS):
        person = somebody_for(town, line)
        assert person is not None, line
        answer = post(person, line, paths(line, fills)[0], key=False)
        if not (answer.status_code == 400 and "idempotency.key_missing" in answer.text):
            others.add(line)
            continue
        assert_says_what_to_do(answer, line)

    assert watch.changed() == set()
    assert others == set()


def test_an_agency_without_a_part_changes_nothing_of_it(town: Town, watch: Watch) -> None:
    """With token, key and real ids: every step of every campaign, draw, visit, section and referral is refused."""
    fills, tried = town.fills(), 0
    for line in writing(town):
        if "{" not in line or line in READ_MARKS or "{kind}" in line:
            continue
        for person in town.people:
            if person.agency != UNRELATED or not person.may_pass(town.lines[line]):
                continue
            for path in paths(line, fills):
                answer = post(person, line, path)
                tried += 1
                assert_says_what_to_do(answer, f"{person.name} {path}")
            assert watch.changed() == set(), (person.name, line)

    assert tried > 100


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_body_that_cannot_be_understood_is_refused_with_words(kind: str, town: Town, watch: Watch) -> None:
    """As somebody who may: what has a body is refused for it, and what needs none is asked for ids that are not there."""
    for line in writing(town):
        if line in CONTROLS or "/sign-" in line:
            continue
        person = somebody_for(town, line)
        assert person is not None, line
        path = re.sub(r"\{\w+\}", "X-640221-2018-999", line.split(" ", 1)[1])
        answer = post(person, line, path, body=MALFORMED[kind])
        if line in READ_MARKS and answer.status_code < 400:  # takes no body, and nobody else's notices
            watch.changed()
            continue
        assert_says_what_to_do(answer, f"{kind}: {line}")

    assert watch.changed() == set()


@pytest.mark.parametrize("kind", MALFORMED)
def test_nor_is_one_for_what_is_there(kind: str, town: Town, watch: Watch) -> None:
    """The same with real ids, at routes that take a body."""
    fills = town.fills()
    for line in ("/schedule", "/answers", "/unit", "/return", "/decide", "/route", "/dice", "/draft"):
        for route in [one for one in writing(town) if one.endswith(line)]:
            person = somebody_for(town, route, "JT") or somebody_for(town, route)
            assert person is not None
            for path in paths(route, fills)[:4]:
                answer = post(person, route, path, body=MALFORMED[kind])
                assert_says_what_to_do(answer, f"{kind}: {path}")
            assert watch.changed() == set(), (kind, route)


NO_FILE = (b"", b"PK\x03\x04 no workbook", b"\x00" * 64, b"<html>", b"=cmd|' /C calc'!A0,\xff\xfe")


def test_a_file_that_is_none_is_refused_with_words(town: Town, watch: Watch) -> None:
    """Each of them everywhere once; where there are several of a kind, one of them at the others too."""
    fills = town.fills()
    uploads = [
        line for line in writing(town) if re.search(r"imports|registers|/evidence$|/scans$|rulepacks|calendars", line)
    ]
    assert len(uploads) >= 6
    for line in uploads:
        person = somebody_for(town, line, "JT") or somebody_for(town, line)
        assert person is not None, line
        first, *others = paths(line, fills)
        tries = [*((first, content) for content in NO_FILE), *((path, NO_FILE[1]) for path in others[:4])]
        for path, content in tries:
            answer = upload(person, line, path, content)
            if answer.status_code == 200 and not api(line):  # a page that shows what is wrong, row by row
                assert CHINESE.search(answer.text)
            else:
                assert_says_what_to_do(answer, f"{path} {content[:12]!r}")
            assert watch.changed() == set(), (path, content)


def upload(person: Person, line: str, path: str, content: bytes) -> Response:
    """Send a file as such a route takes it: bare, or as the field of a form."""
    headers = {
        **ORIGIN,
        "X-CSRF-Token": person.client.csrf,
        "Idempotency-Key": f"file-{len(content)}-{line}".replace(" ", ""),
    }
    bare = {"content": content}
    sent: dict[str, Any] = {"files": {"file": ("x.xlsx", content, "application/octet-stream")}}
    if "rulepacks" in line or "calendars" in line:
        sent = bare
    found: Response = person.client.http.post(path, headers=headers, follow_redirects=False, **sent)
    HEARD.append((person, Seen(line, path, found)))
    return found


def test_a_control_what_is_allowed_is_written(town: Town, watch: Watch) -> None:
    """The watch sees a write: an officer's own notice is read."""
    person = town.person("jt-plan")
    (notice, *_) = person.client.api("GET", "/api/notifier/v1/notices")["notices"]
    line, path = "POST /api/notifier/v1/notices/{notice_id}/read", f"/api/notifier/v1/notices/{notice['id']}/read"
    answer = post(person, line, path)

    assert answer.status_code == 200, answer.text
    assert watch.changed() == {"notifier"}


def test_a_control_what_must_not_be_told_is_found_in_a_refusal(town: Town, marks: Marks) -> None:
    """Of every kind one, as each of those from whom it is hidden; and one's own is let through."""
    line, path = "POST /api/results/v1/sections/{section_id}/approve", "/api/results/v1/sections/x/approve"
    kinds = {
        "people": marks.people,
        "firms": marks.firms,
        "written": marks.all_written(),
        "secrets": marks.secrets,
        "draw": marks.draw,
    }
    for name in ("anonymous", "jy-planner", "gz-witness", "ga-super", "jt-super", "jt-check"):
        person = town.person(name)
        hidden = hidden_from(town, marks, person)
        for kind, some in kinds.items():
            mark = next((each for each in some if each in hidden), None)
            assert mark is not None, (name, kind)
            answer = Seen(line, path, Response(409, text=f"不能审核：{mark}。"))
            assert leaks(town, marks, [(person, answer)]), (name, kind)
    HEARD.append((town.person("anonymous"), Seen(line, path, Response(409, text="不能审核。"))))
    (own, *_) = own_writing(town, marks, town.person("ga-check"))
    mine = Seen(line, path, Response(409, text=f"不能审核：{own}。"))
    assert leaks(town, marks, [(town.person("ga-check"), mine)]) == set()
    assert leaks(town, marks, [(town.person("jt-check"), mine)])
