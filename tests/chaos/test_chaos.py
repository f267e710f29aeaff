"""Whatever is killed while 2,000 visits flow, nothing is lost, nothing is applied twice, and order is kept."""

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.chaos.storm import DRAINED_SECONDS, Storm, deck
from tests.tier.ways import Kafka, Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

VISITS, KILLS = 2_000, 40


def test_forty_kills_while_2000_visits_flow_lose_nothing_double_nothing_and_keep_the_order(
    own_kafka: Callable[..., Kafka], own_postgres: Callable[[], Postgres], tmp_path: Path
) -> None:
    storm, chance = Storm(tmp_path, own_kafka(), own_postgres(), visits=VISITS), random.Random(KILLS)
    try:
        storm.begin()
        counts = storm.rage(deck(chance, KILLS, postgres=3, brokers=1), chance)
    finally:
        storm.end()

    print(json.dumps(asdict(counts)))
    assert counts.kills == KILLS
    assert counts.events >= 3 * VISITS, "two services hear of every visit, and one of them of the notice about it"
    assert (counts.lost, counts.doubled, counts.out_of_order, counts.left_over) == (0, 0, 0, 0)
    assert counts.drained_s <= DRAINED_SECONDS
