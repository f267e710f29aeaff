"""
What of a backup lies on servers: the databases in PostgreSQL and the facts on Kafka, both as they stood at one moment.

At that moment no service writes: all of their write locks are held, for as long as it takes to export a snapshot and to ask
for the log's heads. So whatever stands before those heads was committed in the snapshot by whoever said it, and what was
said there and stands behind them is in the snapshot's outboxes and is sent again: nothing is lost, and nobody knows of a
fact that its owner has forgotten. Both are then copied while everybody works on.

The way back wants empty schemas and empty topics. A topic's records get the partitions and offsets they had, which databases
and parked events name; so does what a foreign producer wrote where its key does not belong. Consumers begin at the beginning and
their inboxes drop what they know.
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import unquote, urlsplit

from onevisit.backup import SERVERS
from onevisit.system import System
from runtime.errors import Conflict, OneVisitError
from runtime.events.bus import Message
from runtime.store.places import postgres
from schemas.topics import FACT_TOPICS, TOPICS
from schemas.vocabulary import SERVICES

DATABASE, FACTS = "database.dump", "facts.jsonl"
BATCH = 500  # records read, or said, at once

Heads = Mapping[tuple[str, int], int]


class ServerToolFailed(OneVisitError):
    """PostgreSQL's own program for it ended badly."""

    code = "backup.tool_failed"


class FactsIncomplete(OneVisitError):
    """The log does not begin at its beginning, or has holes: records would not get the offsets they had."""

    code = "backup.facts_incomplete"


class ServersNotEmpty(Conflict):
    """Where a backup is to be put back something lies already; nothing of it is written over."""

    code = "refill.not_empty"


class NothingToRefill(OneVisitError):
    """The data folder has nothing that belongs on servers: it was not restored, or the servers are filled already."""

    code = "refill.nothing"
    exit_code = 2


def copy(system: System, admin: str, to: Path) -> list[Path]:
    """
    Copy databases, and facts where they go by Kafka, into the folder *to*; the county may be running.

    Args:
        system: The installation.
        admin: Address of PostgreSQL with a role that may read everything, and its password.
        to: Made here.

    Raises:
        ServerToolFailed, FactsIncomplete, BrokerAway: no backup can be made now.
    """
    to.mkdir()
    made = [to / DATABASE]
    with ExitStack() as snapshot:
        with ExitStack() as nobody_writes:
            for service in system.services.values():
                nobody_writes.enter_context(service.db.write_plumbing())
            name = snapshot.enter_context(postgres().exported_snapshot(admin))
            heads = _heads(system) if system.home.settings.kafka else None
        schemas = [f"--schema={service}" for service in SERVICES]
        _tool(admin, "pg_dump", "--format=custom", f"--snapshot={name}", *schemas, f"--file={to / DATABASE}")
    if heads is not None:
        made.append(to / FACTS)
        _copy_facts(system, heads, to / FACTS)
    return made


def refill(system: System, admin: str) -> int:
    """
    Put what ``restore`` brought back from servers onto servers: empty schemas, and topics with nothing in them.

    Returns:
        The facts that were said again.

    Raises:
        NothingToRefill: the folder has nothing for servers.
        ServersNotEmpty: something lies there; nothing was changed.
        ServerToolFailed, BrokerAway: it was cut short; begin again with empty ones.
        FactsIncomplete: a topic has not become what it was; likewise.
    """
    folder = system.home.path / SERVERS
    if not (folder / DATABASE).exists():
        raise NothingToRefill(path=str(folder))
    facts = folder / FACTS
    filled = [
        *postgres().schemas_with_tables(admin, SERVICES),
        *(f"{topic}/{part}" for topic, part in _heads_if(system, facts)),
    ]
    if filled:
        raise ServersNotEmpty(found=", ".join(filled))
    # the schemas are those of `provision`, and empty: made anew by the dump, with their owners and rights
    options = ("--clean", "--if-exists", "--exit-on-error", "--single-transaction")
    _tool(admin, "pg_restore", *options, str(folder / DATABASE))
    said = _say_again(system, facts) if facts.exists() else 0
    shutil.rmtree(folder)
    return said


def _heads(system: System) -> Heads:
    return system.bus.heads([topic.name for topic in FACT_TOPICS])


def _heads_if(system: System, facts: Path) -> Heads:
    return _heads(system) if facts.exists() else {}


def _copy_facts(system: System, heads: Heads, to: Path) -> None:
    topics = sorted({topic for topic, _ in heads})
    reached: dict[tuple[str, int], int] = {}
    with open(to, "x", encoding="ascii") as file:
        while any(reached.get(place, 0) < head for place, head in heads.items()):
            records = system.bus.read(topics, reached, BATCH)
            for record in records:
                place = (record.topic, record.part)
                if record.off != reached.get(place, 0):
                    raise FactsIncomplete(place=f"{record.topic}/{record.part}", offset=record.off)
                reached[place] = record.off + 1
                if record.off < heads.get(place, 0):
                    body = b64encode(record.body).decode("ascii")
                    file.write(json.dumps([record.topic, record.part, record.key, body]) + "\n")
            if not records:
                raise FactsIncomplete(place=", ".join(topics), offset=sum(reached.values()))


def _say_again(system: System, facts: Path) -> int:
    """Say every fact again, as its owner, in the order it had in its partition."""
    expected: dict[tuple[str, int], int] = {}
    with open(facts, encoding="ascii") as file:
        for several in _batches(file):
            by_owner: dict[str, list[Message]] = {}
            for topic, part, key, body in several:
                expected[topic, part] = expected.get((topic, part), 0) + 1
                by_owner.setdefault(TOPICS[topic].owner, []).append(Message(topic, key, "", b64decode(body), part))
            for owner, messages in by_owner.items():
                system.services[owner].ports.bus.append(messages)
    if (heads := dict(_heads(system))) != expected:
        wrong = sorted(place for place in {*heads, *expected} if heads.get(place) != expected.get(place))
        raise FactsIncomplete(place=", ".join(f"{topic}/{part}" for topic, part in wrong), offset=sum(heads.values()))
    return sum(expected.values())


def _batches(lines: Iterator[str]) -> Iterator[list[tuple[str, int, str, str]]]:
    several: list[tuple[str, int, str, str]] = []
    for line in lines:
        topic, part, key, body = json.loads(line)
        several.append((topic, part, key, body))
        if len(several) == BATCH:
            yield several
            several = []
    if several:
        yield several


def _tool(admin: str, program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs; the password goes by its environment, where nobody else sees it."""
    parts = urlsplit(admin)
    database = parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}").geturl()
    environment = {**os.environ, "PGPASSWORD": unquote(parts.password or "")}
    done = subprocess.run(
        [program, f"--dbname={database}", *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServerToolFailed(program=program, why=done.stderr.strip().split("\n")[0][:300])
