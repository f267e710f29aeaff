"""
The values and messages of the ceremony: chains, commitments, digests, and what each signature is over.

Every message is the 32 bytes of a hash. What is said after the commitments is said about an *opening*: (M, CD) in the
draw itself, (D_r,) in replacement round r.
Source: JIDRAW/1 sections 5 to 7 and 11.
"""

from collections.abc import Mapping

from services.drawer.domain.encoding import DIGEST_BYTES, Hash, tagged_hash
from services.drawer.domain.roster import SecretWrongSize
from services.drawer.domain.seed import in_order

Opening = tuple[bytes, ...]
"""(M, CD) in the draw itself, (D_r,) in a round."""


def with_dice(h: Hash, csprng: bytes, digits: str) -> bytes:
    """Mix dice into an agency's secret x, for an officer who trusts no machine alone."""
    return tagged_hash(h, "dice", csprng, digits)


def chain(h: Hash, secret: bytes, length: int) -> tuple[bytes, ...]:
    """
    Work out z_0 … z_R of one agency from its secret x; z_0 is committed to, z_r opens replacement round r.

    Args:
        secret: x, 32 bytes of the agency's system's CSPRNG, fresh for every attempt.
        length: R, the manifest's ``chain_len``.
    """
    if len(secret) != DIGEST_BYTES:
        raise SecretWrongSize(what="draw_secret", bytes=DIGEST_BYTES)
    values = [secret]
    for _ in range(length):
        values.append(tagged_hash(h, "chain", values[-1]))
    return tuple(reversed(values))


def commitment(h: Hash, manifest: bytes, agency: str, secret: bytes) -> bytes:
    """Work out c_a from s_a (承诺); *manifest* is M."""
    return tagged_hash(h, "commit", manifest, agency, secret)


def key_message(h: Hash, county: str, body: str, key: bytes) -> bytes:
    """Say what a body signs with a new key, to prove that it holds the private half; no part of a record."""
    return tagged_hash(h, "key-msg", county, body, key)


def commit_message(h: Hash, manifest: bytes, agency: str, c: bytes) -> bytes:
    """Say what an agency signs with its commitment."""
    return tagged_hash(h, "commit-msg", manifest, agency, c)


def commits_digest(h: Hash, manifest: bytes, commitments: Mapping[str, bytes]) -> bytes:
    """Work out CD over the commitments of all agencies."""
    return tagged_hash(h, "commits", manifest, *in_order(commitments))


def countersign_message(h: Hash, manifest: bytes, commits: bytes) -> bytes:
    """Say what every agency signs when it has checked all commitments; *commits* is CD."""
    return tagged_hash(h, "cd-msg", manifest, commits)


def removal_digest(h: Hash, manifest: bytes, number: int, request: bytes) -> bytes:
    """Work out D_r of round *number* from its request ρ in canonical form."""
    return tagged_hash(h, "removal", manifest, number, request)


def removal_message(h: Hash, removal: bytes) -> bytes:
    """Say what is signed under a round's request; *removal* is D_r."""
    return tagged_hash(h, "removal-msg", removal)


def opened(h: Hash, value: bytes, links: int) -> bytes:
    """Go *links* steps along an agency's chain from a revealed value to the secret it committed to."""
    for _ in range(links):
        value = tagged_hash(h, "chain", value)
    return value


def said_of_reveal(h: Hash, opening: Opening, agency: str, value: bytes) -> bytes:
    """Say what an agency signs when it reveals its secret (揭示) or, in a round, its chain value."""
    return tagged_hash(h, "reveal-msg", *opening, agency, value)


def said_of_seal(h: Hash, opening: Opening, reveals: bytes, at: int) -> bytes:
    """Say what the witness (or more than half of the agencies) signs to seal the reveals; *reveals* is RD or RD_r."""
    return tagged_hash(h, "seal", *opening, reveals, at)


def said_of_dice(h: Hash, opening: Opening, reveals: bytes, digits: bytes) -> bytes:
    """Say what the witness (or more than half of the agencies) signs under the dice thrown in the room."""
    return tagged_hash(h, "dice-msg", *opening, reveals, digits)


def reveal_message(h: Hash, manifest: bytes, commits: bytes, agency: str, secret: bytes) -> bytes:
    """Say what an agency signs when it reveals s_a in the draw itself."""
    return said_of_reveal(h, (manifest, commits), agency, secret)


def reveals_digest(h: Hash, manifest: bytes, subject: bytes, values: Mapping[str, bytes | None]) -> bytes:
    """Work out RD (*subject* is CD) or RD_r (D_r) over the revealed values of all agencies, None where none came."""
    return tagged_hash(h, "reveals", manifest, subject, *in_order(values))


def seal_message(h: Hash, manifest: bytes, commits: bytes, reveals: bytes, at: int) -> bytes:
    """Say what seals the reveals of the draw itself."""
    return said_of_seal(h, (manifest, commits), reveals, at)


def dice_message(h: Hash, manifest: bytes, commits: bytes, reveals: bytes, digits: bytes) -> bytes:
    """Say what is signed under the dice of the draw itself."""
    return said_of_dice(h, (manifest, commits), reveals, digits)
