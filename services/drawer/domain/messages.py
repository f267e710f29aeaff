"""
The values and messages of the ceremony: chains, commitments, digests, and what each signature is over.

Every message is the 32 bytes of a hash. Source: JIDRAW/1 sections 5 to 7.
"""

from collections.abc import Mapping

from services.drawer.domain.encoding import DIGEST_BYTES, Hash, tagged_hash
from services.drawer.domain.roster import SecretWrongSize
from services.drawer.domain.seed import in_order


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


def commit_message(h: Hash, manifest: bytes, agency: str, c: bytes) -> bytes:
    """Say what an agency signs with its commitment."""
    return tagged_hash(h, "commit-msg", manifest, agency, c)


def commits_digest(h: Hash, manifest: bytes, commitments: Mapping[str, bytes]) -> bytes:
    """Work out CD over the commitments of all agencies."""
    return tagged_hash(h, "commits", manifest, *in_order(commitments))


def countersign_message(h: Hash, manifest: bytes, commits: bytes) -> bytes:
    """Say what every agency signs when it has checked all commitments; *commits* is CD."""
    return tagged_hash(h, "cd-msg", manifest, commits)


def reveal_message(h: Hash, manifest: bytes, commits: bytes, agency: str, secret: bytes) -> bytes:
    """Say what an agency signs when it reveals s_a (揭示)."""
    return tagged_hash(h, "reveal-msg", manifest, commits, agency, secret)


def reveals_digest(h: Hash, manifest: bytes, commits: bytes, values: Mapping[str, bytes | None]) -> bytes:
    """Work out RD over the revealed values of all agencies, None where one never came."""
    return tagged_hash(h, "reveals", manifest, commits, *in_order(values))


def seal_message(h: Hash, manifest: bytes, commits: bytes, reveals: bytes, at: int) -> bytes:
    """Say what the witness (or more than half of the agencies) signs to seal the reveals; *reveals* is RD."""
    return tagged_hash(h, "seal", manifest, commits, reveals, at)


def dice_message(h: Hash, manifest: bytes, commits: bytes, reveals: bytes, digits: bytes) -> bytes:
    """Say what the witness (or more than half of the agencies) signs under the dice thrown in the room."""
    return tagged_hash(h, "dice-msg", manifest, commits, reveals, digits)
