"""The blob store: named by content, verified on reading, restricted ones for their readers only, erased by their grants."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.entropy import DemoEntropy, SystemEntropy
from runtime.errors import Forbidden, NotFound, TryAgain, Unreadable
from runtime.files.blobs import (
    BlobDamaged,
    BlobForgotten,
    BlobMissing,
    BlobNotForReader,
    BlobReaderUnknown,
    BlobStore,
    BlobTooLarge,
)
from schemas.blobs import BlobRef

KEYS = {"planner": b"p" * 32, "drawer": b"d" * 32, "results": b"r" * 32}


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs", SystemEntropy(), KEYS)


def the_file(tmp_path: Path, ref: BlobRef) -> Path:
    return tmp_path / "blobs" / ref.digest[:2] / ref.digest


def test_an_open_document_is_named_by_its_content_and_comes_back(store: BlobStore) -> None:
    ref = store.put(b"frame", "text/tab-separated-values")

    assert ref == BlobRef(digest=sha256(b"frame").hexdigest(), size=5, content_type="text/tab-separated-values")
    assert store.get(ref, "anybody") == b"frame"
    assert store.has(ref)


def test_a_restricted_document_is_for_its_readers_only(store: BlobStore, tmp_path: Path) -> None:
    ref = store.put("靳某某".encode(), "text/plain", ["results", "drawer", "results"])

    assert ref.readers == ("drawer", "results")
    assert store.get(ref, "drawer") == store.get(ref, "results") == "靳某某".encode()
    with pytest.raises(BlobNotForReader):
        store.get(ref, "planner")
    # Not even by claiming in the reference to be one of its readers.
    with pytest.raises(BlobNotForReader):
        store.get(ref.model_copy(update={"readers": ("planner",)}), "planner")
    assert "靳".encode() not in the_file(tmp_path, ref).read_bytes()


def test_the_name_of_a_restricted_document_is_that_of_its_ciphertext_and_gives_nothing_away(
    store: BlobStore, tmp_path: Path
) -> None:
    one, other = (store.put(b"yes", "text/plain", ["results"]) for _ in range(2))

    assert one.digest != other.digest
    assert sha256(b"yes").hexdigest() not in (one.digest, other.digest)
    assert one.digest == sha256(the_file(tmp_path, one).read_bytes()).hexdigest()


def test_in_a_demo_home_the_same_document_has_the_same_name_unless_its_subject_differs(tmp_path: Path) -> None:
    stores = [BlobStore(tmp_path / name, DemoEntropy(b"s" * 32), KEYS) for name in ("a", "b")]

    first, second = (store.put(b"yes", "text/plain", ["results"], subject="V1") for store in stores)
    third = stores[0].put(b"yes", "text/plain", ["results"], subject="V2")
    fourth = stores[0].put(b"yes", "text/plain", ["results", "drawer"], subject="V1")

    assert first == second
    assert len({first.digest, third.digest, fourth.digest}) == 3


def test_a_forgotten_document_cannot_be_read_by_anybody(store: BlobStore) -> None:
    ref = store.put(b"secret", "text/plain", ["results", "drawer"])

    store.forget(ref)

    for reader in ("results", "drawer"):
        with pytest.raises(BlobForgotten):
            store.get(ref, reader)


def test_an_open_document_cannot_be_forgotten(store: BlobStore) -> None:
    with pytest.raises(Forbidden):
        store.forget(store.put(b"public", "text/plain"))


def test_a_missing_document_may_still_arrive(store: BlobStore, tmp_path: Path) -> None:
    ref = store.put(b"frame", "text/plain")
    sealed = store.put(b"roster", "text/plain", ["drawer"])
    the_file(tmp_path, ref).unlink()
    the_file(tmp_path, sealed).with_name(f"{sealed.digest}.grants").unlink()

    for each in (ref, sealed):
        with pytest.raises(BlobMissing):
            store.get(each, "drawer")


@pytest.mark.parametrize("readers", [(), ("drawer",)])
def test_a_changed_byte_is_noticed_and_putting_the_document_again_mends_it(
    tmp_path: Path, readers: tuple[str, ...]
) -> None:
    store = BlobStore(tmp_path / "blobs", DemoEntropy(b"s" * 32), KEYS)
    ref = store.put(b"frame", "text/plain", readers)
    file = the_file(tmp_path, ref)
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")

    with pytest.raises(BlobDamaged):
        store.get(ref, "drawer")
    store.put(b"frame", "text/plain", readers)
    assert store.get(ref, "drawer") == b"frame"


@pytest.mark.parametrize(
    "text", [b"", b"null", b"{}", b'{"grants": 7}', b'{"grants": {"drawer": "zz"}}', b'{"grants": {"drawer": "00"}}']
)
def test_a_damaged_grant_is_said_to_be_damaged(store: BlobStore, tmp_path: Path, text: bytes) -> None:
    ref = store.put(b"roster", "text/plain", ["drawer"])
    the_file(tmp_path, ref).with_name(f"{ref.digest}.grants").write_bytes(text)

    with pytest.raises(BlobDamaged):
        store.get(ref, "drawer")


def test_a_reference_with_another_size_is_not_the_document(store: BlobStore) -> None:
    ref = store.put(b"frame", "text/plain")

    with pytest.raises(BlobDamaged):
        store.get(ref.model_copy(update={"size": 4}), "drawer")


def test_a_service_with_another_key_cannot_read(store: BlobStore, tmp_path: Path) -> None:
    ref = store.put(b"roster", "text/plain", ["drawer"])
    stranger = BlobStore(tmp_path / "blobs", SystemEntropy(), {**KEYS, "drawer": b"x" * 32})
    without = BlobStore(tmp_path / "blobs", SystemEntropy(), {})

    with pytest.raises(BlobDamaged):
        stranger.get(ref, "drawer")
    with pytest.raises(BlobNotForReader):
        without.get(ref, "drawer")


def test_too_large_and_unknown_readers_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", SystemEntropy(), KEYS, largest_bytes=4)

    with pytest.raises(BlobTooLarge):
        store.put(b"frame", "text/plain")
    with pytest.raises(BlobReaderUnknown):
        store.put(b"x", "text/plain", ["stranger"])
    assert list((tmp_path / "blobs").iterdir()) == []


def test_keys_have_32_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        BlobStore(tmp_path, SystemEntropy(), {"planner": b"p" * 16})


def test_many_writers_of_one_document_do_not_disturb_one_another(store: BlobStore, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    with ThreadPoolExecutor(16) as pool:
        refs = set(pool.map(lambda _: store.put(data, "image/jpeg"), range(64)))

    (ref,) = refs
    assert store.get(ref, "results") == data
    assert [file.name for file in the_file(tmp_path, ref).parent.iterdir()] == [ref.digest]


KILLED_WHILE_PUTTING = """
import os, sys, runtime.files.blobs as blobs
from pathlib import Path
from runtime.entropy import SystemEntropy
real = os.replace
def replace(*names):
    os.kill(os.getpid(), 9)
os.replace = replace
blobs.BlobStore(Path(sys.argv[1]), SystemEntropy(), {}).put(b"frame", "text/plain")
"""


def test_a_kill_before_the_rename_leaves_no_half_document(store: BlobStore, tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", KILLED_WHILE_PUTTING, str(tmp_path / "blobs")], check=False)
    ref = BlobRef(digest=sha256(b"frame").hexdigest(), size=5, content_type="text/plain")

    assert ran.returncode == -9
    with pytest.raises(BlobMissing):
        store.get(ref, "planner")
    assert store.put(b"frame", "text/plain") == ref
    assert store.get(ref, "planner") == b"frame"


def test_each_refusal_belongs_to_the_family_that_says_what_happens_next() -> None:
    assert issubclass(BlobMissing, TryAgain)
    assert issubclass(BlobDamaged, Unreadable)
    assert issubclass(BlobNotForReader, Forbidden)
    assert issubclass(BlobForgotten, NotFound)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "A" * 64, "0" * 63])
def test_a_reference_is_a_digest_and_nothing_else(digest: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        BlobRef(digest=digest, size=0, content_type="text/plain")


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=2000), st.sets(st.sampled_from(sorted(KEYS))))
def test_whatever_is_put_comes_back(tmp_path_factory: pytest.TempPathFactory, data: bytes, readers: set[str]) -> None:
    store = BlobStore(tmp_path_factory.mktemp("blobs"), SystemEntropy(), KEYS)
    ref = store.put(data, "application/octet-stream", readers)

    assert all(
        store.get(BlobRef.model_validate_json(ref.model_dump_json()), reader) == data
        for reader in readers or {"anybody"}
    )
