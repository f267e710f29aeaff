"""What every event payload has in common: frozen, strict when written, with its type, topic and key said once in the class."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
"""An opaque identifier: ASCII, at most 64 characters (JIDRAW/1 section 1)."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""32 bytes as lower-case hex."""

Count = Annotated[int, Field(ge=0)]


class Payload(BaseModel):
    """
    One fact, past tense. Holds ids, counts, dates, states and digests only.

    Never personal data, answers, evidence, a risk class, a secret, a seed or a drawn target (shared/architecture.md, Events).
    Writing refuses unknown fields; reading ignores them (``read_payload``), so that a later release may add some.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]  # onevisit.<subject>.<fact>.v<N>
    topic: ClassVar[str]
    key: ClassVar[str]  # name of the field that orders events of one subject

    county: Id

    @property
    def partition_key(self) -> str:
        """Return the subject this fact belongs to; facts of one subject keep their order."""
        return str(getattr(self, self.key))


class Due(BaseModel):
    """A duty's last day, with what it was counted from and the rule that says so (工作日 / 自然日)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    due_on: date
    anchor_on: date
    anchor: str  # what the anchor day is: "inspection_stage_end", "event" …
    source: str  # legal source as the rule pack names it
    provisional: bool = False  # 暂定: a year without a published calendar was counted by weekdays
