"""Files that people hand in: evidence for a change, a photograph of the dice; looked at, and kept for the drawer's eyes."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import Form, UploadFile
from pydantic import StringConstraints

from runtime.files.evidence import MAX_EVIDENCE_BYTES, StoredFile, content_type_of, fit_name
from runtime.files.sheets import SheetLimits
from runtime.service import Service
from services.drawer.domain.encoding import SHA256, Hash
from services.drawer.vault import SERVICE

Place = Literal["paper", "platform"]
"""Where a draw was made that was not made here."""
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Form()]
"""What is said of it in a few words."""


@dataclass(frozen=True)
class Document:
    """A file: its name as uploaded, and its content."""

    name: str
    content: bytes

    def facts(self, h: Hash = SHA256) -> dict[str, Any]:
        """
        Say what it is, going by its content.

        Args:
            h: The hash of the draw that will name it; its digest stands beside SHA-256, under the hash's name.

        Raises:
            FileTooLarge, FileKindRefused.
        """
        content_type = content_type_of(self.content, MAX_EVIDENCE_BYTES)
        return {
            "name": fit_name(self.name, content_type),
            "content_type": content_type,
            "size": len(self.content),
            "sha256": sha256(self.content).hexdigest(),
            h.name: h(self.content).hex(),
        }

    def keep(self, service: Service, draw_id: str) -> StoredFile:
        """Keep it for the drawer's eyes."""
        content_type = self.facts()["content_type"]
        file = service.ports.blobs.put(self.content, content_type, (SERVICE,), subject=draw_id)
        return StoredFile(file.model_dump(mode="json"))


def read_document(file: UploadFile) -> Document:
    """Read an upload, one byte further than is allowed."""
    return Document(file.filename or "", file.file.read(MAX_EVIDENCE_BYTES + 1))


def read_list(file: UploadFile) -> tuple[str, bytes]:
    """Read a spreadsheet that is handed in, one byte further than is allowed: its name and its content."""
    return file.filename or "", file.file.read(SheetLimits().file_bytes + 1)
