"""What browsers post, turned into the planner's forms."""

from collections.abc import Mapping
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from runtime.web.problems import wrong_fields
from runtime.web.refusals import InputInvalid
from services.planner.domain.stages import ORDER
from services.planner.forms import CampaignForm, ConfirmationForm, DeclineForm

Shape = TypeVar("Shape", bound=BaseModel)
HIDDEN = ("_csrf", "_key")


class Posted:
    """The fields of a posted form: texts by name, in the order they came, and files."""

    def __init__(self, texts: Mapping[str, list[str]], files: Mapping[str, tuple[str, bytes]]) -> None:
        self._texts, self.files = texts, files

    def one(self, name: str, default: str = "") -> str:
        """Return a field's first text."""
        return next(iter(self._texts.get(name, ())), default).strip()

    def many(self, name: str) -> tuple[str, ...]:
        """Return all texts of a field, empty ones left out."""
        return tuple(text.strip() for text in self._texts.get(name, ()) if text.strip())

    def values(self) -> dict[str, Any]:
        """Return all texts for showing the form again: one text, or a list where the field came more than once."""
        return {name: texts[0] if len(texts) == 1 else list(texts) for name, texts in self._texts.items()}


async def the_form(request: Request) -> Posted:
    """Read a posted form: the dependency of every page that takes one."""
    form = await request.form()
    texts: dict[str, list[str]] = {}
    files: dict[str, tuple[str, bytes]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name] = (value.filename or "", await value.read())
        elif name not in HIDDEN:
            texts.setdefault(name, []).append(value)
    await form.close()
    return Posted(texts, files)


def campaign_form(posted: Posted) -> CampaignForm:
    """Read the form of a new or changed campaign."""
    pack, _, edition = posted.one("pack").partition("@")
    conference = {
        "held_on": posted.one("conference_on"),
        "attendees": _number(posted.one("conference_attendees")),
        "record": posted.one("conference_record"),
    }
    return _checked(
        CampaignForm,
        {
            "title": posted.one("title"),
            "number": posted.one("number"),
            "partners": posted.many("partners"),
            "pack": pack,
            "edition": edition or None,
            "items": posted.many("items"),
            "stages": [
                {"stage": stage.value, "first_on": posted.one(f"{stage}_first"), "last_on": posted.one(f"{stage}_last")}
                for stage in ORDER
            ],
            "ratio": posted.one("ratio"),
            # A staged campaign visits everybody whom its first stage drew: no number is asked for.
            "planned": _number(posted.one("planned") or ("1" if posted.one("parent") else "")),
            "spread": posted.one("spread", "one_class"),
            "most": _number(posted.one("most")) if posted.one("most") else None,
            "class_bounds": _class_bounds(posted),
            "parent": posted.one("parent") or None,
            "purpose": posted.one("purpose", "rehearsal"),
            "disclosure": posted.one("disclosure", "window"),
            "witness": posted.one("witness") or None,
            "dice": _number(posted.one("dice")) if posted.one("dice") else None,
            "beacons": posted.many("beacons"),
            "hash": posted.one("hash") or None,
            "chain_len": _number(posted.one("chain_len", "3")),
            "max_missing": _number(posted.one("max_missing", "0")),
            "conditions": {
                "districts": posted.many("districts"),
                "labels": tuple(posted.one("target_labels").replace("、", " ").split()),
                "established_before": posted.one("established_before") or None,
                "exclude_drawn": posted.one("exclude_drawn") == "yes",
            },
            "experts": _experts(posted),
            "publication": {name: posted.one(name) for name in ("plan_id", "plan_name", "type_name")},
            "conference": conference if posted.one("conference_on") or posted.one("conference_record") else None,
        },
    )


def _class_bounds(posted: Posted) -> list[dict[str, Any]]:
    """Read what was typed beside the categories, one field each: ``class_ratio_KY``, ``class_least_KY``, ``class_most_KY``."""
    found: dict[str, dict[str, Any]] = {}
    for name in posted.values():
        what, _, category = name.removeprefix("class_").partition("_")
        if name.startswith("class_") and what in ("ratio", "least", "most") and posted.one(name):
            written = posted.one(name)
            found.setdefault(category, {"category": category})[what] = written if what == "ratio" else _number(written)
    return list(found.values())


def _experts(posted: Posted) -> list[dict[str, Any]]:
    """Read the rows ``expert_agency_1``, ``expert_field_1``, ``expert_count_1`` …; a row without a field is not meant."""
    rows = [name.removeprefix("expert_field_") for name in posted.values() if name.startswith("expert_field_")]
    return [
        {
            "agency": posted.one(f"expert_agency_{row}"),
            "field": posted.one(f"expert_field_{row}"),
            "per_visit": _number(posted.one(f"expert_count_{row}") or "1"),
        }
        for row in rows
        if posted.one(f"expert_field_{row}")
    ]


def confirmation_form(posted: Posted) -> ConfirmationForm:
    """Read an agency's confirmation; a checklist is written ``item@edition``."""
    chosen = [each.rpartition("@") for each in posted.many("checklists")]
    return _checked(
        ConfirmationForm,
        {
            "officers": posted.many("officers"),
            "checklists": [{"checklist": name, "edition": _number(edition)} for name, _, edition in chosen],
            "contact": {"name": posted.one("contact_name"), "phone": posted.one("contact_phone")},
        },
    )


def decline_form(posted: Posted) -> DeclineForm:
    """Read why an agency declines."""
    return _checked(DeclineForm, {"reason": posted.one("reason"), "text": posted.one("text")})


def _number(written: str) -> int | str:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else written


def _checked(model: type[Shape], values: Mapping[str, Any]) -> Shape:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputInvalid(fields=wrong_fields(error)) from error
