"""
``make chaos``: storms on three brokers, one after the other on fresh installations, until there were a thousand kills.

What a finished storm came to is kept in ``build/chaos/state.json``: cut short, the next run begins with the storm that was
cut, and after the thousandth kill begins anew. Faust and the plain host take turns. The last line is the sum, in JSON.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.storm import Counts, Storm, deck
from tests.tier import ways
from tests.tier.kafka import KafkaFromJars
from tests.tier.shared import ROOT

STATE = ROOT / "build" / "chaos" / "state.json"
KILLS, KILLS_OF_A_STORM, VISITS = 1_000, 100, 2_000
POSTGRES_OF_A_STORM, BROKERS_OF_A_STORM = 6, 4
BROKERS = 3
LONG_STALL_SECONDS = 60.0
HOSTS = ("faust", "aiokafka")
TOLD = ("kills", "events", "lost", "doubled", "out_of_order", "longest_stall_s")


def storm(number: int, kills: int) -> Counts:
    """Make an installation on three brokers and a PostgreSQL, let the storm of this *number* rage, and count."""
    chance = random.Random(number)
    os.environ |= {"ONEVISIT_KAFKA_REPLICATION": str(BROKERS), "ONEVISIT_KAFKA_CONSUMER": HOSTS[number % len(HOSTS)]}
    folder = Path(tempfile.mkdtemp(prefix="onevisit-chaos-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    kafka, postgres = KafkaFromJars(folder / "kafka", brokers=BROKERS, heap="384m"), ways.postgres(folder / "postgres")
    try:
        kafka.start()
        raging, fine = Storm(folder, kafka, postgres, visits=VISITS, nodes=BROKERS), False
        try:
            raging.begin()
            cards = deck(chance, kills, postgres=POSTGRES_OF_A_STORM, brokers=BROKERS_OF_A_STORM)
            found = raging.rage(cards, chance)
            fine = found.good and found.longest_stall_s <= LONG_STALL_SECONDS
        finally:
            raging.end()
            if not fine:  # its parts tell why
                for kept in (raging.said, raging.home / "logs"):
                    if kept.exists():
                        shutil.copytree(kept, STATE.parent / f"storm-{number + 1}", dirs_exist_ok=True)
        return found
    finally:
        kafka.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main(words: Sequence[str]) -> int:
    """Go on until there were enough kills; return 1 if anything went wrong in any storm (``Counts.good``)."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=KILLS, help="how many, in storms of 100")
    wanted: int = asked.parse_args(words).kills
    STATE.parent.mkdir(parents=True, exist_ok=True)
    number, total = 0, Counts()
    if STATE.exists():
        kept = json.loads(STATE.read_text(encoding="utf-8"))
        number, total = kept["storms"], Counts(**kept["counts"])
    while total.kills < wanted:
        found = storm(number, min(KILLS_OF_A_STORM, wanted - total.kills))
        number, total = number + 1, total + found
        print(f"storm {number} on {HOSTS[(number - 1) % len(HOSTS)]}: {json.dumps(asdict(found))}", flush=True)
        fresh = STATE.with_suffix(".new")
        fresh.write_text(json.dumps({"storms": number, "counts": asdict(total)}), encoding="utf-8")
        fresh.rename(STATE)
    STATE.unlink()
    print(f"{number} storms: {json.dumps(asdict(total))}")
    print(json.dumps({name: getattr(total, name) for name in TOLD}))
    return int(not total.good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
