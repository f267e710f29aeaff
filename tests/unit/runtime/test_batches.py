"""How many events are handled in one transaction: as many as leave others their turn."""

import pytest

from runtime.events import processing
from runtime.events.processing import LONG_SECONDS, MOST_AT_ONCE, fitting
from schemas.events.campaigns import CampaignClosed
from tests.conformance import toy
from tests.conformance.test_nothing_lost import heard
from tests.kit import COUNTY, Kit


@pytest.mark.parametrize(
    ("at_once", "seconds", "following"),
    [
        (100, 2 * LONG_SECONDS, 50),
        (1, 2 * LONG_SECONDS, 1),
        (50, LONG_SECONDS / 2, 50),
        (50, LONG_SECONDS / 10, 100),
        (100, 0.0, MOST_AT_ONCE),
    ],
)
def test_a_long_transaction_is_followed_by_a_smaller_one_and_a_short_one_by_a_larger(
    at_once: int, seconds: float, following: int
) -> None:
    assert fitting(at_once, seconds) == following


def test_events_that_take_long_are_handled_in_several_transactions_each_once(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "LONG_SECONDS", 0.0)
    service = toy.set_up(toy.listener(kit.ports, kit.folder))
    kit.services.append(service)
    records = [kit.record(CampaignClosed(county=COUNTY, campaign=f"C-{number}")) for number in range(175)]

    service.processor.process(records)

    assert service.batches == 3, "of 100, 50 and 25"
    assert heard(service) == {f"C-{number}": (1, False) for number in range(175)}
