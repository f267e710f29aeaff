"""Examine an installation: what an operator should know, each with what to do next."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from onevisit.system import System
from runtime.store.migrate import pending
from runtime.store.plumbing import outbox, waiting

LEAST_FREE_BYTES = 1024**3
OLDEST_UNSENT_SECONDS = 60
STUCK_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Check:
    """One thing examined."""

    name: str
    good: bool
    says: str


def examine(system: System) -> Iterator[Check]:
    """Yield every check, in the order in which one would look."""
    free = shutil.disk_usage(system.home.path).free
    yield Check("磁盘 disk", free >= LEAST_FREE_BYTES, f"{free // 1024**2} MiB free")
    mode = (system.home.path / "secrets.toml").stat().st_mode & 0o777
    yield Check("密钥文件 secrets.toml", mode == 0o600, f"mode {mode:o}; must be 600")
    yield Check("时钟 clock", True, f"{system.home.clock.mode}, {system.home.clock.now():%Y-%m-%d %H:%M} UTC")
    for name, service in system.services.items():
        yield from _service(system, name)
        steps = pending(service.db, service.migrations)
        yield Check(
            f"{name} 迁移 migrations", not steps, f"pending: {', '.join(steps)}; run migrate" if steps else "none"
        )


def _service(system: System, name: str) -> Iterator[Check]:
    service = system.services[name]
    with sqlite3.connect(service.db.path) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check").fetchone()
    connection.close()
    yield Check(f"{name} 数据库 database", verdict == "ok", str(verdict))
    backlog = service.backlog()
    with service.db.read(service.system) as session:
        oldest = session.connection().scalar(select(func.min(outbox.c.written_at)))
        since = session.connection().scalar(select(func.min(waiting.c.since)))
    age = time.time() - oldest if oldest else 0.0
    yield Check(f"{name} 发件箱 outbox", age < OLDEST_UNSENT_SECONDS, f"{backlog.unsent} unsent, oldest {age:.0f} s")
    yield Check(f"{name} 搁置 parked", not backlog.parked, f"{backlog.parked}; see: onevisit dead ls")
    stuck = since is not None and time.time() - since > STUCK_SECONDS
    yield Check(f"{name} 等待 waiting", not stuck, f"{backlog.waiting}; see: onevisit waiting ls")
