"""How an event names a document too large, or too private, to be carried in the event itself."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

CONTENT_TYPE = r"^[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*(;[ ]?charset=utf-8)?$"

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ReaderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class BlobRef(BaseModel):
    """
    A document of the blob store, named by what it contains.

    ``digest`` is the SHA-256 of the bytes as stored: of the document itself when everybody may read it
    (``readers`` empty), of its ciphertext when only some services may, so that the name gives nothing away.
    ``size`` is the length of the document in bytes, as a reader gets it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    size: int = Field(ge=0)
    content_type: Annotated[str, StringConstraints(pattern=CONTENT_TYPE)]
    readers: tuple[ReaderName, ...] = ()

    @field_validator("readers")
    @classmethod
    def _each_reader_once_in_order(cls, readers: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(readers)))

    @property
    def restricted(self) -> bool:
        """Whether only the named services may read it."""
        return bool(self.readers)
