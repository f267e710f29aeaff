"""
What went wrong around a seal, shown from what was signed: published, while the draw stands.

And what the witness (见证人) refuses before it comes to that: a second manifest for one attempt, a new attempt after one
that was sealed.
Source: JIDRAW/1 sections 4, 6 and 15.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.drawer.domain import messages
from services.drawer.domain.canonical import canonical
from services.drawer.domain.manifest import Manifest, digest
from services.drawer.domain.record import Fault
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.sealing import Act, Reveal, Seal


class ManifestAlreadyShown(DrawRefused):
    """Another live manifest was shown for the same attempt; whoever has two could choose between two draws."""

    code = "draw.manifest_already_shown"
    says = ("draw", "attempt")


class PreviousNotShown(DrawRefused):
    """A manifest says it follows an attempt that nobody was shown, or not as it was shown."""

    code = "draw.previous_not_shown"
    says = ("draw", "attempt")


class PreviousStands(DrawRefused):
    """The attempt before is sealed or still under way: nothing voids a seal, and one attempt runs at a time."""

    code = "draw.previous_stands"
    says = ("draw", "attempt")


@dataclass(frozen=True)
class ShownAttempt:
    """What the witness keeps of an attempt: the digest of its manifest, and whether it has ended without a seal."""

    manifest: bytes
    ended: bool


def accept_manifest(shown: Mapping[int, ShownAttempt], manifest: Manifest) -> bytes:
    """
    Judge a manifest that is shown to the witness, and give the digest M that the witness then publishes.

    Args:
        shown: The live attempts of this draw that were shown before, by number.
    """
    m = digest(manifest)
    if manifest.purpose != "live":
        return m
    about = {"draw": manifest.draw, "attempt": manifest.attempt}
    known = shown.get(manifest.attempt)
    if known is not None and known.manifest != m:
        raise ManifestAlreadyShown(**about)
    if manifest.attempt > 1:
        before = shown.get(manifest.attempt - 1)
        if before is None or before.manifest.hex() != manifest.prev:
            raise PreviousNotShown(**about)
        if not before.ended:
            raise PreviousStands(**about)
    return m


def omitted_reveal(act: Act, sealed: Mapping[str, Reveal], agency: str, shown: Reveal) -> Fault | None:
    """Say that a valid reveal is not in the sealed list; None where it is no reveal, or stands there."""
    if agency in sealed or not act.is_revealed(agency, shown):
        return None
    evidence = canonical({"value": shown.value.hex(), "sig": shown.sig.hex()})
    return Fault("valid reveal not in the seal", agency, act.h(evidence).hex())


def second_seal(act: Act, seal: Seal, other: Seal) -> Fault | None:
    """Say that one act was sealed twice; None where the other is no valid seal, or says the same."""
    if (seal.digest, seal.at) == (other.digest, other.at):
        return None
    for one in (seal, other):
        try:
            act.check_signed(one.signed, messages.said_of_seal(act.h, act.opening, one.digest, one.at), "seal")
        except DrawRefused:
            return None
    evidence = canonical({"digest": other.digest.hex(), "at": other.at, **other.signed.as_json()})
    return Fault("second seal", "witness" if act.manifest.witness else None, act.h(evidence).hex())
