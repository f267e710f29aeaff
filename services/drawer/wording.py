"""Time left in words, and the steps of a draw in order: what pages say beside what the view models hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.drawer.progress import Stage
from services.drawer.queries.attempts import DrawView

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

ORDER = (Stage.COMMIT, Stage.COUNTERSIGN, Stage.REVEAL, Stage.SEAL, Stage.DICE, Stage.DRAWN, Stage.DISCLOSED)


@dataclass(frozen=True)
class Words:
    """The same in both languages."""

    zh: str
    en: str


def time_left(now: datetime, moment: datetime) -> Words:
    """Say how long it is from *now* to *moment*, rounded up to the minute; or that it is past."""
    left = moment - now
    if left <= timedelta():
        return Words("已到时间", "now past")
    minutes = -(-left // MINUTE)
    days, rest = divmod(minutes * MINUTE, DAY)
    hours, rest = divmod(rest, HOUR)
    counted = [(days, "天", "day"), (hours, "小时", "hour"), (rest // MINUTE, "分钟", "minute")]
    shown = [one for one in counted if one[0]][:2]
    zh = "".join(f" {count} {word}" for count, word, _ in shown)
    en = " ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, _, word in shown)
    return Words(f"还有{zh}", f"{en} left")


@dataclass(frozen=True)
class Step:
    """One step of the ceremony on the stepper: which, how far, and its moment."""

    stage: Stage
    state: str  # done | now | next | late | skipped
    moment: datetime | None


def steps(view: DrawView) -> list[Step]:
    """List the steps of a draw with their state."""
    moments = view.moments
    at = {
        Stage.COMMIT: moments.commit_close,
        Stage.COUNTERSIGN: moments.reveal_close,
        Stage.REVEAL: moments.reveal_close,
        Stage.SEAL: moments.seal_by,
        Stage.DICE: moments.beacon_time,
        Stage.DRAWN: view.outcome.completed_at if view.outcome else None,
        Stage.DISCLOSED: view.outcome.disclose_at if view.outcome else moments.window_end,
    }
    return [Step(stage, _state(view, stage), at[stage]) for stage in ORDER]


def _state(view: DrawView, stage: Stage) -> str:
    if stage == Stage.DICE and view.dice_wanted is None:
        return "skipped"
    if _is_done(view, stage):
        return "done"
    if view.stage == Stage.VOID:
        return "late" if stage == _first_undone(view) else "skipped"
    current = (
        Stage.DRAWN if view.stage == Stage.DRAWING else view.stage
    )  # drawn: nothing is under way until the window ends
    return "now" if stage == current else "next"


def _first_undone(view: DrawView) -> Stage:
    return next(stage for stage in ORDER if not _is_done(view, stage))


def _is_done(view: DrawView, stage: Stage) -> bool:
    done = {
        Stage.COMMIT: not view.lacking("committed_at"),
        Stage.COUNTERSIGN: not view.lacking("countersigned_at"),
        Stage.REVEAL: view.seal is not None or not view.lacking("revealed_at"),
        Stage.SEAL: view.seal is not None,
        Stage.DICE: view.dice is not None,
        Stage.DRAWN: view.outcome is not None,
        Stage.DISCLOSED: view.disclosed_at is not None,
    }
    return done[stage]
