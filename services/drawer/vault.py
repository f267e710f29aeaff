"""
Keys and secrets held by the server (custody "server"): made here, sealed here, used here, and nowhere else in clear.

Signing keys are Ed25519; everything stored is sealed under the data folder's secret with a purpose of its own.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runtime.service import Ports
from services.drawer import sm2
from services.drawer.domain.canonical import parse
from services.drawer.domain.encoding import DIGEST_BYTES
from services.drawer.domain.requests import Request, read_request

SERVICE = "drawer"
ALGORITHM = "ed25519"  # of keys that are made here
KEY, SECRET, ROSTER, REVEAL, ROUND = "draw.key", "draw.secret", "draw.roster", "draw.reveal", "draw.round"
REHEARSAL = "draw.rehearsal"


@dataclass(frozen=True)
class KeyPair:
    """A new key of one body: the public half as hex, the private half sealed."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    agency: str
    public: str
    sealed: bytes


@dataclass(frozen=True)
class RosterSalts:
    """ρ of one agency in one attempt, and its officers' salts by staff number."""

    rho: bytes
    salts: Mapping[str, bytes]


@dataclass(frozen=True)
class Vault:
    """Makes, seals and opens the drawer's secrets."""

    ports: Ports

    def new_key(self, county: str, agency: str) -> KeyPair:
        """Make a signing key for *agency*."""
        private = self.ports.entropy.bytes(32, KEY, f"{county}/{agency}")
        public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return KeyPair(agency, public.hex(), self._seal(KEY, private))

    def pair_of(self, agency: str, sealed: bytes) -> KeyPair:
        """Give a sealed key with its public half."""
        private = Ed25519PrivateKey.from_private_bytes(self._open(KEY, sealed))
        return KeyPair(agency, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(), sealed)

    def sign(self, sealed_key: bytes, message: bytes) -> bytes:
        """Sign 32 bytes with a sealed key."""
        return Ed25519PrivateKey.from_private_bytes(self._open(KEY, sealed_key)).sign(message)

    def new_secret(self, attempt: str, agency: str) -> bytes:
        """Take 32 fresh bytes for an agency's secret in one attempt."""
        return self.ports.entropy.bytes(DIGEST_BYTES, SECRET, f"{attempt}/{agency}")

    def new_salts(self, attempt: str, agency: str, officers: list[str]) -> RosterSalts:
        """Take ρ and one salt per officer for one agency in one attempt."""
        subject = f"{attempt}/{agency}"
        salts = {one: self.ports.entropy.bytes(DIGEST_BYTES, "draw.salt", f"{subject}/{one}") for one in officers}
        return RosterSalts(self.ports.entropy.bytes(DIGEST_BYTES, "draw.rho", subject), salts)

    def seal_secret(self, secret: bytes) -> bytes:
        """Seal x."""
        return self._seal(SECRET, secret)

    def open_secret(self, sealed: bytes) -> bytes:
        """Open x."""
        return self._open(SECRET, sealed)

    def seal_reveal(self, value: bytes) -> bytes:
        """Seal a revealed value until the record is made."""
        return self._seal(REVEAL, value)

    def open_reveal(self, sealed: bytes) -> bytes:
        """Open a revealed value."""
        return self._open(REVEAL, sealed)

    def seal_request(self, request: Request) -> bytes:
        """Seal ρ of a round, which names drawn targets."""
        return self._seal(ROUND, request.as_bytes())

    def open_request(self, sealed: bytes) -> Request:
        """Open ρ of a round."""
        return read_request(parse(self._open(ROUND, sealed)))

    def seal_salts(self, one: RosterSalts) -> bytes:
        """Seal ρ and salts."""
        told = {"rho": one.rho.hex(), "salts": {officer: salt.hex() for officer, salt in one.salts.items()}}
        return self._seal(ROSTER, json.dumps(told, sort_keys=True).encode())

    def open_salts(self, sealed: bytes) -> RosterSalts:
        """Open ρ and salts."""
        told = json.loads(self._open(ROSTER, sealed))
        salts = {officer: bytes.fromhex(salt) for officer, salt in told["salts"].items()}
        return RosterSalts(bytes.fromhex(told["rho"]), salts)

    def seal_rehearsal(self, content: bytes) -> bytes:
        """Seal everything of a rehearsal."""
        return self._seal(REHEARSAL, content)

    def open_rehearsal(self, sealed: bytes) -> bytes:
        """Open a rehearsal."""
        return self._open(REHEARSAL, sealed)

    def fingerprint(self, given: str | None) -> str | None:
        """
        Tell one given secret from another without keeping it: 64 hex under a key of its own, None for nothing.

        A bare digest of dice could be guessed by whoever reads the database.
        """
        if given is None:
            return None
        key = self.ports.secrets.sealing_key(f"{SERVICE}.given")
        return hmac.new(key, given.encode("utf-8", "surrogatepass"), "sha256").hexdigest()

    def _seal(self, purpose: str, plain: bytes) -> bytes:
        return self.ports.secrets.seal(SERVICE, purpose, plain)

    def _open(self, purpose: str, sealed: bytes) -> bytes:
        return self.ports.secrets.open(SERVICE, purpose, sealed)


def algorithms_known() -> tuple[str, ...]:
    """Name the algorithms whose signatures can be checked here."""
    return (ALGORITHM, sm2.SM2) if sm2.installed() else (ALGORITHM,)


def verify_signature(alg: str, key: str, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature is right (``domain.sealing.Verify``); one whose algorithm is not known here is not."""
    if alg == sm2.SM2 and sm2.installed():
        return sm2.verify(key, message, signature)
    if alg != ALGORITHM:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
