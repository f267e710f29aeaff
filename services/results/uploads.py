"""Files on their way in: looked at, kept in the blob store, and only then named by a command."""

from hashlib import sha256
from typing import Any
from urllib.parse import quote

from fastapi import UploadFile
from fastapi.responses import Response

from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.blobs import BlobRef
from services.results.commands.scans import attach_scan, may_scan
from services.results.commands.visits import StoredFile, attach_evidence, may_attach
from services.results.domain.files import content_type_of, fit_name

READERS = ("results",)


def keep_evidence(
    service: Service, actor: Actor, key: str, section_id: str, file: UploadFile, item: str = "", question: str = ""
) -> Reply:
    """Store an evidence file for results' eyes only and name it in a section; refused before anything is stored."""
    service.ask(actor, may_attach, section_id=section_id, item=item, question=question)
    facts = _stored(service, file, section_id)
    return service.do(actor, attach_evidence, key=key, section_id=section_id, item=item, question=question, **facts)


def keep_scan(service: Service, actor: Actor, key: str, referral_id: str, file: UploadFile, act: str) -> Reply:
    """Store the scanned receipt or answer of a body without an account."""
    service.ask(actor, may_scan, referral_id=referral_id)
    return service.do(
        actor, attach_scan, key=key, referral_id=referral_id, act=act, **_stored(service, file, referral_id)
    )


def _stored(service: Service, file: UploadFile, subject: str) -> dict[str, Any]:
    largest: int = service.settings.evidence_max_bytes
    content = file.file.read(largest + 1)
    content_type = content_type_of(content, largest)
    ref = service.ports.blobs.put(content, content_type, READERS, subject=subject)
    return {
        "name": fit_name(file.filename or "", content_type),
        "content_type": content_type,
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "stored": StoredFile(ref.model_dump(mode="json")),
    }


def as_download(service: Service, found: dict[str, Any]) -> Response:
    """Answer with a stored file, to be saved, never shown inside our pages as something else."""
    content = service.ports.blobs.get(BlobRef.model_validate(found["blob"]), service.name)
    disposition = f"attachment; filename*=UTF-8''{quote(found['name'])}"
    return Response(content, media_type=found["content_type"], headers={"Content-Disposition": disposition})
