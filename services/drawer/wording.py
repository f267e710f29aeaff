"""Time left in words, and the steps of a draw in order: what pages say beside what the view models hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.drawer.domain.beacons import ROOM_DICE
from services.drawer.progress import Stage
from services.drawer.queries.attempts import DrawView

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

SPEAKING = (Stage.COMMIT, Stage.COUNTERSIGN, Stage.REVEAL, Stage.SEAL)


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


def order(view: DrawView) -> tuple[Stage, ...]:
    """List the steps of a draw: dice and other values as its manifest asks for them; a draw without any skips the dice."""
    others = any(one.kind != ROOM_DICE for one in view.sources)
    dice = (Stage.DICE,) if view.dice_wanted is not None or not others else ()
    return (*SPEAKING, *dice, *((Stage.BEACON,) if others else ()), Stage.DRAWN, Stage.DISCLOSED)


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
        Stage.BEACON: moments.beacon_time,
        Stage.DRAWN: view.outcome.completed_at if view.outcome else None,
        Stage.DISCLOSED: view.outcome.disclose_at if view.outcome else moments.window_end,
    }
    return [Step(stage, _state(view, stage), at[stage]) for stage in order(view)]


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
    return next(stage for stage in order(view) if not _is_done(view, stage))


def _is_done(view: DrawView, stage: Stage) -> bool:
    done = {
        Stage.COMMIT: not view.lacking("committed_at"),
        Stage.COUNTERSIGN: not view.lacking("countersigned_at"),
        Stage.REVEAL: view.seal is not None or not view.lacking("revealed_at"),
        Stage.SEAL: view.seal is not None,
        Stage.DICE: view.dice is not None,
        Stage.BEACON: view.awaited is None,
        Stage.DRAWN: view.outcome is not None,
        Stage.DISCLOSED: view.disclosed_at is not None,
    }
    return done[stage]


def countdown(now: datetime, moment: datetime) -> str:
    """Say how long it is from *now* to *moment* for a clock on a wall: ``2:05:09``, days as hours, never below zero."""
    seconds = max(0, -(-(moment - now) // timedelta(seconds=1)))
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


@dataclass(frozen=True)
class Trouble:
    """One way a draw can go wrong, at which steps it matters, and what is done then (JIDRAW/1 section 15)."""

    stages: frozenset[Stage]
    what: Words
    then: Words


def _at(*stages: Stage) -> frozenset[Stage]:
    return frozenset(stages)


BEFORE_SEAL = (Stage.COMMIT, Stage.COUNTERSIGN, Stage.REVEAL, Stage.SEAL)
AFTER_SEED = (Stage.DRAWING, Stage.DRAWN, Stage.DISCLOSED)
TROUBLES = (
    Trouble(
        _at(Stage.COMMIT),
        Words("承诺期结束时有单位没有承诺", "An agency has not committed when the window closes"),
        Words(
            "这一次作废，缺席单位写入记录。没有任何对象被抽出；牵头部门查明原因后开启下一次。",
            "The attempt is void and the absent are named. Nobody was drawn; the lead finds out why and opens the next one.",
        ),
    ),
    Trouble(
        _at(Stage.COMMIT, Stage.COUNTERSIGN),
        Words("揭示截止时有单位没有会签", "An agency has not countersigned when the reveals close"),
        Words(
            "这一次作废，缺席单位写入记录；牵头部门开启下一次。会签前请逐一核对承诺，不符的不要会签。",
            "The attempt is void and the absent are named; the lead opens the next one. Check every commitment before you sign.",
        ),
    ),
    Trouble(
        _at(Stage.COUNTERSIGN, Stage.REVEAL),
        Words("某单位的揭示打不开自己的承诺", "An agency's reveal does not open its commitment"),
        Words(
            "不予接受，按没有揭示处理。请该单位换回承诺时所用的浏览器或系统重试；到时仍不符的，记为缺席。",
            "It is not taken and counts as missing. Let the agency try again where it committed; else it is absent.",
        ),
    ),
    Trouble(
        _at(Stage.REVEAL, Stage.SEAL),
        Words("有单位没有揭示", "An agency has not revealed"),
        Words(
            "缺席不超过清单允许的家数：揭示截止后照常封存，缺席写入记录。超过的：这一次作废，开启下一次。",
            "No more absent than the manifest allows: seal when the reveals have closed, and the absence stays on record. "
            "More: the attempt is void and the next one opens.",
        ),
    ),
    Trouble(
        _at(Stage.SEAL),
        Words("没有在期限内封存", "It is not sealed in time"),
        Words(
            "这一次作废。见证人临时不能到场的，请该机构换人登录办理；没有见证人的，须有过半单位在期限内签名。",
            "The attempt is void. If the witness cannot come, let another person of that body sign in and do it; without "
            "a witness more than half of the agencies must sign in time.",
        ),
    ),
    Trouble(
        _at(Stage.DICE),
        Words("骰子落地、重叠或看不清", "A die falls, lies on another or cannot be read"),
        Words(
            "录入之前，当众宣布，全部重掷一次，并写入现场记录。已录入的点数不能更改；没有见证人的，各单位录入不一致时，"
            "录错的单位可以重新录入，过半单位一致之后不能再改。",
            "Before anything is entered it is said aloud and all dice are thrown again, which the minutes tell. What was "
            "entered is not changed; without a witness, where agencies entered different digits, who erred enters them "
            "anew, until more than half agree.",
        ),
    ),
    Trouble(
        _at(Stage.DICE),
        Words("掷骰推迟，或者网络、电力中断", "The dice are late, or the network or the power fails"),
        Words(
            "封存之后任何事情都不使抽取作废：恢复后再掷、再录入，结果不受影响。封存前中断并超过期限的，这一次作废。",
            "After the seal nothing voids the draw: throw and enter them when things work again. Before it, a failure "
            "beyond the deadline voids the attempt.",
        ),
    ),
    Trouble(
        _at(Stage.BEACON),
        Words("随机源的数值迟迟没有，或者县里不能上网", "The value does not come, or there is no network"),
        Words(
            "等。封存之后任何事情都不使抽取作废：数值公布以后永远不变，可以由别处抄来、改天再录。",
            "Wait. After the seal nothing voids the draw: once it is out the value never changes, and can be copied elsewhere "
            "and entered another day.",
        ),
    ),
    Trouble(
        _at(Stage.BEACON),
        Words("录入的数值不被接受", "The value is not accepted"),
        Words(
            "核对期号或轮次，整段重新复制。能验证的数值（drand、随机链）只有真的才会被接受；不能改用别的轮次或期号。",
            "Compare round or issue and copy the whole of it again. What can be proved (drand, a chain) is accepted only if "
            "true; another round or issue will not do.",
        ),
    ),
    Trouble(
        _at(Stage.DRAWING),
        Words("点数、数值已录入，但迟迟没有结果", "Everything is in, and there is no result"),
        Words(
            "系统会自动接着计算，不必重录。几分钟后仍没有的，请系统管理员运行 doctor 检查。",
            "It is worked out by itself; enter nothing again. After some minutes let the administrator run doctor.",
        ),
    ),
    Trouble(
        _at(*AFTER_SEED),
        Words("抽出的对象已注销、迁出，或者人员不能到场", "A drawn target is gone, or an officer cannot go"),
        Words(
            "由参加该户检查的单位申请替换，经审批、签名，用新的随机数抽出替换者。不得自行调换。",
            "An agency of that visit asks for a change; approved and signed, a fresh draw decides. Nobody swaps by hand.",
        ),
    ),
    Trouble(
        _at(*AFTER_SEED),
        Words("发现抽样框漏了应列入的对象", "An entity was left out of the frame"),
        Words(
            "本次结果不变；漏列的对象列入下一次计划，全部检查。",
            "This result stands; who was left out enters the next plan and is inspected in full.",
        ),
    ),
    Trouble(
        _at(*AFTER_SEED),
        Words("检查组有空缺席位", "A place in a team stays open"),
        Words(
            "说明无人可派，证明在记录里。由单位负责人指定，所有文书注明“指定，非抽取”。",
            "Nobody could take it, as the record proves. The head appoints, and every document says “appointed, not drawn”.",
        ),
    ),
    Trouble(
        _at(*BEFORE_SEAL, Stage.VOID),
        Words("这一次作废了", "The attempt is void"),
        Words(
            "没有种子，谁也没有被抽出，也没有泄露。作废的原因和缺席单位留在记录里；牵头部门重新开启即可。",
            "There was no seed, nobody was drawn and nothing is known. Reason and absent stay on record; the lead opens again.",
        ),
    ),
)


ROUND_TROUBLES = (
    Trouble(
        _at(),
        Words(
            "期限内没有全部签名、揭示过少，或者没有封存",
            "Somebody does not sign, too few reveal, or there is no seal in time",
        ),
        Words(
            "这一轮作废：不替换任何对象和人员，轮次和缺席单位写入记录。申请仍然有效，牵头部门开启下一轮。",
            "The round is spent: nothing is changed, its number and the absent stay on record. The requests still wait, and "
            "the lead opens the next round.",
        ),
    ),
    Trouble(
        _at(),
        Words("封存之后掷骰推迟，或者随机源的数值晚到", "Dice or another value are late after the seal"),
        Words(
            "这一轮仍然成立，恢复后再掷再录；在此之前，各检查任务照原样进行。",
            "The round stands: enter them when things work again. Until then every visit is as it was.",
        ),
    ),
    Trouble(
        _at(),
        Words("同类对象已全部抽中，没有可以替换的", "Nobody is left in the stratum to be drawn instead"),
        Words(
            "该户关闭，不再补抽；结果里写明。",
            "The visit is closed and nobody comes instead, which the result says.",
        ),
    ),
)


def troubles(stage: Stage, *, in_round: bool = False) -> list[Trouble]:
    """List what can go wrong at a step of the draw, or while a replacement round is under way, and what is done then."""
    return list(ROUND_TROUBLES) if in_round else [one for one in TROUBLES if stage in one.stages]
