"""What people and systems send to the planner: shapes only, the rules are in ``domain``."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.documents import Disclosure
from schemas.events.payload import Id
from schemas.vocabulary import Purpose, Stage

Many = 200
Ids = Annotated[tuple[Id, ...], Field(max_length=Many)]


class Form(BaseModel):
    """Something sent; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StageForm(Form):
    """A stage of the campaign, first and last day counted."""

    stage: Stage
    first_on: date
    last_on: date


class ItemForm(Form):
    """An item of somebody's list; without categories it applies to those its list names."""

    item: Id
    categories: Ids | None = None


class ConditionsForm(Form):
    """What narrows the frame; empty means no condition."""

    districts: Ids = ()
    labels: Annotated[tuple[str, ...], Field(max_length=Many)] = ()
    established_before: date | None = None
    exclude_drawn: bool = False


class ClassBoundsForm(Form):
    """What the plan asks of one category where each is a class of its own; empty: the common ratio alone."""

    category: Id
    ratio: str | tuple[int, int] | None = None
    least: Annotated[int, Field(ge=0, le=10**9)] | None = None
    most: Annotated[int, Field(ge=0, le=10**9)] | None = None


class ExpertsForm(Form):
    """So many experts (专家) of a field at each visit of an agency; the field by code or name of the pack, or in words."""

    agency: Id
    field: Annotated[str, Field(max_length=40)]
    per_visit: Annotated[int, Field(le=10**9)]


class ConferenceForm(Form):
    """The joint conference (联席会议): its day, how many attended, and the minutes; names of people stay in the minutes."""

    held_on: date
    attendees: Annotated[int, Field(ge=1, le=10_000)]
    record: Annotated[str, Field(max_length=20_000)]


class PublicationForm(Form):
    """How the campaign is called in public; what is left empty follows from number, title and year."""

    plan_id: Annotated[str, Field(max_length=100)] = ""
    plan_name: Annotated[str, Field(max_length=200)] = ""
    type_name: Annotated[str, Field(max_length=100)] = ""


class CampaignForm(Form):
    """A campaign as the lead's planner drafts it."""

    title: str
    number: str
    partners: Ids
    pack: Id
    edition: date | None = None  # None: the newest edition
    items: Annotated[tuple[Id | ItemForm, ...], Field(min_length=1, max_length=Many)]
    stages: tuple[StageForm, ...]
    ratio: str | tuple[int, int]
    planned: Annotated[int, Field(le=10**9)]
    spread: str = "one_class"
    most: Annotated[int, Field(ge=1, le=10**9)] | None = None  # most targets of the whole draw
    class_bounds: Annotated[tuple[ClassBoundsForm, ...], Field(max_length=Many)] = ()
    parent: Id | None = (
        None  # 分段式: all targets of that campaign's disclosed draw; ratio, number, spread, conditions fall away
    )
    purpose: Purpose = Purpose.REHEARSAL
    disclosure: Disclosure = "window"
    witness: Id | None = None
    dice: int | None = 20
    beacons: Annotated[tuple[Annotated[str, Field(max_length=80)], ...], Field(max_length=2)] = ()  # beside the dice
    hash: Annotated[str, Field(max_length=16)] | None = None  # None: the pack's first
    chain_len: int = 3
    max_missing: int = 0
    replacement_max: Annotated[int, Field(ge=0, le=10_000)] | None = None  # None: as the pack says
    conditions: ConditionsForm = ConditionsForm()
    experts: Annotated[tuple[ExpertsForm, ...], Field(max_length=Many)] = ()
    publication: PublicationForm = PublicationForm()
    conference: ConferenceForm | None = None

    def chosen_items(self) -> tuple[ItemForm, ...]:
        """Return the items in one shape."""
        return tuple(each if isinstance(each, ItemForm) else ItemForm(item=each) for each in self.items)


class ChecklistChoice(Form):
    """A checklist in one edition."""

    checklist: Id
    edition: Annotated[int, Field(ge=1)]


class ContactForm(Form):
    """The agency's liaison officer (信息联络员); stays with the planner."""

    name: Annotated[str, Field(max_length=50)] = ""
    phone: Annotated[str, Field(max_length=40)] = ""


class ConfirmationForm(Form):
    """An agency takes part: its officers by staff number, its checklists, its contact person."""

    officers: Annotated[tuple[Id, ...], Field(max_length=10_000)]
    checklists: Annotated[tuple[ChecklistChoice, ...], Field(max_length=Many)]
    contact: ContactForm = ContactForm()


class DeclineForm(Form):
    """An agency does not take part: a reason of the rule pack, and in words."""

    reason: Id
    text: Annotated[str, Field(max_length=2_000)] = ""


class FreezeForm(Form):
    """The frame is frozen; *early*: the agencies agree that it is, although the draw stage has not begun."""

    early: bool = False


class ReasonForm(Form):
    """Why something ends."""

    reason: Annotated[str, Field(min_length=1, max_length=2_000)]
