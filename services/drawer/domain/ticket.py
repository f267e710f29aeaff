"""Tickets (抽签号): one hash of 51 bytes per entity, which anybody can work out with ``sha256sum``."""

from services.drawer.domain.encoding import Hash, tagged_hash


def draw_key(h: Hash, seed: bytes, *purpose: str) -> bytes:
    """Derive one of the draw's keys: 32 hex characters as ASCII (JIDRAW/1 section 8)."""
    return tagged_hash(h, "key", seed, *purpose).hex()[:32].encode()


def target_key(h: Hash, seed: bytes) -> bytes:
    """Derive K_t, the one key of every selection of a draw."""
    return draw_key(h, seed, "target")


def team_key(h: Hash, seed: bytes, agency: str) -> bytes:
    """Derive the key of one agency's teams."""
    return draw_key(h, seed, "team", agency)


def keyed(h: Hash, key: bytes, text: str) -> bytes:
    """H(K ‖ "|" ‖ x): the draw's hash of a text."""
    # The key is always 32 hex characters, so the bar cannot be mistaken for part of it: no length prefix is
    # needed, and an 18-character credit code fits one SHA-256 block.
    return h(key + b"|" + text.encode())


def ticket(h: Hash, key: bytes, entity_id: str) -> bytes:
    """Work out the ticket of one entity in one draw: 32 bytes, the lowest is drawn first."""
    return keyed(h, key, entity_id)
