"""From a fact to a signed request: what is queued, in which order it is sent, and what failing does."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from runtime.events.bus import Message
from runtime.service import Service
from runtime.web.caller import Caller
from schemas.envelope import CloudEvent
from schemas.events.notices import NoticeDelivered
from schemas.events.payload import Payload
from schemas.vocabulary import Role
from schemas.webhooks import ID, TEST_TYPE, verify
from services.notifier import queries, sending
from services.notifier.api_webhooks import new_webhook, renewed_secret
from services.notifier.app import notifier
from services.notifier.commands_webhooks import (
    NameMissing,
    WebhookNotActive,
    WebhookUnknown,
    pause_webhook,
    remove_webhook,
    resume_webhook,
    try_webhook,
)
from services.notifier.domain.addresses import UrlRefused
from services.notifier.domain.webhooks import Sent, State, TooManyWebhooks
from services.notifier.outgoing import Answer
from services.notifier.pushing import PLACES, RULES
from services.notifier.queries_webhooks import DeliveryView, WebhookView, deliveries_of, webhook_view, webhooks_of
from services.notifier.sending import Sender
from services.notifier.tables import Delivery, Webhook
from tests.kit import Kit, person, said
from tests.unit.notifier import county
from tests.unit.notifier.county import VISITS, at

ADMIN, OTHER = person("GA", Role.AGENCY_ADMIN), person("JT", Role.AGENCY_ADMIN)
URL = "https://xt.example.cn/onevisit"


@dataclass
class Receiver:
    """A partner's address: answers as it is told, and keeps what it was sent."""

    answers: list[int | str] = field(default_factory=list)  # statuses or problems; then 204 for ever
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: dict[str, str], body: bytes, **more: Any) -> Answer:
        self.got.append((url, headers, body))
        answer = self.answers.pop(0) if self.answers else 204
        return Answer(answer, None, 7) if isinstance(answer, int) else Answer(None, answer, 7)

    @property
    def events(self) -> list[CloudEvent]:
        return [CloudEvent.model_validate_json(body) for _, _, body in self.got]

    @property
    def kinds(self) -> list[str]:
        return [".".join(event.type.split(".")[1:3]) for event in self.events]


@dataclass
class Town:
    """A notifier, a receiver, a clock for retries, and a sender over them."""

    service: Service
    receiver: Receiver = field(default_factory=Receiver)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    secrets: dict[str, str] = field(default_factory=dict)
    _keys: int = 0

    def __post_init__(self) -> None:
        self.sender = Sender(self.service, post=self.receiver.post, now=lambda: self.now)

    def caller(self, actor: Any = ADMIN) -> Caller:
        self._keys += 1
        return Caller(actor, f"key-{self._keys}", "zh")

    def add(self, *kinds: str, actor: Any = ADMIN, url: str = URL, name: str = "业务系统") -> str:
        made = new_webhook(self.service, self.caller(actor), name, url, list(kinds))
        self.secrets[made.webhook] = made.secret
        return made.webhook

    def do(self, command: Any, webhook: str, actor: Any = ADMIN) -> Any:
        return self.service.do(actor, command, webhook=webhook).value

    def drain(self, webhook: str, later: timedelta = timedelta()) -> int:
        self.now = max(self.now, datetime.now(UTC)) + later
        return self.sender.drain(webhook)

    def view(self, webhook: str, actor: Any = ADMIN) -> WebhookView:
        return self.service.ask(actor, webhook_view, webhook=webhook)

    def log(self, webhook: str, actor: Any = ADMIN) -> list[DeliveryView]:
        return list(reversed(self.service.ask(actor, deliveries_of, webhook=webhook)))

    def subjects(self) -> list[str]:
        return [event.subject for event in self.receiver.events]


@pytest.fixture
def town(kit: Kit) -> Town:
    return Town(kit.build(notifier))


def account(name: str, agency: str = "GA") -> Payload:
    return county.opened(agency, name, Role.VIEWER)


def referrals(*numbers: int) -> list[Payload]:
    """Facts of different subjects, all GA's."""
    return [county.sent().model_copy(update={"referral": f"R-{number}"}) for number in numbers]


def answered(number: int) -> Payload:
    return county.received().model_copy(update={"referral": f"R-{number}"})


# ── what is queued ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_is_sent_signed_to_whom_it_concerns_and_to_nobody_else(kit: Kit, town: Town) -> None:
    own, foreign = town.add(), town.add(actor=OTHER)
    kit.feed(town.service, account("ga-1"))

    assert town.drain(foreign) == 0
    assert town.drain(own) == 1
    url, headers, body = town.receiver.got[0]
    assert url == URL
    assert headers["Content-Type"].startswith("application/cloudevents+json")
    event = verify([town.secrets[own]], headers, body, now=town.now, seen=())
    assert (event.type, event.data["account"]) == ("onevisit.account.opened.v1", "ga-1")
    assert headers[ID] == event.id
    assert body == kit.record(account("ga-1")).body, "the very bytes of the feed"


def test_the_same_event_again_and_a_replay_are_not_sent_twice(kit: Kit, town: Town) -> None:
    webhook, record = town.add(), kit.record(account("ga-1"))
    event = CloudEvent.model_validate_json(record.body)
    kit.bus.append([Message(record.topic, record.key, event.id, record.body)])
    town.service.consume()
    kit.feed(town.service, account("ga-1"), again=True)
    assert town.drain(webhook) == 1
    with town.service.db.write(town.service.system) as session:  # as if the log of deliveries had forgotten it
        session.delete(session.scalars(select(Delivery)).one())
    town.service.replay()

    with town.service.db.read(town.service.system) as session:
        assert session.scalars(select(Delivery)).all() == []
    assert town.drain(webhook) == 0


def test_only_the_kinds_asked_for_are_queued(kit: Kit, town: Town) -> None:
    webhook = town.add("account.closed", "account.opened")
    kit.feed(town.service, county.agency("GA"), account("ga-1"), county.closed("GA", "ga-1"))
    town.drain(webhook)

    assert town.receiver.kinds == ["account.opened", "account.closed"]


@pytest.mark.parametrize("name", ["", "   ", "名" * 41])
def test_a_webhook_has_a_name(town: Town, name: str) -> None:
    with pytest.raises(NameMissing):
        town.add(name=name)


def test_an_address_that_the_guard_refuses_is_not_taken(town: Town) -> None:
    with pytest.raises(UrlRefused):
        town.add(url="https://169.254.169.254/latest/meta-data/")

    assert town.service.ask(ADMIN, webhooks_of) == ()


def test_loopback_needs_a_demo_home_and_the_setting(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_WEBHOOK_LOOPBACK", "true")
    town = Town(kit.build(notifier))
    assert town.add(url="http://127.0.0.1:8080/")

    real = Kit(kit.folder / "real", demo=False)
    try:
        with pytest.raises(UrlRefused):
            Town(real.build(notifier)).add(url="http://127.0.0.1:8080/")
    finally:
        real.close()


def test_an_agency_has_at_most_ten(town: Town) -> None:
    for _ in range(RULES.most):
        town.add()
    with pytest.raises(TooManyWebhooks):
        town.add()
    town.add(actor=OTHER)


def test_the_secret_is_stored_sealed_only(kit: Kit, town: Town) -> None:
    webhook = town.add()
    raw = town.secrets[webhook].removeprefix("whsec_").encode()

    assert [path.name for path in kit.folder.rglob("*") if path.is_file() and raw in path.read_bytes()] == []


def test_another_agencys_webhook_is_as_if_it_were_not_there(town: Town) -> None:
    webhook = town.add()

    assert town.service.ask(OTHER, webhooks_of) == ()
    for command in (pause_webhook, resume_webhook, try_webhook, remove_webhook):
        with pytest.raises(WebhookUnknown):
            town.do(command, webhook, OTHER)
    with pytest.raises(WebhookUnknown):
        town.log(webhook, OTHER)


# ── order and retries ───────────────────────────────────────────────────────────────────────────────────────────────


def test_what_fails_holds_back_its_own_subject_and_nothing_else(kit: Kit, town: Town) -> None:
    webhook = town.add()
    kit.feed(town.service, *referrals(1), answered(1), *referrals(2), answered(2))
    town.receiver.answers = [503]

    town.drain(webhook)
    assert town.subjects() == ["R-1"]
    town.drain(webhook)
    assert town.subjects() == ["R-1", "R-2", "R-2"], "R-1 waits for its second try, five seconds"
    town.drain(webhook, timedelta(seconds=6))

    assert town.subjects()[3:] == ["R-1", "R-1"]
    assert town.receiver.kinds[3:] == ["referral.sent", "referral.received"]
    assert [len(line.tries) for line in town.log(webhook)] == [2, 1, 1, 1]
    assert {line.state for line in town.log(webhook)} == {Sent.DELIVERED}


def test_a_retry_is_the_same_event_signed_anew(kit: Kit, town: Town) -> None:
    webhook = town.add()
    kit.feed(town.service, account("ga-1"))
    town.receiver.answers = ["too_slow"]
    town.drain(webhook)
    first = town.now
    town.drain(webhook, timedelta(hours=1))

    (_, before, body), (_, after, again) = town.receiver.got
    assert body == again
    assert before[ID] == after[ID]
    assert verify([town.secrets[webhook]], before, body, now=first, seen=())
    assert verify([town.secrets[webhook]], after, again, now=town.now, seen=())
    assert [(tried.status, tried.problem) for tried in town.log(webhook)[0].tries] == [(None, "too_slow"), (204, None)]


def test_a_kill_between_sending_and_writing_it_down_sends_again(kit: Kit, town: Town) -> None:
    webhook = town.add()
    kit.feed(town.service, account("ga-1"))

    class Killed(BaseException):
        pass

    def killed(*args: Any, **more: Any) -> Answer:
        town.receiver.post(*args, **more)
        raise Killed

    with pytest.raises(Killed):
        Sender(town.service, post=killed, now=lambda: datetime.now(UTC)).drain(webhook)
    town.drain(webhook)

    assert len(town.receiver.got) == 2
    assert len({event.id for event in town.receiver.events}) == 1


def fail_for_good(town: Town, webhook: str) -> None:
    town.receiver.answers = [500] * len(RULES.retries)
    for wait in RULES.retries:
        town.drain(webhook, wait)


def test_after_three_days_of_failing_it_is_disabled_and_its_administrators_hear_of_it(kit: Kit, town: Town) -> None:
    kit.feed(town.service, county.opened("GA", "ga-boss", Role.AGENCY_ADMIN), account("ga-viewer"))
    webhook = town.add()
    kit.feed(town.service, account("ga-1"), *referrals(1))
    fail_for_good(town, webhook)

    assert town.view(webhook).state is State.FAILING
    assert town.log(webhook)[0].state is Sent.FAILED
    assert len(town.log(webhook)[0].tries) == 10
    before = len(town.receiver.got)
    kit.feed(town.service, account("ga-2"))
    town.drain(webhook, timedelta(days=9))
    assert len(town.receiver.got) == before, "nothing is sent to a disabled one"
    boss = person("GA", Role.AGENCY_ADMIN, id="ga-boss")
    (notice,) = town.service.ask(boss, queries.notices_of, unread=True).notices
    assert (notice.code, notice.link) == ("webhook.failing", f"/webhooks/{webhook}")
    viewer = person("GA", Role.VIEWER, id="ga-viewer")
    assert town.service.ask(viewer, queries.notices_of, unread=True).notices == ()
    assert [one.rule for one in said(town.service) if isinstance(one, NoticeDelivered)][-1] == notice.code


def test_resuming_begins_with_what_failed(kit: Kit, town: Town) -> None:
    webhook = town.add()
    kit.feed(town.service, account("ga-1"), account("ga-2"))
    fail_for_good(town, webhook)
    town.receiver.got.clear()
    assert town.do(resume_webhook, webhook)["state"] == "active"
    town.drain(webhook)

    assert [event.data["account"] for event in town.receiver.events] == ["ga-1", "ga-2"]
    assert town.view(webhook).waiting == 0


def test_a_receiver_that_says_it_is_gone_is_disabled_at_once(kit: Kit, town: Town) -> None:
    kit.feed(town.service, county.opened("GA", "ga-boss", Role.AGENCY_ADMIN))
    webhook = town.add()
    kit.feed(town.service, account("ga-1"))
    town.receiver.answers = [410]
    town.drain(webhook)

    assert town.view(webhook).state is State.GONE
    boss = person("GA", Role.AGENCY_ADMIN, id="ga-boss")
    assert [one.code for one in town.service.ask(boss, queries.notices_of, unread=True).notices] == ["webhook.gone"]


def test_a_paused_one_is_sent_nothing_and_queues_nothing(kit: Kit, town: Town) -> None:
    webhook = town.add()
    kit.feed(town.service, account("ga-1"))
    town.do(pause_webhook, webhook)
    kit.feed(town.service, account("ga-2"))
    assert town.drain(webhook) == 0
    with pytest.raises(WebhookNotActive):
        town.do(pause_webhook, webhook)
    with pytest.raises(WebhookNotActive):
        town.do(try_webhook, webhook)

    town.do(resume_webhook, webhook)
    assert town.drain(webhook) == 1
    assert town.receiver.events[0].data["account"] == "ga-1"


# ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_test_arrives_as_an_event_of_its_own_and_waits_behind_nothing(kit: Kit, town: Town) -> None:
    webhook = town.add()
    kit.feed(town.service, account("ga-1"))
    town.receiver.answers = [500]
    town.drain(webhook)
    town.do(try_webhook, webhook)
    town.do(try_webhook, webhook)
    town.receiver.answers = [204, 500]
    town.drain(webhook)

    tests = town.receiver.events[1:]
    assert [event.type for event in tests] == [TEST_TYPE, TEST_TYPE]
    assert len({event.id for event in tests}) == 2
    assert verify([town.secrets[webhook]], town.receiver.got[1][1], town.receiver.got[1][2], now=town.now, seen=())
    assert [line.state for line in town.log(webhook)] == [Sent.WAITING, Sent.DELIVERED, Sent.FAILED]
    assert town.view(webhook).state is State.ACTIVE


def test_a_renewed_secret_signs_beside_the_old_one_for_a_day(kit: Kit, town: Town) -> None:
    webhook = town.add()
    old = town.secrets[webhook]
    new = renewed_secret(town.service, town.caller(), webhook).secret
    assert new != old
    kit.feed(town.service, account("ga-1"), account("ga-2"))
    town.receiver.answers = [204, 503]
    town.drain(webhook)
    town.drain(webhook, RULES.both_secrets)

    _, headers, body = town.receiver.got[0]
    for secret in (old, new):
        assert verify([secret], headers, body, now=datetime.now(UTC), seen=())
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert len(town.receiver.got[2][1]["webhook-signature"].split(" ")) == 1


def test_a_removed_one_takes_its_queue_and_log_with_it(kit: Kit, town: Town) -> None:
    webhook, kept = town.add(), town.add()
    kit.feed(town.service, account("ga-1"))
    town.do(remove_webhook, webhook)

    assert town.drain(webhook) == 0
    with town.service.db.read(town.service.system) as session:
        assert [row.id for row in session.scalars(select(Webhook))] == [kept]
        assert {row.webhook for row in session.scalars(select(Delivery))} == {kept}


def test_the_sender_sends_by_itself_and_ends_when_told(kit: Kit, town: Town) -> None:
    town.add()
    town.add()
    kit.feed(town.service, account("ga-1"))
    arrived, stop = threading.Event(), threading.Event()

    def post(*args: Any, **more: Any) -> Answer:
        answer = town.receiver.post(*args, **more)
        if len(town.receiver.got) == 2:
            arrived.set()
        return answer

    thread = threading.Thread(target=Sender(town.service, post=post).run, args=(stop,))
    thread.start()
    try:
        assert arrived.wait(10)
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def test_one_slow_receiver_delays_no_other(kit: Kit, town: Town) -> None:
    slow, quick = town.add(url="https://slow.example.cn/"), town.add(url="https://quick.example.cn/")
    kit.feed(town.service, account("ga-1"), account("ga-2"))
    release, stop, done = threading.Event(), threading.Event(), threading.Event()

    def post(url: str, *args: Any, **more: Any) -> Answer:
        if "slow" in url:
            release.wait(10)
        elif town.receiver.post(url, *args, **more) and len(town.receiver.got) == 2:
            done.set()
        return Answer(204, None, 1)

    thread = threading.Thread(target=Sender(town.service, post=post).run, args=(stop,))
    thread.start()
    try:
        assert done.wait(5)
        assert town.view(slow).waiting == 2
    finally:
        release.set()
        stop.set()
        thread.join(10)
    assert town.view(quick).waiting == 0


@pytest.mark.parametrize("known", [True, False], ids=["known to be slow", "not known yet"])
def test_many_slow_receivers_hold_up_nobody_who_answers(kit: Kit, town: Town, known: bool) -> None:
    """Known ones have places of their own; of those not known yet an agency has no more than its own places."""
    agencies = ["SJ", "XF", "HB", "WJ"] if known else ["SJ", "XF"]
    admins = [person(agency, Role.AGENCY_ADMIN) for agency in agencies]
    slow = [town.add(url="https://slow.example.cn/", actor=admin) for admin in admins for _ in range(RULES.most)]
    quick = town.add()
    sender = Sender(town.service)
    sender._seconds = dict.fromkeys(slow if known else (), PLACES.slow_seconds)
    kit.feed(town.service, *(account(f"{admin.agency}-1", admin.agency) for admin in admins))
    release, stop, called = threading.Event(), threading.Event(), threading.Semaphore(0)
    guard, at_once, most = threading.Lock(), 0, 0

    def post(url: str, *args: Any, **more: Any) -> Answer:
        nonlocal at_once, most
        if "slow" not in url:
            return town.receiver.post(url, *args, **more)
        with guard:
            at_once, most = at_once + 1, max(most, at_once + 1)
        called.release()
        release.wait(30)
        with guard:
            at_once -= 1
        return Answer(204, None, 1)

    places = PLACES.of_slow if known else PLACES.of_agency * len(agencies)
    sender._post = post
    thread = threading.Thread(target=sender.run, args=(stop,))
    thread.start()
    try:
        for _ in range(places):
            assert called.acquire(timeout=20)
        kit.feed(town.service, account("ga-1"), account("ga-2"))
        deadline = time.monotonic() + 20
        while len(town.receiver.got) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(town.receiver.got) == 2, "while the slow ones have all the places they may have"
        assert most == places
    finally:
        stop.set()
        release.set()
        thread.join(20)
    assert town.view(quick).waiting == 0


def test_one_with_a_long_queue_gives_its_place_to_those_that_wait(
    kit: Kit, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(PLACES, of_all=1, turn_seconds=0.2)
    monkeypatch.setattr(sending, "PLACES", one)
    long, short = town.add(url="https://long.example.cn/"), town.add(url="https://short.example.cn/", actor=OTHER)
    kit.feed(town.service, *(account(f"ga-{number}") for number in range(40)))
    kit.feed(town.service, account("jt-1", "JT"))
    stop, arrived = threading.Event(), threading.Event()

    def post(url: str, *args: Any, **more: Any) -> Answer:
        if "short" in url:
            arrived.set()
        else:
            time.sleep(0.05)
        return town.receiver.post(url, *args, **more)

    thread = threading.Thread(target=Sender(town.service, post=post).run, args=(stop,))
    thread.start()
    try:
        assert arrived.wait(20)
        assert town.view(long).waiting > 0, "its turn came before the other's queue was empty"
        deadline = time.monotonic() + 30
        while (town.view(long).waiting or town.view(short, OTHER).waiting) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        stop.set()
        thread.join(20)
    assert (town.view(long).waiting, town.view(short, OTHER).waiting) == (0, 0)
    accounts = [event.data["account"] for event in town.receiver.events]
    assert [one for one in accounts if one != "jt-1"] == [f"ga-{number}" for number in range(40)]


def test_the_log_forgets_what_was_delivered_long_ago(kit: Kit, town: Town) -> None:
    webhook = town.add()
    kit.feed(town.service, account("ga-1"), *referrals(1))
    town.receiver.answers = [204, 500]
    town.drain(webhook)
    town.now += RULES.keep + timedelta(days=1)
    town.sender._sweep()

    assert [line.state for line in town.log(webhook)] == [Sent.WAITING]


def test_what_failed_is_kept_longer_to_be_sent_when_its_webhook_is_resumed_and_then_forgotten_too(
    kit: Kit, town: Town
) -> None:
    webhook = town.add()
    kit.feed(town.service, *referrals(1, 2))
    town.receiver.answers = [RULES.gone_status]
    town.drain(webhook)
    began = town.now
    town.now = began + RULES.keep + timedelta(days=1)
    town.sender._sweep()
    assert [line.state for line in town.log(webhook)] == [Sent.FAILED, Sent.WAITING]

    town.now = began + RULES.keep_failed + timedelta(days=1)
    town.sender._sweep()
    assert [line.state for line in town.log(webhook)] == [Sent.WAITING], "what has not ended stays"
    town.do(resume_webhook, webhook)
    assert town.drain(webhook) == 1


def test_visits_of_a_campaign_reach_the_partner_in_order(kit: Kit, town: Town) -> None:
    kit.feed(town.service, county.proposed(), county.confirmed(kit), at=at("2018-11-28"))
    kit.feed(town.service, county.draw_opened(kit, at("2018-12-04")), county.draw_completed(kit), at=at("2018-12-04"))
    webhook = town.add("visit.scheduled", "checklist.submitted", "result.approved")
    kit.feed(town.service, county.scheduled(VISITS[1], "2018-12-12", "GA", "JT"))
    kit.feed(town.service, county.submitted(VISITS[1], "GA", "x"), county.submitted(VISITS[1], "JT", "y"))
    kit.feed(town.service, county.approved(VISITS[1], "GA"))
    town.drain(webhook)

    assert town.receiver.kinds == ["visit.scheduled", "checklist.submitted", "result.approved"]
