"""Randomness by purpose and subject."""

import pytest

from runtime.entropy import DemoEntropy, SystemEntropy


def test_demo_bytes_follow_from_seed_purpose_and_subject() -> None:
    entropy = DemoEntropy(b"s" * 16)

    assert entropy.bytes(100, "draw.share", "GA") == DemoEntropy(b"s" * 16).bytes(100, "draw.share", "GA")
    assert entropy.bytes(100, "draw.share", "GA")[:32] == entropy.bytes(32, "draw.share", "GA")
    others = [
        DemoEntropy(b"t" * 16).bytes(32, "draw.share", "GA"),
        entropy.bytes(32, "draw.share", "AJ"),
        entropy.bytes(32, "draw.salt", "GA"),
        entropy.bytes(32, "draw.shareG", "A"),
    ]
    assert len({*others, entropy.bytes(32, "draw.share", "GA")}) == 5
    assert entropy.bytes(0, "", "") == b""


def test_demo_entropy_has_its_bounds() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        DemoEntropy(b"short")
    with pytest.raises(ValueError, match="8160"):
        DemoEntropy(b"s" * 16).bytes(8161, "p", "s")


def test_system_bytes_are_fresh_every_time() -> None:
    entropy = SystemEntropy()

    assert entropy.bytes(32, "p", "s") != entropy.bytes(32, "p", "s")
    assert len(entropy.bytes(5, "p", "s")) == 5
