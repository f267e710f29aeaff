"""Sessions: they expire, they are revoked, and nobody learns from a refusal which half was wrong."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import select

from runtime.store import Actor
from schemas.vocabulary import AgencyKind, Role
from services.console import commands, passwords
from services.console.app import Console, console, ensure_county_admin
from services.console.domain.throttle import PER_ADDRESS, PER_LOGIN
from services.console.passwords import hash_password
from services.console.sessions import (
    OldPasswordWrong,
    PasswordBlocked,
    Sessions,
    SignInBlocked,
    SignInRefused,
    token_digest,
)
from services.console.tables import LiveSession, SignInAudit
from tests.kit import COUNTY, Kit

PASSWORD = "correct-horse-18"
REAL_HASHER = passwords._hasher


class RealTime:
    """Real time, moved by the test."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **span: float) -> None:
        self.at += timedelta(**span)


@pytest.fixture
def now() -> RealTime:
    return RealTime()


@pytest.fixture
def service(kit: Kit, now: RealTime) -> Console:
    service = cast(Console, kit.build(lambda ports, home: console(ports, home, COUNTY)))
    service.sessions = Sessions(service, now)
    ensure_county_admin(service, "county.admin", PASSWORD)
    return service


@pytest.fixture
def sessions(service: Console) -> Sessions:
    return service.sessions


def admin_of(sessions: Sessions) -> Actor:
    found = sessions.actor_of(sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token)
    assert found is not None
    return found.actor


def test_a_session_says_who_it_is(sessions: Sessions) -> None:
    opened = sessions.sign_in(" County.Admin ", PASSWORD, "10.0.0.1")
    found = sessions.actor_of(opened.token)

    assert found is not None
    assert found.actor == Actor(opened.account, "LXH", COUNTY, frozenset({Role.COUNTY_ADMIN}))
    assert found.csrf == opened.csrf
    assert found.must_change_password


def test_the_token_itself_is_stored_nowhere(service: Console, sessions: Sessions) -> None:
    token = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token

    with service.db.read(service.system) as session:
        assert session.scalars(select(LiveSession.token_digest)).all() == [token_digest(token)]
    for path in service.db.path.parent.glob("console.sqlite*"):
        assert token.encode() not in path.read_bytes()


def test_unknown_login_and_wrong_password_are_told_the_same_way(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords._nobody()
    verified: list[str] = []
    verify = passwords._hasher.verify

    class Watching:
        def verify(self, encoded: str, password: str) -> bool:
            verified.append(encoded.rsplit("$", 2)[0])
            return verify(encoded, password)

        def hash(self, password: str) -> str:
            raise AssertionError

    monkeypatch.setattr(passwords, "_hasher", Watching())
    refusals = []
    for login, password in (("nobody.here", PASSWORD), ("county.admin", "wrong-password")):
        with pytest.raises(SignInRefused) as refusal:
            sessions.sign_in(login, password, "10.0.0.1")
        refusals.append(str(refusal.value))

    assert refusals[0] == refusals[1]
    assert len(verified) == 2
    assert len(set(verified)) == 1  # the same algorithm with the same parameters


def test_a_session_ends_after_thirty_idle_minutes(sessions: Sessions, now: RealTime) -> None:
    token = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token
    for _ in range(3):
        now.passes(minutes=29)
        assert sessions.actor_of(token)
    now.passes(minutes=30)

    assert sessions.actor_of(token) is None


def test_a_session_ends_after_twelve_hours_however_busy(sessions: Sessions, now: RealTime) -> None:
    token = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token
    for _ in range(47):
        now.passes(minutes=15)
        assert sessions.actor_of(token)
    now.passes(minutes=15)

    assert sessions.actor_of(token) is None


def test_being_seen_is_written_at_most_once_a_minute(service: Console, sessions: Sessions, now: RealTime) -> None:
    token = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token

    def seen_at() -> datetime:
        with service.db.read(service.system) as session:
            return session.get_one(LiveSession, token_digest(token)).seen_at

    first = seen_at()
    now.passes(seconds=59)
    sessions.actor_of(token)
    assert seen_at() == first
    now.passes(seconds=1)
    sessions.actor_of(token)
    assert seen_at() == now.at


def test_a_restart_keeps_sessions(service: Console, sessions: Sessions, now: RealTime) -> None:
    token = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token
    now.passes(minutes=20)
    sessions.actor_of(token)
    now.passes(minutes=20)

    assert Sessions(service, now).actor_of(token)


def test_signing_out_and_signing_in_again_end_the_old_session(sessions: Sessions) -> None:
    first = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token
    second = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1", instead_of=first).token

    assert sessions.actor_of(first) is None
    sessions.sign_out(second)
    sessions.sign_out("never seen")
    assert sessions.actor_of(second) is None


def test_closing_an_account_ends_its_sessions_and_its_sign_in(service: Console, sessions: Sessions) -> None:
    admin = admin_of(sessions)
    service.do(admin, commands.register_agency, agency="JT", kind=AgencyKind.AGENCY, name="交通局", short_name="交通")
    account = service.do(
        admin,
        commands.open_account,
        agency="JT",
        login="jt.plan",
        display_name="某某",
        roles=[Role.PLANNER],
        password=hash_password(PASSWORD, "jt.plan"),
    ).value["account"]
    token = sessions.sign_in("jt.plan", PASSWORD, "10.0.0.1").token
    service.do(admin, commands.close_account, account=account)

    assert sessions.actor_of(token) is None
    with pytest.raises(SignInRefused):
        sessions.sign_in("jt.plan", PASSWORD, "10.0.0.1")


def test_changed_roles_count_at_once_and_a_new_password_ends_other_sessions(
    service: Console, sessions: Sessions
) -> None:
    kept, other = (sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token for _ in range(2))
    found = sessions.actor_of(kept)
    assert found is not None
    service.do(
        found.actor,
        commands.change_account,
        account=found.actor.id,
        roles=[Role.COUNTY_ADMIN, Role.VIEWER],
        officer=None,
    )
    again = sessions.actor_of(kept)
    assert again is not None
    assert again.actor.has(Role.VIEWER)

    service.do(
        found.actor,
        commands.change_own_password,
        password=hash_password("another-pass-19", "county.admin"),
        session_kept=token_digest(kept),
    )
    after = sessions.actor_of(kept)
    assert after is not None
    assert not after.must_change_password
    assert sessions.actor_of(other) is None
    sessions.check_password(found.actor.id, "another-pass-19", "10.0.0.1")
    for account, password in ((found.actor.id, PASSWORD), ("nobody", PASSWORD)):
        with pytest.raises(OldPasswordWrong):
            sessions.check_password(account, password, "10.0.0.1")


def test_the_present_password_is_not_guessed_in_a_running_session(
    service: Console, sessions: Sessions, now: RealTime
) -> None:
    account = admin_of(sessions).id
    for _ in range(PER_LOGIN.free):
        with pytest.raises(OldPasswordWrong):
            sessions.check_password(account, "wrong-password", "10.0.0.1")
    with pytest.raises(PasswordBlocked) as blocked:
        sessions.check_password(account, PASSWORD, "10.9.9.9")

    assert 1 <= int(str(blocked.value.facts["retry_after_seconds"])) <= 30
    assert sessions.sign_in("county.admin", PASSWORD, "10.9.9.9"), "the owner may still sign in"
    now.passes(seconds=31)
    sessions.check_password(account, PASSWORD, "10.0.0.1")
    with pytest.raises(OldPasswordWrong):  # and the count began anew
        sessions.check_password(account, "wrong-password", "10.0.0.1")
    with service.db.read(service.system) as session:
        told = [row.what for row in session.scalars(select(SignInAudit).order_by(SignInAudit.id))]
    assert told == ["signed_in", *["password_refused"] * 5, "password_blocked", "signed_in", "password_refused"]


def test_failed_sign_ins_from_elsewhere_keep_nobody_from_a_new_password(sessions: Sessions) -> None:
    account = admin_of(sessions).id
    for _ in range(PER_LOGIN.free):
        with pytest.raises(SignInRefused):
            sessions.sign_in("county.admin", "wrong-password", "10.6.6.6")

    sessions.check_password(account, PASSWORD, "10.0.0.1")


def test_after_some_failures_even_the_right_password_waits(sessions: Sessions, now: RealTime) -> None:
    for _ in range(PER_LOGIN.free):
        with pytest.raises(SignInRefused):
            sessions.sign_in("county.admin", "wrong-password", "10.0.0.1")
    with pytest.raises(SignInBlocked):
        sessions.sign_in("county.admin", PASSWORD, "10.9.9.9")
    now.passes(seconds=31)

    assert sessions.sign_in("county.admin", PASSWORD, "10.9.9.9")
    with pytest.raises(SignInRefused):  # and the count began anew
        sessions.sign_in("county.admin", "wrong-password", "10.0.0.1")


def test_an_unknown_login_is_blocked_like_a_known_one(sessions: Sessions) -> None:
    for _ in range(PER_LOGIN.free):
        with pytest.raises(SignInRefused):
            sessions.sign_in("nobody.here", "wrong-password", "10.0.0.1")
    with pytest.raises(SignInBlocked):
        sessions.sign_in("nobody.here", "wrong-password", "10.0.0.2")


def test_one_address_cannot_try_many_logins(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.console.passwords.matches", lambda encoded, password: False)
    for number in range(PER_ADDRESS.free):
        with pytest.raises(SignInRefused):
            sessions.sign_in(f"guess.{number}", "wrong-password", "10.0.0.1")
    with pytest.raises(SignInBlocked):
        sessions.sign_in("county.admin", PASSWORD, "10.0.0.1")


def test_sign_ins_are_audited_without_what_was_typed(service: Console, sessions: Sessions) -> None:
    for login in ("county.admin", "my-secret-typed-here"):
        with pytest.raises(SignInRefused):
            sessions.sign_in(login, "wrong-password", "10.0.0.1")
    token = sessions.sign_in("county.admin", PASSWORD, "10.0.0.1").token
    sessions.sign_out(token)

    with service.db.read(service.system) as session:
        rows = [(row.what, row.account) for row in session.scalars(select(SignInAudit).order_by(SignInAudit.id))]
    account = "U-640221-2018-001"
    assert rows == [("refused", account), ("refused", None), ("signed_in", account), ("signed_out", account)]
    for path in service.db.path.parent.glob("console.sqlite*"):
        assert b"my-secret-typed-here" not in path.read_bytes()


def test_a_stolen_hash_is_argon2id_with_the_parameters_of_adr_10() -> None:
    assert REAL_HASHER.hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert repr(hash_password(PASSWORD, "x.y.z")) == "PasswordHash()"
