"""
Chaos: days are set for 2,000 visits over HTTP while whatever takes part is killed, and then everything is counted.

The real services run, through the real command line (``tests/chaos/part.py`` tells how a thousand starts are paid for): toys
would show the runtime alone, while here web, sessions, idempotency, relays, leases, two workers a service, row-level security
and the handlers people rely on are in every kill's way. One command a visit is the cheapest load that makes a chain of
services: results says the day; planner and notifier hear it; notifier tells the team lead and says so; planner hears that.

Each visit's days are set one after the other by one caller, each on condition that the day before stands, with an
Idempotency-Key, tried again until it is answered. So what must have been handled, how often and in which order, is known.
"""

import contextlib
import itertools
import multiprocessing
import os
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psycopg

from onevisit.demo.player import Player
from onevisit.demo.stand import Servers
from onevisit.home import ADMIN_LOGIN
from schemas.vocabulary import SERVICES
from tests.chaos import county, part
from tests.tier.processes import free_port
from tests.tier.ways import Kafka, Postgres

DAYS = [f"2018-12-{day}" for day in (10, 11, 12, 13, 14, 17, 18, 19, 20)]
CALLERS = 3
WORKERS = ("planner-0", "planner-1", "notifier-0", "notifier-1", "results-0", "drawer-0")
AWAY_SECONDS = (0.2, 1.0)  # of what was killed: at least, at most
CALM_SECONDS = (0.1, 0.5)  # between two kills, at least
AGAIN_SECONDS = 0.5  # before what ended by itself is started again, as a supervisor would
WATCH_SECONDS = 0.25
BEHIND = 100  # days set and not yet handled everywhere, beyond which callers wait: a storm is no test of capacity
READY_SECONDS = 400.0  # with a busy machine
DRAINED_SECONDS = 30.0  # of calm, until everything is handled
POSTGRES, BROKER = "postgres", "broker"


@dataclass
class Counts:
    """What became of a storm. *events* are the handlings that had to be; seconds are real."""

    kills: int = 0
    events: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    left_over: int = 0  # parked, waiting or unsent at the end
    longest_stall_s: float = 0.0  # nothing was handled though something was said
    drained_s: float = 0.0  # from the last command and the last kill until everything was handled
    seconds: float = 0.0
    by_victim: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, applied twice, out of order or left over, and calm came in time."""
        wrong = self.lost or self.doubled or self.out_of_order or self.left_over
        return not wrong and self.drained_s <= DRAINED_SECONDS

    def __add__(self, other: "Counts") -> "Counts":
        """Put two storms together: sums, and the longest of what was waited for."""
        mine, its = asdict(self), asdict(other)
        longest = ("longest_stall_s", "drained_s")
        found = {
            name: max(mine[name], its[name]) if name in longest else mine[name] + its[name]
            for name in mine
            if name != "by_victim"
        }
        return Counts(**found, by_victim=dict(Counter(self.by_victim) + Counter(other.by_victim)))


def deck(chance: random.Random, kills: int, *, postgres: int, brokers: int) -> list[str]:
    """Shuffle who is killed: PostgreSQL and brokers so many times, web and timers one in eight each, workers else."""
    rest = kills - postgres - brokers
    others = ["web"] * (rest // 8) + ["timers"] * (rest // 8)
    workers = itertools.islice(itertools.cycle(WORKERS), rest - len(others))
    cards = [*others, *workers, *[POSTGRES] * postgres, *[BROKER] * brokers]
    chance.shuffle(cards)
    return cards


class Storm:
    """One installation, its load, and its misfortunes. Call it from a main thread."""

    def __init__(self, folder: Path, kafka: Kafka, postgres: Postgres, *, visits: int, nodes: int = 1) -> None:
        """
        Args:
            folder: Where its data folder and the outputs go.
            kafka: Brokers of its own.
            postgres: A PostgreSQL of its own.
            visits: How many flow.
            nodes: How many brokers there are; one at a time is killed.
        """
        self.home, self.said = folder / "home", folder / "said"  # what its parts printed and logged
        self.said.mkdir(parents=True)
        self._kafka, self._postgres, self._nodes = kafka, postgres, nodes
        self._visits = [visit for campaign in county.campaigns(visits) for visit in county.visits_of(campaign)]
        self._servers = Servers(kafka.address, postgres.url)
        self._environment = {name: value for name, value in os.environ.items() if name.startswith("ONEVISIT_")}
        self._fork = multiprocessing.get_context("forkserver")
        self._fork.set_forkserver_preload([part.__name__])
        port = str(free_port())
        self._words = {"web": ["serve", "web", "--port", port], "timers": ["serve", "timers"]}
        for worker in WORKERS:
            service, ordinal = worker.split("-")
            self._words[worker] = ["serve", "worker", service, "--ordinal", ordinal]
        self._running: dict[str, ForkServerProcess] = {}
        self._down_until: dict[str, float] = {}
        self._days: dict[str, list[str]] = defaultdict(list)  # what was answered
        self._may_call = threading.Event()
        self._enough, self._over = threading.Event(), threading.Event()
        self._failed: list[BaseException] = []
        self._database = ""

    # ── the installation ────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Make the installation, start its parts, and wait until all visits are open everywhere."""
        county.found(self.home, self._servers, len(self._visits))
        url = (self.home / "settings.toml").read_text(encoding="utf-8").split("@")[1].split('"')[0]
        self._database = f"{self._postgres.url.rpartition('/')[0]}/{url.rpartition('/')[2]}"
        self._tend()
        wanted = [(len(self._visits),), (2 * len(self._visits),), (1,)]
        questions = (
            "SELECT count(*) FROM results.visit",
            "SELECT count(*) FROM notifier.section",
            "SELECT count(*) FROM notifier.account_state WHERE roles::text LIKE '%team_lead%'",
        )
        self._until(lambda: [self._ask(question)[0] for question in questions] == wanted, READY_SECONDS)

    def end(self) -> None:
        """End all parts."""
        self._enough.set()
        self._over.set()
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.join(15)
            process.kill()
            process.join()

    def _tend(self) -> None:
        """Start every part that has ended, as a supervisor would."""
        for name, words in self._words.items():
            process = self._running.get(name)
            if process is not None and process.is_alive():
                continue
            if process is not None and name not in self._down_until:  # it ended by itself
                process.join()
                self._down_until[name] = time.monotonic() + AGAIN_SECONDS
            if time.monotonic() >= self._down_until.get(name, 0.0):
                self._down_until.pop(name, None)
                arguments = ([*words, "--home", str(self.home)], self.said / f"{name}.out", self._environment)
                self._running[name] = self._fork.Process(target=part.run, args=arguments, name=name)
                self._running[name].start()

    def _until(self, happened: Callable[[], bool], seconds: float) -> float:
        """Tend the parts until something has happened; return how long it took."""
        began = time.monotonic()
        while not happened():
            if self._failed:
                raise self._failed[0]
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"not within {seconds:.0f} s")
            self._tend()
            time.sleep(0.05)
        return time.monotonic() - began

    def _pass(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._until(lambda: time.monotonic() >= end, seconds + READY_SECONDS)

    def _until_set(self, days: int) -> None:
        self._until(lambda: self._set() >= days, READY_SECONDS)

    # ── the load ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _call(self, visits: Sequence[str]) -> None:
        """Set a day for each visit; then go on with further days until it is enough."""
        player = Player(
            lambda: (self.home / "address").read_text(encoding="ascii").strip(),
            lambda who: county.PASSWORD,
            ADMIN_LOGIN,
        )
        try:
            for turn in itertools.count():
                for number, visit in enumerate(visits):
                    self._may_call.wait()
                    if self._over.is_set() or (turn and self._enough.is_set()):
                        return
                    days = self._days[visit]
                    facts = {"day": DAYS[(number + turn) % len(DAYS)], "instead_of": days[-1] if days else None}
                    player.post(f"{visit}-{turn}", county.PLANNER, f"/api/results/v1/visits/{visit}/schedule", facts)
                    days.append(facts["day"] or "")
        except BaseException as error:
            self._failed.append(error)
        finally:
            player.close()

    def _set(self) -> int:
        return sum(map(len, list(self._days.values())))

    # ── the storm ───────────────────────────────────────────────────────────────────────────────────────────────────

    def rage(self, cards: Sequence[str], chance: random.Random) -> Counts:
        """Kill whom the *cards* name, one after the other, while days are set; then wait for calm, and count."""
        for visit in self._visits:
            self._days[visit]  # every caller its own lists, made before there are callers
        counts, began = Counts(by_victim=dict(Counter(cards))), time.monotonic()
        callers = [threading.Thread(target=self._call, args=(self._visits[one::CALLERS],)) for one in range(CALLERS)]
        watch = threading.Thread(target=self._watch, args=(counts,))
        for thread in (*callers, watch):
            thread.start()
        try:
            for number, victim in enumerate(cards):
                self._until_set(len(self._visits) * number // len(cards))  # spread over the flow, however fast it is
                self._pass(chance.uniform(*CALM_SECONDS))
                self._kill(victim, chance)
                counts.kills += 1
            self._enough.set()
            self._until(lambda: not any(caller.is_alive() for caller in callers), READY_SECONDS)
            counts.drained_s = READY_SECONDS
            with contextlib.suppress(TimeoutError):  # what is missing then, the counts say
                counts.drained_s = self._until(self._drained, READY_SECONDS)
        finally:
            self._enough.set()
            self._over.set()
            for thread in (*callers, watch):
                thread.join()
        counts.seconds = time.monotonic() - began
        return self._count(counts)

    def _kill(self, victim: str, chance: random.Random) -> None:
        away = chance.uniform(*AWAY_SECONDS)
        if victim == POSTGRES:
            self._postgres.crash()
            self._pass(away)
            self._postgres.start()
        elif victim == BROKER:
            node = chance.randint(1, self._nodes)
            self._kafka.kill_broker(node)
            self._pass(away)
            self._kafka.start_broker(node)
        else:
            self._until(lambda: victim in self._running and self._running[victim].is_alive(), READY_SECONDS)
            self._running[victim].kill()
            self._running[victim].join()
            self._down_until[victim] = time.monotonic() + away

    def _watch(self, counts: Counts) -> None:
        """Measure for how long nothing is handled though days were set."""
        handled, since = 0, time.monotonic()
        while not self._over.wait(WATCH_SECONDS):
            now, was_set = time.monotonic(), self._set()
            found = self._handled()
            if found is not None and (found > handled or found >= len(part.COUNTED) * was_set):
                handled, since = found, now
            elif was_set:
                counts.longest_stall_s = max(counts.longest_stall_s, now - since)
            if handled + BEHIND * len(part.COUNTED) > len(part.COUNTED) * was_set or self._failed:
                self._may_call.set()
            else:
                self._may_call.clear()
        self._may_call.set()

    def _handled(self) -> int | None:
        try:
            return sum(
                int(self._ask(f"SELECT count(*) FROM {name}.chaos_count WHERE kind = 'visit'")[0][0])
                for name in part.COUNTED
            )
        except psycopg.OperationalError:
            return None

    def _drained(self) -> bool:
        found = self._handled()
        if found is None or found < len(part.COUNTED) * self._set():
            return False
        ((notices,),) = self._ask("SELECT count(*) FROM planner.chaos_count WHERE kind = 'notice'")
        return bool(notices >= self._set() and not self._left_over())

    def _left_over(self) -> int:
        tables = [
            f"(SELECT count(*) FROM {service}.{table})"
            for service in SERVICES
            for table in ("outbox", "waiting", "parked")
        ]
        return int(self._ask(f"SELECT {' + '.join(tables)}")[0][0])

    # ── counting ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self, counts: Counts) -> Counts:
        for name in part.COUNTED:
            self._compare(counts, name, "visit", self._days)
        told = self._ask("SELECT id, code FROM notifier.notice")
        missing = self._set() - sum(code == "visit.scheduled" for _, code in told)
        counts.lost += max(0, missing)
        counts.doubled += max(0, -missing)
        self._compare(counts, "planner", "notice", {notice: [""] for notice, _ in told})
        counts.left_over = self._left_over()
        return counts

    def _compare(self, counts: Counts, service: str, kind: str, expected: dict[str, list[str]]) -> None:
        """Hold what a service handled, in its order, against what had to be."""
        found: dict[str, dict[str, str]] = defaultdict(dict)  # subject → event → what it said, in the order of handling
        query = f"SELECT event, subject, said FROM {service}.chaos_count WHERE kind = '{kind}' ORDER BY number"
        for event, subject, said in self._ask(query):
            if event in found[subject]:
                counts.doubled += 1
            found[subject].setdefault(event, said)
        for subject, wanted in expected.items():
            counts.events += len(wanted)
            handled = list(found.pop(subject, {}).values())
            missing = (Counter(wanted) - Counter(handled)).total()
            counts.lost += missing
            counts.out_of_order += not missing and handled != wanted
        counts.doubled += sum(map(len, found.values()))  # of subjects nobody knows

    def _ask(self, query: str) -> list[Any]:
        with psycopg.connect(self._database, connect_timeout=5) as connection:
            return connection.execute(query).fetchall()
