"""
``onevisit draw``: compute a draw from its files, check a record, say why one entity was drawn or not.

Nothing here needs a data folder or a running county; the files are read as they stand.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onevisit.refusals import FileUnreadable, FrameNotGiven, HeadUnreadable, KeysUnreadable, NoRecordOfIt
from onevisit.saying import refuse, remark, say
from runtime.errors import OneVisitError

if TYPE_CHECKING:
    from services.drawer.domain.outcome import Outcome
    from services.drawer.domain.record_reader import Told

draw_app = typer.Typer(no_args_is_help=True, help="The draw.")

Record = Annotated[Path, typer.Argument(help="The record, record.json.")]
Frames = Annotated[list[Path] | None, typer.Argument(help="Its frame files, frame.tsv.")]


@draw_app.command("compute")
def draw_compute(cases: Annotated[list[Path], typer.Argument(metavar="CASE...", show_default=False)]) -> None:
    """
    Compute draws: each CASE holds manifest.json, frame-<shard>.tsv, seed.txt, rosters.json; result.json comes beside them.

    Ends with 1 where a case was refused; the others are computed all the same.
    """
    from onevisit.cases import compute_case
    from onevisit.trouble import as_refusal

    refused = False
    for case in cases:
        try:
            computed = compute_case(case)
        except (OneVisitError, OSError) as error:
            refused = True
            remark(f"✘ {case}")
            if refusal := as_refusal(error):
                refuse(refusal)
            continue
        for line in computed.remarks:
            remark(f"! {case}: {line}")
        say(f"✔ {case}: {found(computed.outcome)}")
    raise typer.Exit(1 if refused else 0)


@draw_app.command("verify")
def draw_verify(
    record: Record,
    frames: Frames = None,
    keys: Annotated[
        Path | None, typer.Option(help='Keys from outside the record, JSON: {agency or "witness": key hex}.')
    ] = None,
    head: Annotated[str | None, typer.Option(help="The newest published result digest.")] = None,
) -> None:
    """
    Compute a draw again from its record and frame, with the drawer's own code (verify_draw.py is the independent one).

    Ends with 0: all was checked; 1: something differs; 2: unreadable; 3: something could not be checked.
    """
    from onevisit.rests_on import lines
    from services.drawer.checking import verify

    told = _record(record)
    if head is not None and not re.fullmatch("[0-9a-f]{64}", head):
        raise HeadUnreadable()
    outside = _keys(keys) if keys is not None else None
    if not frames:
        raise FrameNotGiven()
    report = verify(told, _frames(frames), outside, head)
    rounds = f" +{report.rounds}" if report.rounds else ""
    mark = "…" if report.not_checked else "✔"
    say(f"{mark} {report.draw} ({report.edition}{rounds}): {report.targets}/{report.entities}  {report.result_digest}")
    for part in report.not_held:
        say(f"本版未载 / not held by this edition: {part}")
    for part in report.not_checked:
        say(f"未核验 / NOT CHECKED: {part}")
    for line in lines(report, keys, head):
        say(line)
    raise typer.Exit(3 if report.not_checked else 0)


@draw_app.command("why")
def draw_why(
    entity: Annotated[str, typer.Argument(metavar="ID", help="The entity, as the frame names it.")],
    record: Record,
    frames: Frames = None,
    to: Annotated[Path | None, typer.Option(help="Write the proof, a JSON file, here.")] = None,
) -> None:
    """Say why one entity of the frame was drawn or not, with the proof that anybody can check from its own row."""
    from onevisit import why

    told = _told(record)
    if not frames:
        raise FrameNotGiven()
    proof = why.prove(told, frames, entity)
    if to is not None:
        why.write(proof, to)
    for line in why.explained(told, proof):
        say(line)


def found(outcome: "Outcome") -> str:
    """Say in one line what a draw came to."""
    return f"{len(outcome.visits)} 户 / targets, {len(outcome.open)} 空缺 / open  {outcome.result_digest.hex()}"


def _told(record: Path) -> "Told":
    from services.drawer.domain.canonical import parse
    from services.drawer.domain.record_reader import read_record

    return read_record(parse(_record(record)))


def _record(file: Path) -> bytes:
    """Read a record; what is opened of a draw made elsewhere is none."""
    from onevisit.files import check_weight, weight_of_json
    from services.drawer.import_acts import STATEMENT

    content = _read(file)
    check_weight(file, weight_of_json(content))
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return content  # whoever reads it says what is wrong with it
    if isinstance(told, dict) and told.get("v") == STATEMENT:
        raise NoRecordOfIt()
    return content


def _keys(file: Path) -> dict[str, str]:
    from onevisit.files import check_weight, weight_of_json
    from services.drawer.checking import read_keys
    from services.drawer.domain.refusals import DrawRefused, DrawUnreadable

    content = _read(file)
    check_weight(file, weight_of_json(content))
    try:
        return read_keys(content)
    except (DrawRefused, DrawUnreadable) as error:
        raise KeysUnreadable(path=str(file)) from error


def _frames(files: list[Path]) -> list[bytes]:
    """Read frame files whole, as long as all of them together can be."""
    from onevisit.files import check_weight, weight_of_rows

    found, weight = [], 0
    for file in files:
        found.append(_read(file))
        weight += weight_of_rows(found[-1])
        check_weight(file, weight)
    return found


def _read(file: Path) -> bytes:
    from onevisit.files import read_bounded

    try:
        return read_bounded(file)
    except OSError as error:
        from onevisit.trouble import file_unusable

        raise FileUnreadable(**file_unusable(error).facts | {"path": str(file)}) from error
