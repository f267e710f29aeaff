"""How long an Idempotency-Key is answered again, and what happens after that."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from onevisit import home as homes
from onevisit.home import HomeSettings
from onevisit.system import build
from runtime import answers
from runtime.answers import forget_answers, forgetting
from runtime.service import Reply, Service
from runtime.store import Actor, next_id
from runtime.store.plumbing import idempotency
from schemas.events.campaigns import CampaignClosed
from tests.conformance import toy
from tests.kit import COUNTY, Kit, messages


@pytest.fixture
def proposer(kit: Kit) -> Service:
    return toy.set_up(toy.proposer(kit.ports, kit.folder, "sqlite"))


def propose_another(session: Session, actor: Actor, *, at: datetime) -> Reply:
    """Do something that can be done as often as one likes."""
    row = next_id(session, "C", COUNTY, 2018)
    return Reply([CampaignClosed(county=COUNTY, campaign=row)], {"id": row})


def kept(service: Service) -> int:
    with service.db.read_plumbing() as connection:
        return connection.scalar(select(func.count()).select_from(idempotency)) or 0


def test_an_answer_is_given_again_until_it_is_forgotten_and_then_it_is_done_anew_under_other_ids(
    kit: Kit, proposer: Service
) -> None:
    first = proposer.do(toy.LEAD, propose_another, key="k1")
    asked_on = kit.clock.at
    kit.clock.at = asked_on + timedelta(days=400)
    assert forget_answers(proposer, kit.clock.at - timedelta(days=400)) == 0
    assert proposer.do(toy.LEAD, propose_another, key="k1").value == first.value

    kit.clock.at += timedelta(seconds=1)
    assert forget_answers(proposer, kit.clock.at - timedelta(days=400)) == 1
    assert kept(proposer) == 0
    again = proposer.do(toy.LEAD, propose_another, key="k1")

    assert again.value != first.value
    ids = [message.event_id for message in messages(proposer)]
    assert len(set(ids)) == len(ids) == 2, "the same id would be dropped by every inbox"
    assert proposer.do(toy.LEAD, propose_another, key="k1").value == again.value


def test_the_errand_forgets_in_several_transactions_until_nothing_is_left_to_forget(
    kit: Kit, proposer: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "AT_ONCE", 2)
    for number in range(5):
        proposer.do(toy.LEAD, propose_another, key=f"old-{number}")
    kit.clock.at += timedelta(days=31)
    proposer.do(toy.LEAD, propose_another, key="new")
    stop = threading.Event()
    thread = threading.Thread(target=forgetting(30).run, args=(proposer, stop))
    thread.start()
    try:
        for _ in range(500):
            if kept(proposer) == 1:
                break
            stop.wait(0.02)
    finally:
        stop.set()
        thread.join(10)

    assert not thread.is_alive()
    assert kept(proposer) == 1


def test_every_service_of_an_installation_forgets(tmp_path: Path) -> None:
    homes.create(tmp_path / "home", HomeSettings())
    system = build(homes.open_home(tmp_path / "home"))
    try:
        assert all("answers" in [errand.name for errand in one.errands] for one in system.services.values())
    finally:
        system.close()
