"""
One zip per draw, to be read in ten years: plan, frame, manifests, records, annexes, log, verifiers, a digest of each.

Of a draw made elsewhere there are a statement and its evidence in the record's place, and nothing to verify it by.

The same draw gives the same bytes on every machine: members in one order, stored as they are, without a date of today.
"""

import json
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import IO, BinaryIO
from zipfile import ZipFile, ZipInfo

from runtime.errors import Unreadable
from runtime.events.processing import read_event
from runtime.service import Service
from runtime.store import Actor
from schemas.documents import CampaignPlan
from services.drawer.annexes import HASH_NAMES, annexes
from services.drawer.archive import read
from services.drawer.queries.archived import Kept, check_reader, kept

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VERIFIERS = {"verify_draw.py": ROOT / "verify_draw.py", "verify.html": ROOT / "verifier" / "verify.html"}
DATE = (1980, 1, 1, 0, 0, 0)
"""Of every member: the earliest a zip can say."""
IN_MEMORY_BYTES = 8 * 1024 * 1024
PAGE = 500
"""Lines of the event log read at once."""


def archive(service: Service, actor: Actor, draw_id: str, edition: str) -> IO[bytes]:
    """
    Make the archive of a draw, in a temporary file that is gone when it is closed; one document at a time is held.

    Raises:
        NotDrawnYet, NotDisclosedYet, RecordNotForYou, EditionUnknown: as the record of that edition.
    """
    service.ask(actor, check_reader, draw_id=draw_id, edition=edition)
    found = service.ask(service.system, kept, draw_id=draw_id, edition=edition)
    file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  (whoever asked closes it)
    write(service, found, file)
    file.seek(0)
    return file


def write(service: Service, found: Kept, to: BinaryIO | IO[bytes]) -> None:
    """Write the members by name, and last the digest of each as ``sha256sum -c`` reads it."""
    with ZipFile(to, "w") as made:
        digests = []
        for name, content in members(service, found):
            _put(made, name, content)
            digests.append(f"{sha256(content).hexdigest()}  {name}\n")
        _put(made, "digests.txt", "".join(digests).encode())


def members(service: Service, found: Kept) -> Iterator[tuple[str, bytes]]:
    """Give every member of an archive, one at a time."""
    yield "README.md", _readme(found).encode()
    yield "plan.json", found.plan
    if found.result_digest is not None:
        for name, file in VERIFIERS.items():
            yield name, file.read_bytes()
        record = read(service, found.documents["record.json"])
        yield "annexes.html", annexes(record, found.draw, found.title, found.names)
    for name, ref in sorted(found.documents.items()):
        yield name, read(service, ref)
    for name, fact in sorted(found.facts.items()):
        yield name, (json.dumps(fact, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    if found.edition == "full":
        yield "log/events.jsonl", b"".join(body + b"\n" for body in said_of(service, found))


def said_of(service: Service, found: Kept) -> Iterator[bytes]:
    """Read from the event log what was said of a draw, each event once, in its order."""
    reached: dict[tuple[str, int], int] = {}
    seen = set()
    while records := service.ports.bus.read(["draws"], reached, PAGE):
        for record in records:
            reached[record.topic, record.part] = record.off + 1
            if record.key != found.campaign:  # one key, one partition: its events keep their order
                continue
            try:
                event, _ = read_event(record)
            except Unreadable:  # whoever wrote it, the draw did not say it
                continue
            if event.data.get("draw") == found.draw and event.id not in seen:
                seen.add(event.id)
                yield record.body


def _readme(found: Kept) -> str:
    texts = HERE / "documents"
    told = {
        "draw": found.draw,
        "campaign": found.title,
        "edition": found.edition,
        "edition_zh": {"full": "完整版", "public": "公开版"}[found.edition],
    }
    if found.result_digest is None:
        return Template((texts / "archive-readme-import.md").read_text("utf-8")).substitute(told)
    more = (texts / f"archive-readme-{found.edition}.md").read_text("utf-8")
    whole = Template((texts / "archive-readme.md").read_text("utf-8"))
    told["hash"] = HASH_NAMES[CampaignPlan.model_validate_json(found.plan).hash]
    return whole.substitute(told, head=found.result_digest, more=more)


def _put(made: ZipFile, name: str, content: bytes) -> None:
    member = ZipInfo(name, DATE)
    member.create_system = 3  # as on Unix, wherever it is made
    member.external_attr = 0o100644 << 16
    made.writestr(member, content)
