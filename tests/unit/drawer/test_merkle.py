"""Tree hashes against the recursive definition of RFC 6962, and paths that only fit their own leaf."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.drawer.domain.encoding import SHA256
from services.drawer.domain.merkle import Path, path_to, root, root_by_path

lists = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


def defined(data: list[bytes]) -> bytes:
    """Compute MTH as RFC 6962 section 2.1 words it: split at the largest power of two below n."""
    if not data:
        return SHA256(b"")
    if len(data) == 1:
        return SHA256(b"\x00" + data[0])
    split = 1
    while split * 2 < len(data):
        split *= 2
    return SHA256(b"\x01" + defined(data[:split]) + defined(data[split:]))


@given(st.lists(st.binary(max_size=4), max_size=40))
def test_a_root_is_the_one_rfc_6962_defines(data: list[bytes]) -> None:
    assert root(SHA256, data) == defined(data)


@given(lists, st.data())
def test_every_member_has_a_path_to_the_root(data: list[bytes], pick: st.DataObject) -> None:
    index = pick.draw(st.integers(0, len(data) - 1))

    path = path_to(SHA256, data, index)

    assert root_by_path(SHA256, data[index], path) == root(SHA256, data)
    assert root_by_path(SHA256, data[index] + b"!", path) != root(SHA256, data)
    assert len(path.neighbours) <= len(data).bit_length()


@given(lists, st.data())
def test_a_path_of_another_place_length_or_size_does_not_lead_to_the_root(
    data: list[bytes], pick: st.DataObject
) -> None:
    index = pick.draw(st.integers(0, len(data) - 1))
    path = path_to(SHA256, data, index)

    assert root_by_path(SHA256, data[index], replace(path, neighbours=(*path.neighbours, b"x" * 32))) is None
    assert root_by_path(SHA256, data[index], replace(path, index=len(data))) is None
    assert root_by_path(SHA256, data[index], replace(path, index=-1)) is None
    if path.neighbours:
        assert root_by_path(SHA256, data[index], replace(path, neighbours=path.neighbours[1:])) is None


def test_an_empty_tree_has_no_paths() -> None:
    assert root_by_path(SHA256, b"", Path(0, 0, ())) is None
