"""
The data folder's secrets: written at random on the first start, required ever after.

``secrets.toml`` (mode 0600, outside backups) holds one master key, from which each service's sealing key derives, and the
sign-in passwords that were made for first use.
"""

import fcntl
import os
import secrets
import tomllib
from pathlib import Path

import tomli_w
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.errors import OneVisitError

_NONCE = 12


class SecretsMissing(OneVisitError):
    """The data folder has data but no secrets: starting with new ones would lose what the old ones seal."""

    code = "secrets.missing"


class SecretsUnreadable(OneVisitError):
    """The secrets file is there, but damaged."""

    code = "secrets.unreadable"


class SealBroken(OneVisitError):
    """A sealed value does not open: it was changed, or sealed under other secrets."""

    code = "secrets.seal_broken"


class Secrets:
    """The secrets of one data folder."""

    def __init__(self, master: bytes, passwords: dict[str, str], path: Path | None = None) -> None:
        self._master = master
        self._passwords = passwords
        self._path = path

    @classmethod
    def first(cls, path: Path) -> "Secrets":
        """Make new secrets and write them to *path*, readable by their owner only."""
        made = cls(secrets.token_bytes(32), {}, path)
        made._write()
        return made

    @classmethod
    def load(cls, path: Path) -> "Secrets":
        """
        Read the secrets at *path*.

        Raises:
            SecretsMissing: the file is not there.
            SecretsUnreadable: it is damaged.
        """
        if not path.exists():
            raise SecretsMissing(path=str(path))
        return cls(*_read(path), path)

    @property
    def fingerprint(self) -> str:
        """Name these secrets (16 bytes, hex) without telling anything of them."""
        return (
            HKDF(algorithm=hashes.SHA256(), length=16, salt=None, info=b"onevisit/fingerprint")
            .derive(self._master)
            .hex()
        )

    def sealing_key(self, service: str) -> bytes:
        """Return the 32-byte key under which *service* wraps blob keys and seals what it stores."""
        info = f"onevisit/seal/{service}".encode()
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._master)

    def seal(self, service: str, purpose: str, plain: bytes) -> bytes:
        """Encrypt *plain* (AES-256-GCM) so that only *service*, for the same *purpose*, opens it."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self.sealing_key(service)).encrypt(nonce, plain, purpose.encode())

    def open(self, service: str, purpose: str, sealed: bytes) -> bytes:
        """
        Decrypt what ``seal`` made.

        Raises:
            SealBroken: changed, another purpose, or other secrets.
        """
        cipher = AESGCM(self.sealing_key(service))
        try:
            return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(service=service, purpose=purpose) from error

    def password(self, login: str) -> str:
        """
        Return the first password of *login*, making and storing a random one if there is none yet.

        Several processes may ask (the county and whoever plays its people): the file decides, under a lock.
        """
        if login not in self._passwords and self._path is not None:
            with open(self._path.with_suffix(".lock"), "wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._path.exists():
                    self._passwords = _read(self._path)[1]
                if login not in self._passwords:
                    self._passwords[login] = secrets.token_urlsafe(9)
                    self._write()
        return self._passwords.setdefault(login, secrets.token_urlsafe(9))

    def _write(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = tomli_w.dumps({"master": self._master.hex(), "passwords": self._passwords})
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


def _read(path: Path) -> tuple[bytes, dict[str, str]]:
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
        return bytes.fromhex(stored["master"]), dict(stored.get("passwords", {}))
    except (ValueError, TypeError, KeyError):
        raise SecretsUnreadable(path=str(path)) from None  # what could not be read may be half a key
