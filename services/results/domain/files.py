"""Evidence files: what a file is by its own bytes, whatever its name says."""

from dataclasses import dataclass
from typing import Any

from runtime.errors import Rejected

MAX_EVIDENCE_BYTES = 10 * 1024 * 1024

_BEGINNINGS = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf"))
EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}


@dataclass(frozen=True)
class StoredFile:
    """A file that lies in the blob store already: its name there differs from try to try, so it is no part of a request."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    blob: dict[str, Any]


class FileTooLarge(Rejected):
    """An evidence file has more bytes than allowed."""

    code = "evidence.too_large"


class FileKindRefused(Rejected):
    """An evidence file is none of JPEG, PNG, PDF, going by its content."""

    code = "evidence.kind_refused"


def content_type_of(content: bytes, largest: int = MAX_EVIDENCE_BYTES) -> str:
    """Tell the content type of an evidence file from its first bytes; refuse what is too large, or of another kind."""
    if len(content) > largest:
        raise FileTooLarge(size=len(content), largest=largest)
    for beginning, content_type in _BEGINNINGS:
        if content.startswith(beginning):
            return content_type
    raise FileKindRefused(size=len(content))


def fit_name(name: str, content_type: str) -> str:
    """Make a harmless file name out of an uploaded one: no folders, no control characters, the true ending, 80 long."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = "".join(c for c in last.rsplit(".", 1)[0] if c.isprintable() and c not in '<>:"|?*/').strip(" .")
    return (stem[:70] or "file") + EXTENSIONS[content_type]
