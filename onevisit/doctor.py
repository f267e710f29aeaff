"""Examine an installation: what an operator should know, each with what to do next."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from onevisit import home as homes
from onevisit.hints import command
from onevisit.system import OLDEST_UNSENT_SECONDS, System, build
from onevisit.trouble import as_refusal
from runtime.service import Service
from runtime.store.migrate import pending
from runtime.store.plumbing import waiting

LEAST_FREE_BYTES = 1024**3
STUCK_SECONDS = 24 * 3600
SECRET_MODES = (0o600, 0o400, 0o440)  # the last two: as a container engine mounts it, for the program's user or group


@dataclass(frozen=True)
class Check:
    """One thing examined; the advice is for when it is not good."""

    name: str
    good: bool
    says: str
    advice: str = ""


def examine(path: Path) -> Iterator[Check]:
    """
    Yield every check of the data folder at *path*, in the order in which one would look.

    Nothing is made or changed: what is lost, damaged or not yet migrated is told, and what depends on it is left out.

    Raises:
        HomeNotThere: there is no data folder.
        SettingsBroken, SecretsMissing, SecretsUnreadable: it cannot be opened.
    """
    if not homes.exists(path):
        raise homes.HomeNotThere(path=str(path))
    homes.open_home(path, exclusive=False).close()
    yield from _folder(path)
    files = list(_files(path))
    yield from files
    if not all(check.good for check in files):
        return
    system = build(homes.open_home(path, exclusive=False))
    try:
        yield _clock(system)
        migrations = [_migrations(path, service) for service in system.services.values()]
        yield from migrations
        if all(check.good for check in migrations):
            for service in system.services.values():
                yield from _service(path, service)
            yield _log(system)
    finally:
        system.close()


def _folder(path: Path) -> Iterator[Check]:
    free = shutil.disk_usage(path).free // 1024**2
    yield Check(
        "磁盘 disk",
        free >= LEAST_FREE_BYTES // 1024**2,
        f"剩余 {free} MiB / {free} MiB free",
        "请清理或扩充磁盘 / make room: 1024 MiB at least",
    )
    mode = (path / "secrets.toml").stat().st_mode & 0o777
    yield Check(
        "密钥文件 secrets.toml",
        mode in SECRET_MODES,
        f"权限 {mode:o} / mode {mode:o}",
        f"只应由本账号读取 / for its owner only: chmod 600 {path / 'secrets.toml'}",
    )


def _files(path: Path) -> Iterator[Check]:
    moved, lost, not_made = homes.elsewhere(path), homes.lost(path), homes.not_made(path)
    for was, now in moved.items():
        yield Check(
            f"数据库 database {was}",
            False,
            f"设置指向 {now} / the settings say {now}",
            f"改回设置 / put the setting back: [postgres] {path / 'settings.toml'}",
        )
    for file in homes.files_of(path):
        name = f"文件 file {file}"
        if file in lost:
            yield Check(name, False, "缺失或为空 / missing or empty", "从备份恢复 / restore it from a backup")
        elif file in not_made:
            advice = f"请迁移或启动 / migrate or start: {command('migrate', path)}"
            yield Check(name, False, "尚未建立 / not made yet", advice)
        else:
            verdict = _verdict(path / file)
            yield Check(name, verdict == "ok", verdict, "停机，从备份恢复 / stop, and restore it from a backup")


def _verdict(file: Path) -> str:
    """Let SQLite check one file, without writing to it."""
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        return f"不能读取 / cannot be read: {error}"


def _clock(system: System) -> Check:
    clock = system.home.clock
    try:
        return Check("时钟 clock", True, f"{clock.mode}, {clock.now():%Y-%m-%d %H:%M} UTC")
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None:
            raise
        return Check("时钟 clock", False, refusal.code, "从备份恢复 clock.json / restore clock.json from a backup")


def _migrations(path: Path, service: Service) -> Check:
    name = f"{service.name} 迁移 migrations"
    try:
        steps = pending(service.db, service.migrations)
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None:
            raise
        return Check(
            name, False, f"{service.db}: {refusal.code}", "检查服务器和口令 / look at the server and the passwords"
        )
    return Check(
        name,
        not steps,
        f"待执行 / pending: {', '.join(steps)}" if steps else "已是最新 / up to date",
        f"停机后执行 / stop, then: {command('migrate', path)}",
    )


def _service(path: Path, service: Service) -> Iterator[Check]:
    name = service.name
    backlog = service.backlog()
    with service.db.read(service.system) as session:
        since = session.connection().scalar(select(func.min(waiting.c.since)))
    age = service.unsent_seconds()
    cut_short = service.replay_cut_short()
    yield Check(
        f"{name} 重放 replay",
        not cut_short,
        "中断 / cut short" if cut_short else "视图完整 / projections are whole",
        f"停机后重新执行 / stop, and run it again: {command(f'replay {name}', path)}",
    )
    yield Check(
        f"{name} 发件箱 outbox",
        age < OLDEST_UNSENT_SECONDS,
        f"未发出 {backlog.unsent} 条，最早 {age:.0f} 秒前 / {backlog.unsent} unsent, oldest {age:.0f} s",
        "系统未运行则启动；运行中则看日志 / start the county, or read logs/onevisit.log: host.trouble",
    )
    refused = service.refused()
    yield Check(
        f"{name} 被拒 refused",
        not refused,
        f"{refused} 条，同一主体的后续事件一并暂停 / {refused}; later events of their subjects are held back"
        if refused
        else "没有 / none",
        "看日志 relay.refused 的原因；放宽 Kafka 主题的限制（max.message.bytes）后自动发出"
        " / see why in the log: relay.refused; they go out by themselves once the topic's limit (max.message.bytes) is raised",
    )
    yield Check(
        f"{name} 搁置 parked",
        not backlog.parked,
        f"{backlog.parked} 条 / {backlog.parked}",
        f"查看 / see: {command('dead ls', path)}",
    )
    yield Check(
        f"{name} 等待 waiting",
        since is None or time.time() - since <= STUCK_SECONDS,
        f"{backlog.waiting} 条 / {backlog.waiting}",
        f"超过 24 小时，查看 / longer than 24 h, see: {command('waiting ls', path)}",
    )


def _log(system: System) -> Check:
    beyond = system.beyond_the_log()
    return Check(
        "事件日志 log",
        not beyond,
        f"比数据库旧 / older than the databases: {', '.join(beyond)}"
        if beyond
        else "与数据库相符 / agrees with the databases",
        "从同一次备份恢复 db/ 和 log.sqlite / restore db/ and log.sqlite from one and the same backup",
    )
