"""
SM3 (GB/T 32905-2016) in plain Python, for an interpreter whose OpenSSL does not offer it.

Slow (about 20 kB a second), but right: ``encoding`` takes it only where ``hashlib.new("sm3")`` does not answer.
"""

MASK = 0xFFFFFFFF
BLOCK_BYTES = 64
INITIAL = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)


def _rotate(word: int, bits: int) -> int:
    bits %= 32
    return ((word << bits) | (word >> (32 - bits))) & MASK


def _expand(block: bytes) -> list[int]:
    words = [int.from_bytes(block[at : at + 4], "big") for at in range(0, BLOCK_BYTES, 4)]
    for at in range(16, 68):
        mixed = words[at - 16] ^ words[at - 9] ^ _rotate(words[at - 3], 15)
        permuted = mixed ^ _rotate(mixed, 15) ^ _rotate(mixed, 23)
        words.append(permuted ^ _rotate(words[at - 13], 7) ^ words[at - 6])
    return words


def _compress(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    words = _expand(block)
    a, b, c, d, e, f, g, h = state
    for at in range(64):
        early = at < 16
        constant = 0x79CC4519 if early else 0x7A879D8A
        first = _rotate((_rotate(a, 12) + e + _rotate(constant, at)) & MASK, 7)
        second = first ^ _rotate(a, 12)
        left = a ^ b ^ c if early else (a & b) | (a & c) | (b & c)
        right = e ^ f ^ g if early else (e & f) | (~e & MASK & g)
        new_a = (left + d + second + (words[at] ^ words[at + 4])) & MASK
        new_e = (right + h + first + words[at]) & MASK
        a, b, c, d = new_a, a, _rotate(b, 9), c
        e, f, g, h = new_e ^ _rotate(new_e, 9) ^ _rotate(new_e, 17), e, _rotate(f, 19), g
    return tuple(old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True))


class PlainSM3:
    """Hash bytes as they come; behaves like the objects of hashlib."""

    def __init__(self, data: bytes = b"") -> None:
        self._state: tuple[int, ...] = INITIAL
        self._rest = b""
        self._length = 0
        self.update(data)

    def update(self, data: bytes) -> None:
        """Take in more bytes."""
        self._length += len(data)
        self._rest += data
        whole = len(self._rest) - len(self._rest) % BLOCK_BYTES
        for at in range(0, whole, BLOCK_BYTES):
            self._state = _compress(self._state, self._rest[at : at + BLOCK_BYTES])
        self._rest = self._rest[whole:]

    def digest(self) -> bytes:
        """Give the 32 bytes of the hash of everything taken in so far."""
        zeros = (BLOCK_BYTES - 9 - len(self._rest)) % BLOCK_BYTES
        tail = self._rest + b"\x80" + bytes(zeros) + (8 * self._length).to_bytes(8, "big")
        state = self._state
        for at in range(0, len(tail), BLOCK_BYTES):
            state = _compress(state, tail[at : at + BLOCK_BYTES])
        return b"".join(word.to_bytes(4, "big") for word in state)
