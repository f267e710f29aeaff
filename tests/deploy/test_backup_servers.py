"""A backup of a distributed installation at work; database, topics and folder lost; all of it brought back, and work goes on."""

import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from onevisit import home as homes
from onevisit.backup import SERVERS
from onevisit.system import System, build
from runtime.time.clock import DurableClock
from tests.deploy.distributed import DEPLOY, ROOT, Admin, Installation, eventually, here, servers
from tests.deploy.test_containers import CONTAINERS, ONCE, RUNNING, before

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("distributed")]

AGENCIES = [f"B{chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(26 * 26)]
MORE = 10  # are registered after the backup
BEGINS = datetime.fromisoformat("2018-11-28T09:00+08:00")
DEMO = (
    f'demo = true\ndemo_seed = "{"00" * 16}"\n'  # the clock stands still and ids repeat, so that equal work ends equal
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with servers(tmp_path_factory.mktemp("lost")) as found:
        found.write_home(DEMO + (DEPLOY / "compose" / "settings.toml").read_text("utf-8"))
        DurableClock(found.home / "clock.json").start_simulated(BEGINS)
        for name in sorted(ONCE, key=lambda name: len(before(name))):
            found.run(CONTAINERS[name]["command"])
        yield found


def begin(installation: Installation, *names: str) -> None:
    (installation.home / "address").unlink(missing_ok=True)
    for name in names or RUNNING:
        installation.begin(name, CONTAINERS[name]["command"])
    eventually(lambda: (installation.home / "address").exists(), lambda: installation.said("web"))


def register(installation: Installation, agencies: Iterable[str]) -> None:
    """Register agencies in this order; whichever is there is answered as before."""
    address = f"http://127.0.0.1:{installation.ports['web']}"
    with Admin(installation, address, public="https://onevisit.example") as admin:
        for agency in agencies:
            admin.register(agency)


def backed_up_under_way(installation: Installation, folder: Path) -> list[str]:
    """
    Back up into *folder* as the container for it does, while one agency after the other is registered; those that were.

    It has no administrator's address: it reads as the role that ``provision`` made for it.
    """
    (script,), (place, keep) = CONTAINERS["backup"]["entrypoint"], CONTAINERS["backup"]["command"]
    command = [here(script, {"/opt/onevisit": str(ROOT)}), here(place, {place: str(folder)}), keep]
    registered: list[str] = []
    backed_up = threading.Event()

    def going_on() -> Iterator[str]:
        for agency in AGENCIES:
            yield agency
            registered.append(agency)
            if backed_up.is_set():
                return

    work = threading.Thread(target=register, args=(installation, going_on()))
    work.start()
    eventually(lambda: len(registered) > 1)
    try:
        installation.run_program(command)
    finally:
        backed_up.set()
        work.join()
    register(installation, more := AGENCIES[len(registered) : len(registered) + MORE])
    return [*registered, *more]


@contextmanager
def looked_into(installation: Installation) -> Iterator[System]:
    system = build(homes.open_home(installation.home, exclusive=False))
    try:
        yield system
    finally:
        system.close()


def settled_digest(installation: Installation) -> str:
    with looked_into(installation) as system:
        eventually(lambda: all(service.backlog().settled for service in system.services.values()))
        assert {service.backlog().parked for service in system.services.values()} == {0}
        return system.state_digest()


def lose_database(installation: Installation) -> None:
    another = make_url(installation.admin).set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(another, autocommit=True) as server:
        server.execute("DROP DATABASE onevisit WITH (FORCE)")
        server.execute("CREATE DATABASE onevisit")


def lose_topics(installation: Installation) -> None:
    installation.broker.lose()
    installation.broker.start()


def test_everything_lost_is_brought_back_as_it_was_at_one_moment_and_goes_on(
    installation: Installation, tmp_path: Path
) -> None:
    apart = tmp_path / "secrets.toml"
    admin_file = ["--admin-file", "/run/secrets/postgres-admin-url"]
    begin(installation)
    agencies = backed_up_under_way(installation, tmp_path / "backups")
    (archive,) = (tmp_path / "backups").iterdir()
    undisturbed = settled_digest(installation)
    installation.stop()
    shutil.copy(installation.home / "secrets.toml", apart)

    lose_database(installation)
    lose_topics(installation)
    shutil.rmtree(installation.home)
    installation.run(["restore", str(archive), "--secrets", str(apart)])
    for name in ("provision", "topics", "access"):
        installation.run(CONTAINERS[name]["command"])
    said = installation.run(["refill", *admin_file])
    kept = installation.count("SELECT count(*) FROM console.agency WHERE id LIKE 'B__'")
    waiting = installation.count("SELECT count(*) FROM console.outbox")
    print(f"{kept} of {len(agencies)} agencies were in the backup, {said.strip()}, {waiting} still to be sent")
    assert 0 < kept < len(agencies)
    assert not (installation.home / SERVERS).exists()
    with pytest.raises(pytest.fail.Exception, match=r"refill\.nothing"):
        installation.run(["refill", *admin_file])

    begin(installation)
    eventually(lambda: installation.count("SELECT count(*) FROM planner.agency WHERE id LIKE 'B__'") == kept)
    register(installation, agencies)
    assert settled_digest(installation) == undisturbed
    installation.run(["doctor"])
    installation.stop()


def test_topics_gone_for_good_are_gone_on_from_by_name(installation: Installation) -> None:
    begin(installation, "web", "worker-planner")
    register(installation, ["ZX"])
    eventually(lambda: installation.count("SELECT count(*) FROM planner.agency WHERE id = 'ZX'") == 1)
    installation.stop()
    lose_topics(installation)

    for name in ("topics", "access"):
        installation.run(CONTAINERS[name]["command"])
    with pytest.raises(pytest.fail.Exception, match=r"home\.log_behind"):
        installation.run(CONTAINERS["worker-planner"]["command"])
    rewound = installation.run(["topics", "rewind"]).splitlines()
    assert {line for line in rewound if re.fullmatch(r"planner accounts/\d+: \d+ → 0, 未听到 / unheard: 0", line)}, (
        rewound
    )
    assert installation.run(["topics", "rewind"]) == ""

    begin(installation, "web", "worker-planner")
    register(installation, ["ZZ"])
    eventually(lambda: installation.count("SELECT count(*) FROM planner.agency WHERE id = 'ZZ'") == 1)
    installation.stop()
