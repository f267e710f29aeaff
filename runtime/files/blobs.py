"""
Documents kept by what they contain, outside of databases and events.

A document that everybody may read is stored as it is, named by its SHA-256. A restricted one is encrypted with
AES-256-GCM under a key of its own, made for it alone, and named by the SHA-256 of its ciphertext; that key lies beside
it, wrapped once for each service that may read it. Deleting those grants erases the document, also from backups of the
ciphertext.

``put`` returns only when file and folder are on disk, so that an event may name the document in the next transaction.
"""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from runtime.entropy import Entropy
from runtime.errors import Forbidden, NotFound, Rejected, TryAgain, Unreadable
from schemas.blobs import BlobRef

KEY_BYTES, NONCE_BYTES = 32, 12
LARGEST_BLOB_BYTES = 64 * 1024 * 1024
_ABOUT = b"onevisit/blob/1"


class BlobTooLarge(Rejected):
    """The document is larger than the store takes."""

    code = "blob.too_large"


class BlobReaderUnknown(Rejected):
    """A document was to be readable by a service that has no key."""

    code = "blob.reader_unknown"


class BlobMissing(TryAgain):
    """The document is not there (yet): it may still be on its way from another machine or a backup."""

    code = "blob.missing"


class BlobDamaged(Unreadable):
    """What lies in the store is not the document that was put there."""

    code = "blob.damaged"


class BlobNotForReader(Forbidden):
    """The document was not put there for this service."""

    code = "blob.not_for_reader"


class BlobForgotten(NotFound):
    """The document was erased on purpose; only its name is left."""

    code = "blob.forgotten"


class BlobStore:
    """
    A folder of documents named by what they contain.

    Args:
        folder: Where they lie; made if it is missing.
        entropy: Gives a restricted document its key.
        keys: The services' own keys, ``{service: 32 bytes}``: of every service that may be named as a reader here.
        largest_bytes: The largest document taken.
    """

    def __init__(
        self, folder: Path, entropy: Entropy, keys: Mapping[str, bytes], *, largest_bytes: int = LARGEST_BLOB_BYTES
    ) -> None:
        for service, key in keys.items():
            if len(key) != KEY_BYTES:
                raise ValueError(f"the key of {service} has {len(key)} bytes instead of {KEY_BYTES}")
        self._folder = folder
        self._entropy = entropy
        self._keys = dict(keys)
        self._largest_bytes = largest_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, data: bytes, content_type: str, readers: Iterable[str] = (), *, subject: str = "") -> BlobRef:
        """
        Keep a document; to keep the same one again, also at the same time, changes nothing.

        Args:
            data: The document.
            content_type: Such as ``application/json``.
            readers: Services that may read it; none means everybody.
            subject: Whose document it is, such as an id. Two subjects never share a restricted document, so that
                forgetting one leaves the other; it is not stored.

        Raises:
            BlobTooLarge: *data* is larger than the store takes.
            BlobReaderUnknown: a reader has no key here.
        """
        if len(data) > self._largest_bytes:
            raise BlobTooLarge(size=len(data), largest=self._largest_bytes)
        for reader in (allowed := tuple(sorted(set(readers)))):
            if reader not in self._keys:
                raise BlobReaderUnknown(reader=reader)
        if not allowed:
            ref = BlobRef(digest=sha256(data).hexdigest(), size=len(data), content_type=content_type)
            self._keep(self._file(ref.digest), data)
            return ref
        # The key serves this one message, so a nonce beside it from the same source can never meet it again.
        about = "|".join([sha256(data).hexdigest(), content_type, ",".join(allowed), subject])
        secret = self._entropy.bytes(KEY_BYTES + NONCE_BYTES, "blob.key", about)
        key, nonce = secret[:KEY_BYTES], secret[KEY_BYTES:]
        sealed = nonce + AESGCM(key).encrypt(nonce, data, _ABOUT)
        ref = BlobRef(digest=sha256(sealed).hexdigest(), size=len(data), content_type=content_type, readers=allowed)
        grants = {reader: aes_key_wrap(self._keys[reader], key).hex() for reader in allowed}
        self._keep(self._grants(ref.digest), _grants_text(grants))
        self._keep(self._file(ref.digest), sealed)
        return ref

    def get(self, ref: BlobRef, reader: str) -> bytes:
        """
        Fetch a document for the service *reader*, verified against its name.

        Raises:
            BlobMissing: it is not there (yet).
            BlobDamaged: what is there is something else.
            BlobNotForReader: it is restricted, and not to this service.
            BlobForgotten: it has been erased.
        """
        if ref.restricted and reader not in ref.readers:
            raise BlobNotForReader(digest=ref.digest, reader=reader)
        stored = self._stored(self._file(ref.digest), ref.digest)
        if sha256(stored).hexdigest() != ref.digest:
            raise BlobDamaged(digest=ref.digest, why="digest")
        data = self._opened(stored, ref, reader) if ref.restricted else stored
        if len(data) != ref.size:
            raise BlobDamaged(digest=ref.digest, why="size")
        return data

    def has(self, ref: BlobRef) -> bool:
        """Tell whether the document lies here, without reading it."""
        return self._file(ref.digest).exists()

    def forget(self, ref: BlobRef) -> None:
        """
        Erase a restricted document: delete its grants, without which nobody can decrypt it, for good.

        Raises:
            Forbidden: the document is not restricted; what everybody may read cannot be taken back like this.
        """
        if not ref.restricted:
            raise Forbidden(digest=ref.digest, why="not_restricted")
        self._keep(self._grants(ref.digest), _grants_text({}))

    def _opened(self, sealed: bytes, ref: BlobRef, reader: str) -> bytes:
        try:
            grants: dict[str, str] = json.loads(self._stored(self._grants(ref.digest), ref.digest))["grants"]
            if not grants:
                raise BlobForgotten(digest=ref.digest)
            if reader not in grants or reader not in self._keys:
                raise BlobNotForReader(digest=ref.digest, reader=reader)
            key = aes_key_unwrap(self._keys[reader], bytes.fromhex(grants[reader]))
            return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _ABOUT)
        except (InvalidTag, InvalidUnwrap, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BlobDamaged(digest=ref.digest, why="grant") from error

    def _stored(self, path: Path, digest: str) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise BlobMissing(digest=digest) from error

    def _file(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _grants(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.grants"

    def _keep(self, path: Path, data: bytes) -> None:
        """Put a file in its place, whole or not at all, and onto the disk; other writers of the same may be at it too."""
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._folder)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
        try:
            with open(beside, "xb", opener=_private) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _grants_text(grants: Mapping[str, str]) -> bytes:
    return json.dumps({"v": 1, "grants": grants}, sort_keys=True).encode("ascii")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
