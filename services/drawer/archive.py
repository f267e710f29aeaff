"""Records as files: for downloads, and for the command line on the machine itself."""

from dataclasses import dataclass

from runtime.service import Service
from runtime.store import Actor
from schemas.blobs import BlobRef
from services.drawer.queries.records import record_files
from services.drawer.vault import SERVICE


@dataclass(frozen=True)
class Files:
    """A record and its frame, as bytes."""

    record: bytes
    frame: bytes


def record(service: Service, actor: Actor, draw_id: str, *, edition: str) -> Files:
    """
    Fetch a record and its frame.

    Raises:
        NotDrawnYet, NotDisclosedYet, RecordNotForYou, EditionUnknown (persons); the system may fetch at any time.
    """
    found = service.ask(actor, record_files, draw_id=draw_id, edition=edition)
    return Files(read(service, found.record), read(service, found.frame))


def full_record(service: Service, draw_id: str) -> Files:
    """Fetch the full edition and the frame for the operator of this machine (demo, ``onevisit`` command line)."""
    return record(service, service.system, draw_id, edition="full")


def read(service: Service, ref: BlobRef) -> bytes:
    """Fetch a document of the drawer's."""
    return service.ports.blobs.get(ref, SERVICE)
