"""Keys that their bodies keep: registered by proof, used for signing, and never asked of the server."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tongsuopy.crypto.asymciphers import ec
from tongsuopy.crypto.hashes import SM3

from runtime.errors import OneVisitError
from runtime.store import Actor
from schemas.vocabulary import Role
from services.drawer import acts, archive, checking, sm2
from services.drawer.commands.keys import register_key
from services.drawer.domain import messages
from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import SHA256, tagged_hash
from services.drawer.queries.draws import draw_view
from services.drawer.queries.keys import public_keys
from services.drawer.working import OwnCommitment, OwnSeal
from tests.kit import COUNTY, person
from tests.unit.drawer_service.county import (
    BEACON_TIME,
    COMMIT_CLOSE,
    DIGITS,
    DRAW,
    LEAD,
    OFFICER,
    REVEAL_CLOSE,
    WITNESS,
    County,
)

GA = OFFICER["GA"]
SECRET = hashlib.sha256(b"a secret of GA's own system").digest()


@dataclass(frozen=True)
class System:
    """An agency's own system: its key, and what it signs."""

    body: str
    private: Ed25519PrivateKey

    @property
    def key(self) -> str:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def signs(self, message: bytes) -> str:
        return self.private.sign(message).hex()

    def registration(self, body: str | None = None) -> dict[str, str]:
        sig = self.signs(messages.key_message(SHA256, COUNTY, body or self.body, bytes.fromhex(self.key)))
        return {"custody": "own", "key": self.key, "sig": sig}


class ChineseSystem(System):
    """One that signs by SM2, as Tongsuo does it."""

    @property
    def key(self) -> str:
        numbers = self._private.public_key().public_numbers()
        return f"04{numbers.x:064x}{numbers.y:064x}"

    def signs(self, message: bytes) -> str:
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(SM3())))
        return f"{r:064x}{s:064x}"

    def registration(self, body: str | None = None) -> dict[str, str]:
        return super().registration(body) | {"alg": "sm2"}

    @property
    def _private(self) -> Any:
        return ec.derive_private_key(int.from_bytes(self.private.private_bytes_raw(), "big") >> 1, ec.SM2())


def system(body: str, kind: type[System] = System) -> System:
    return kind(body, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(body.encode()).digest()))


def registers(county: County, actor: Actor, told: dict[str, str], key: str = "register") -> None:
    county.service.do(actor, register_key, key=f"{key}-{actor.id}", told=told)


def refusal(county: County, actor: Actor, told: dict[str, str]) -> str:
    with pytest.raises(OneVisitError) as refused:
        registers(county, actor, told)
    return refused.value.code


def test_a_key_is_taken_from_whoever_proves_to_hold_it(county: County) -> None:
    own = system("GA")
    assert refusal(county, GA, own.registration("AJ")) == "draw.signature_wrong"
    assert refusal(county, GA, own.registration() | {"key": "01" + "00" * 31}) == "draw.key_weak"
    assert refusal(county, GA, own.registration() | {"key": own.key.upper()}) == "draw.hex_wrong"
    assert refusal(county, person("GA", Role.PLANNER), own.registration()) == "draw.officer_only"

    registers(county, GA, own.registration())

    assert [(one.agency, one.key, one.custody) for one in county.service.ask(GA, public_keys)] == [
        ("GA", own.key, "own")
    ]
    assert refusal(county, OFFICER["AJ"], System("AJ", own.private).registration()) == "draw.key_taken"


def test_an_sm2_key_is_taken_where_it_can_be_checked(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    own = system("GA", ChineseSystem)
    assert refusal(county, GA, own.registration("AJ")) == "draw.signature_wrong"
    assert refusal(county, GA, own.registration() | {"key": "04" + "ab" * 64}) == "draw.signature_wrong"
    assert refusal(county, GA, own.registration() | {"key": own.key[2:66]}) == "draw.hex_wrong"
    assert refusal(county, GA, own.registration() | {"alg": "ed25519"}) == "draw.hex_wrong"
    with monkeypatch.context() as without:
        without.setattr(sm2, "installed", lambda: False)
        assert refusal(county, GA, own.registration()) == "draw.algorithm_not_here"

    registers(county, GA, own.registration())

    assert [(one.agency, one.key) for one in county.service.ask(GA, public_keys)] == [("GA", own.key)]


def test_sm2_is_that_of_the_standards_own_example() -> None:
    # GB/T 32918.5-2017, annex A.2: the recommended curve, user id 1234567812345678.
    key = (
        "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
    signature = bytes.fromhex(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
    )

    assert sm2.verify(key, b"message digest", signature)
    assert not sm2.verify(key, b"message digesT", signature)
    assert not sm2.verify(key, b"message digest", signature[:63] + b"\x00")
    assert not sm2.verify(key, b"message digest", signature + b"\x00")
    assert not sm2.verify(key, b"message digest", b"")


def commitment_of(county: County, ga: System) -> tuple[bytes, bytes, OwnCommitment]:
    """Commit as GA's own system does: M, the value to be revealed, and what is sent."""
    told = acts.papers(county.service, GA, DRAW)
    m = bytes.fromhex(told["manifest_digest"])
    opening = messages.chain(SHA256, SECRET, told["manifest"]["chain_len"])[0]
    c = messages.commitment(SHA256, m, "GA", opening)
    return m, opening, OwnCommitment(c.hex(), ga.signs(messages.commit_message(SHA256, m, "GA", c)))


def papers_refused(county: County, actor: Actor, asked: Callable[..., object] = acts.papers) -> str:
    with pytest.raises(OneVisitError) as refused:
        asked(county.service, actor, DRAW)
    return refused.value.code


def test_the_papers_hold_what_the_signature_stands_for_and_only_until_it_is_given(county: County) -> None:
    ga, gz, service = system("GA"), system("GZ"), county.service
    registers(county, GA, ga.registration())
    registers(county, WITNESS, gz.registration())
    county.open()
    for actor in (LEAD, OFFICER["AJ"]):  # the server holds their keys, and checks for them
        assert papers_refused(county, actor) == "draw.papers_not_needed"
        assert papers_refused(county, actor, acts.frame) == "draw.papers_not_needed"
    assert papers_refused(county, person("GA", Role.PLANNER)) == "draw.officer_only"

    told, manifest = acts.papers(service, GA, DRAW), acts.papers(service, GA, DRAW)["manifest"]
    own, rho = told["own"], bytes.fromhex(told["own"]["rho"])
    assert {staff for staff, _ in own["pids"].values()} == {f"GA-{number:02d}" for number in range(1, 6)}
    for part, value in (("roster", own["roster"]), ("recusals", own["recused"]), ("pids", own["pids"])):
        assert tagged_hash(SHA256, part, rho, canonical(value)).hex() == manifest["rosters"]["GA"][part]
    assert SHA256(acts.frame(service, GA, DRAW)).hex() == manifest["frame"]["shards"][0]["digest"]
    witness = acts.papers(service, WITNESS, DRAW)
    assert (witness["own"], witness["to_seal"]) == (None, None)
    assert papers_refused(county, WITNESS, acts.frame) == "draw.frame_for_committing_only"

    acts.commit(service, GA, DRAW, key="c", own=commitment_of(county, ga)[2])

    assert acts.papers(service, GA, DRAW)["own"] is None
    assert papers_refused(county, GA, acts.frame) == "draw.frame_for_committing_only"


@pytest.mark.parametrize("kind", [System, ChineseSystem])
def test_an_agency_and_a_witness_with_systems_of_their_own_go_through_a_whole_draw(
    county: County, kind: type[System], monkeypatch: pytest.MonkeyPatch
) -> None:
    ga, gz, service = system("GA", kind), system("GZ", kind), county.service
    registers(county, GA, ga.registration())
    registers(county, WITNESS, gz.registration())
    county.open()
    county.commit("AJ", "JT", "SJ", "YG")
    m, opening, own = commitment_of(county, ga)
    with pytest.raises(OneVisitError, match=r"draw\.key_kept_elsewhere"):
        acts.commit(service, GA, DRAW, key="by-server")
    with pytest.raises(OneVisitError, match=r"draw\.signature_wrong"):
        acts.commit(service, GA, DRAW, key="forged", own=OwnCommitment(own.c, "00" * 64))
    acts.commit(service, GA, DRAW, key="c", own=own)
    county.countersign("AJ", "JT", "SJ", "YG")
    commits = {one: bytes.fromhex(each["c"]) for one, each in acts.papers(service, GA, DRAW)["commits"].items()}
    cd = messages.commits_digest(SHA256, m, commits)
    acts.countersign(service, GA, DRAW, key="cs", sig=ga.signs(messages.countersign_message(SHA256, m, cd)))
    county.reveal("AJ", "JT", "SJ", "YG")
    shown = ga.signs(messages.reveal_message(SHA256, m, cd, "GA", opening))
    acts.reveal(service, GA, DRAW, key="r", value=opening.hex(), sig=shown)

    asked = acts.papers(service, WITNESS, DRAW)["to_seal"]
    assert acts.papers(service, GA, DRAW)["to_seal"] is None
    rd, at = bytes.fromhex(asked["digest"]), asked["at"]
    earlier = at - 301
    sig = gz.signs(messages.seal_message(SHA256, m, cd, rd, earlier))
    with pytest.raises(OneVisitError, match=r"draw\.seal_moment_wrong"):
        acts.seal(service, WITNESS, DRAW, key="early", own=OwnSeal(rd.hex(), earlier, sig))
    with pytest.raises(OneVisitError, match=r"draw\.seal_differs"):
        acts.seal(service, WITNESS, DRAW, key="other", own=OwnSeal("00" * 32, at, "00" * 64))
    sealed = gz.signs(messages.seal_message(SHA256, m, cd, rd, at))
    acts.seal(service, WITNESS, DRAW, key="s", own=OwnSeal(rd.hex(), at, sealed))
    county.at(BEACON_TIME)
    thrown = gz.signs(messages.dice_message(SHA256, m, cd, rd, DIGITS.encode()))
    acts.throw_dice(service, WITNESS, DRAW, key="d", digits=DIGITS, again=DIGITS, sig=thrown)

    files = archive.full_record(service, DRAW)
    assert checking.verify(files.record, [files.frame]).targets == 11
    assert "signatures sm2" not in checking.verify(files.record, [files.frame]).not_checked
    assert json.loads(files.record)["manifest"]["agencies"]["GA"]["custody"] == "own"
    monkeypatch.setattr(sm2, "installed", lambda: False)
    unchecked = checking.verify(files.record, [files.frame]).not_checked
    assert ("signatures sm2" in unchecked) == (kind is ChineseSystem)
    view = service.ask(GA, draw_view, draw_id=DRAW, now=county.kit.clock.at)
    assert (view.custody_of("GA"), view.custody_of("GZ"), view.custody_of("JT")) == ("own", "own", "server")


def test_a_key_counts_from_the_next_opening_on_and_the_server_may_be_trusted_again(county: County) -> None:
    county.open()
    before = {one.agency: one.key for one in county.service.ask(LEAD, public_keys)}
    registers(county, GA, system("GA").registration())
    with pytest.raises(OneVisitError, match=r"draw\.key_kept_here"):
        acts.commit(county.service, GA, DRAW, key="own", own=OwnCommitment("00" * 32, "00" * 64))
    county.commit()  # the running attempt goes by its manifest
    county.at(REVEAL_CLOSE + timedelta(seconds=1))  # nobody countersigns: void

    acts.leave_key(county.service, GA, key="leave")

    after = {one.agency: (one.key, one.custody) for one in county.service.ask(LEAD, public_keys)}
    assert after["GA"] == (before["GA"], "server")
    assert county.kit.clock.at > COMMIT_CLOSE
