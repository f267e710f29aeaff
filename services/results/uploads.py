"""
Files on their way in: looked at, kept in the blob store, and only then named by a command.

Everything that could be refused is asked first, so that a refused form leaves nothing behind, neither row nor file. A
request that was answered before is not asked again, since what it did is done by now: it is only compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from fastapi import UploadFile
from fastapi.responses import Response

from runtime.files.evidence import StoredFile, content_type_of, fit_name
from runtime.service import Reply, Service
from runtime.store import Actor
from schemas.blobs import BlobRef
from services.results.commands.drafts import attach_evidence, may_attach, may_save, save_draft
from services.results.commands.referrals import decide, may_enter, receive
from services.results.commands.scans import attach_scan, may_scan
from services.results.domain.referrals import Act

READERS = ("results",)

Files = Sequence[tuple[str, str, UploadFile]]  # item, question, file


def keep_evidence(
    service: Service, actor: Actor, key: str, section_id: str, file: UploadFile, item: str = "", question: str = ""
) -> Reply:
    """Store an evidence file for results' eyes only and name it in a section."""

    def may() -> None:
        service.ask(actor, may_attach, section_id=section_id, item=item, question=question)

    (facts,) = _kept(service, actor, key, section_id, [file], may)
    return service.do(actor, attach_evidence, key=key, section_id=section_id, item=item, question=question, **facts)


def keep_draft(service: Service, actor: Actor, key: str, section_id: str, files: Files, **written: Any) -> Reply:
    """Keep what a form holds of a section, its files with it."""
    places = [(item, question) for item, question, _ in files]

    def may() -> None:
        service.ask(actor, may_save, section_id=section_id, places=places, **written)

    kept = _kept(service, actor, key, section_id, [file for _, _, file in files], may)
    placed = [
        {"item": item, "question": question, **facts} for (item, question), facts in zip(places, kept, strict=True)
    ]
    return service.do(actor, save_draft, key=key, section_id=section_id, files=placed, **written)


def keep_scan(service: Service, actor: Actor, key: str, referral_id: str, file: UploadFile, act: str) -> Reply:
    """Store the scanned receipt or answer of a body without an account."""

    def may() -> None:
        service.ask(actor, may_scan, referral_id=referral_id)

    (facts,) = _kept(service, actor, key, referral_id, [file], may)
    return service.do(actor, attach_scan, key=key, referral_id=referral_id, act=act, **facts)


def enter_letter(
    service: Service, actor: Actor, key: str, referral_id: str, act: Act, file: UploadFile | None, **said: str
) -> Reply:
    """Receive or decide a referral, with the scan of a letter where there is one."""
    command = receive if act is Act.RECEIVE else decide
    if file is None:
        return service.do(actor, command, key=key, referral_id=referral_id, **said)

    def may() -> None:
        service.ask(actor, may_enter, referral_id=referral_id, act=act, **said)

    (scan,) = _kept(service, actor, key, referral_id, [file], may)
    return service.do(actor, command, key=key, referral_id=referral_id, scan=scan, **said)


@dataclass(frozen=True)
class _Seen:
    """A file that was looked at and may be kept."""

    content: bytes
    content_type: str
    name: str


def _kept(
    service: Service, actor: Actor, key: str, subject: str, files: Sequence[UploadFile], may: Callable[[], None]
) -> list[dict[str, Any]]:
    """Store *files*, unless *may* or one of them is refused; returns what a command is told of each."""
    answered = service.recall(actor, key) is not None
    if not answered:
        may()
    seen = [_look_at(service, file) for file in files]
    return [_facts(each) | {"stored": StoredFile({} if answered else _store(service, each, subject))} for each in seen]


def _look_at(service: Service, file: UploadFile) -> _Seen:
    largest: int = service.settings.evidence_max_bytes
    content = file.file.read(largest + 1)
    content_type = content_type_of(content, largest)
    return _Seen(content, content_type, fit_name(file.filename or "", content_type))


def _facts(seen: _Seen) -> dict[str, Any]:
    digest = sha256(seen.content).hexdigest()
    return {"name": seen.name, "content_type": seen.content_type, "size": len(seen.content), "sha256": digest}


def _store(service: Service, seen: _Seen, subject: str) -> dict[str, Any]:
    ref = service.ports.blobs.put(seen.content, seen.content_type, READERS, subject=subject)
    return ref.model_dump(mode="json")


def as_download(service: Service, found: dict[str, Any]) -> Response:
    """Answer with a stored file, to be saved, never shown inside our pages as something else."""
    content = service.ports.blobs.get(BlobRef.model_validate(found["blob"]), service.name)
    disposition = f"attachment; filename*=UTF-8''{quote(found['name'])}"
    return Response(content, media_type=found["content_type"], headers={"Content-Disposition": disposition})
