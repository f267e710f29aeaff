"""Whether anything was written, asked of the databases themselves: SQLite counts what other connections commit."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from runtime.store.digest import state_digests
from tests.scenario.town import Town


class Watch:
    """Tells whether anything was committed to a business database since it was last asked."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._connections = {
            name: sqlite3.connect(service.db.path)
            for name, service in town.system.services.items()
            if name != "console"
        }
        self._seen = self._now()

    def _now(self) -> Mapping[str, Any]:
        found: dict[str, Any] = {
            name: connection.execute("PRAGMA data_version").fetchone()[0]
            for name, connection in self._connections.items()
        }
        console = self._town.system.console  # its sessions are touched by every request: its tables are read instead
        with console.db.read(console.system) as session:
            found["console"] = state_digests(session.connection(), console.base.metadata.tables.values())
        return found

    def changed(self) -> set[str]:
        """Name the services whose database has changed."""
        before, self._seen = self._seen, self._now()
        return {name for name in before if before[name] != self._seen[name]}

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
