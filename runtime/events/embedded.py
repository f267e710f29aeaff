"""
The embedded event log: one append-only SQLite file with partitions, offsets and replay, for a county without Kafka.

Nothing is pruned: replay is a feature. A consumer's offset stands in its own service's database.
"""

import sqlite3
import threading
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path

from runtime.events.bus import Message, Record
from schemas.topics import TOPICS

_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    topic TEXT NOT NULL, part INTEGER NOT NULL, off INTEGER NOT NULL,
    pos INTEGER NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (topic, part, off)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS log_id ON log (topic, id);
CREATE TABLE IF NOT EXISTS head (topic TEXT NOT NULL, part INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (one INTEGER PRIMARY KEY CHECK (one = 1), next INTEGER NOT NULL);
INSERT OR IGNORE INTO position VALUES (1, 0);
"""


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of *key*: CRC-32 modulo the topic's number of partitions."""
    return zlib.crc32(key.encode()) % partitions


def place_of(message: Message) -> int:
    """Return the partition of *message*: its own, or its key's."""
    return partition_of(message.key, TOPICS[message.topic].partitions) if message.part is None else message.part


class EmbeddedLog:
    """The event bus in one SQLite file (WAL, synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._appended: Counter[str] = Counter()  # appends of this process, by topic
        self._woken = 0
        self._sleepers: dict[threading.Event, frozenset[str]] = {}
        self._connection().executescript(_SCHEMA)

    def append(self, messages: Sequence[Message]) -> None:
        """Append durably, in order; a message whose (topic, id) is there already is left out."""
        with self._lock, self._writing() as connection:
            (position,) = connection.execute("SELECT next FROM position").fetchone()
            heads = dict[tuple[str, int], int]()
            for message in messages:
                place = (message.topic, place_of(message))
                if place not in heads:
                    found = connection.execute("SELECT next FROM head WHERE topic=? AND part=?", place).fetchone()
                    heads[place] = found[0] if found else 0
                added = connection.execute(
                    "INSERT OR IGNORE INTO log VALUES (?,?,?,?,?,?,?)",
                    (*place, heads[place], position, message.event_id, message.key, message.body),
                ).rowcount
                heads[place] += added
                position += added
            connection.executemany(
                "INSERT INTO head VALUES (?,?,?) ON CONFLICT (topic, part) DO UPDATE SET next=excluded.next",
                [(*place, following) for place, following in heads.items()],
            )
            connection.execute("UPDATE position SET next=?", (position,))
        topics = {message.topic for message in messages}
        with self._guard:
            self._appended.update(topics)
            for sleeper, listened in self._sleepers.items():
                if not topics.isdisjoint(listened):
                    sleeper.set()

    def read(self, topics: Sequence[str], after: Mapping[tuple[str, int], int], limit: int) -> list[Record]:
        """Read up to *limit* records, in the order of their appending over all partitions that lag."""
        connection = self._connection()
        lagging = [
            connection.execute(
                "SELECT pos, topic, part, off, key, value FROM log WHERE topic=? AND part=? AND off>=? ORDER BY off",
                (topic, part, after.get((topic, part), 0)),
            )
            for (topic, part), head in self.heads(topics).items()
            if after.get((topic, part), 0) < head
        ]
        # Merged row by row: a batch of 100 takes 100 rows, not 100 of every partition.
        found = [Record(*row[1:]) for row in islice(merge(*lagging, key=itemgetter(0)), limit)]
        for cursor in lagging:
            cursor.close()  # an unfinished SELECT would hold its snapshot, and the file's WAL with it
        return found

    def heads(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Return the next offset to be written of every partition that holds anything."""
        marks = ",".join("?" * len(topics))
        rows = self._connection().execute(f"SELECT topic, part, next FROM head WHERE topic IN ({marks})", topics)  # noqa: S608
        return {(topic, part): following for topic, part, following in rows}

    def lacking(self, topics: Collection[str], seconds: float) -> list[str]:
        """Return nothing: a topic is there as soon as something is appended to it."""
        self.heads(sorted(topics))  # but the file must answer
        return []

    def generation(self, topics: Sequence[str]) -> int:
        """Return a number that grows with every append of this process to one of *topics*, and with every ``wake``."""
        with self._guard:
            return self._generation(topics)

    def wait(self, topics: Sequence[str], seen: int, timeout: float) -> None:
        """Wait until the generation of *topics* is another than *seen*, at most *timeout* seconds."""
        sleeper = threading.Event()
        with self._guard:
            if self._generation(topics) != seen:
                return
            self._sleepers[sleeper] = frozenset(topics)
        sleeper.wait(timeout)
        with self._guard:
            del self._sleepers[sleeper]

    def wake(self) -> None:
        """Let every waiting consumer look again."""
        with self._guard:
            self._woken += 1
            for sleeper in self._sleepers:
                sleeper.set()

    def _generation(self, topics: Sequence[str]) -> int:
        return self._woken + sum(self._appended[topic] for topic in topics)

    def close(self) -> None:
        """Close every connection; no reader or writer may be at work."""
        for connection in self._opened:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
