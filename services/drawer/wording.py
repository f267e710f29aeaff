"""Time left in words, and the steps of a draw in order: what pages say beside what the view models hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from services.drawer.domain.beacons import ROOM_DICE
from services.drawer.progress import OVER, Stage
from services.drawer.queries.attempts import DrawView
from services.drawer.queries.rounds import RoundView

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SOON = timedelta(hours=2)

SPEAKING = (Stage.COMMIT, Stage.COUNTERSIGN, Stage.REVEAL, Stage.SEAL)


@dataclass(frozen=True)
class Words:
    """The same in both languages."""

    zh: str
    en: str


CUSTODY = {
    "own": Words("自有系统", "own system"),
    "page": Words("办理人的浏览器", "the officer's browser"),
    "server": Words("平台服务器代管", "this system's server"),
}
"""Where a body's key and secret are."""


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


def moves(view: DrawView, running: RoundView | None = None) -> str | None:
    """
    Say in a digest how far others have come, for a page that looks again by itself; None where nothing is about to move.

    A page that looks again keeps its session alive, so it does for at most two hours around a step's moment.
    """
    deadline = running.deadline if running else view.deadline
    over = running.ended_at is not None if running else view.stage in OVER - {Stage.DRAWING}
    if over:
        return None
    if deadline is not None and abs(deadline - view.now) > SOON:
        return None
    seen: list[object] = [view.attempt, view.stage, view.agencies, view.seal, view.dice, view.awaited, view.can]
    if running:
        seen += [running.round, running.stage, running.bodies, running.awaited, running.can]
    return sha256(repr(seen).encode()).hexdigest()[:16]


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


class Row(StrEnum):
    """The ways of JIDRAW/1 section 15 in which a draw can go wrong, and those that people meet beside them."""

    COMMITMENT_MISSING = "commit or countersignature missing"
    BAD_REVEAL = "bad reveal"
    TOO_MANY_MISSING = "too many missing, or no seal in time"
    AFTER_THE_SEAL = "after the seal"
    BEACON_LATE = "beacon late"
    FRAME_ERROR = "frame error after the seed"
    NOT_IN_FRAME = "one that should not be there"
    LEFT_OUT = "one left out"
    QUOTA = "quota above stratum"
    NO_TEAM = "no feasible team"
    BESIDE = "beside section 15"


@dataclass(frozen=True)
class Trouble:
    """One way a draw can go wrong, at which steps it matters, and what is done then (JIDRAW/1 section 15)."""

    row: Row
    stages: frozenset[Stage]
    what: Words
    then: Words


def _at(*stages: Stage) -> frozenset[Stage]:
    return frozenset(stages)


BEFORE_SEAL = (Stage.COMMIT, Stage.COUNTERSIGN, Stage.REVEAL, Stage.SEAL)
AFTER_SEED = (Stage.DRAWING, Stage.DRAWN, Stage.DISCLOSED)
TROUBLES = (
    Trouble(
        Row.COMMITMENT_MISSING,
        _at(Stage.COMMIT),
        Words("承诺期结束时有单位没有承诺", "An agency has not committed when the window closes"),
        Words(
            "这一次作废，缺席单位写入记录。没有任何对象被抽出；牵头部门查明原因后开启下一次。",
            "The attempt is void and the absent are named. Nobody was drawn; the lead finds out why and opens the next one.",
        ),
    ),
    Trouble(
        Row.COMMITMENT_MISSING,
        _at(Stage.COMMIT, Stage.COUNTERSIGN),
        Words("揭示截止时有单位没有会签", "An agency has not countersigned when the reveals close"),
        Words(
            "这一次作废，缺席单位写入记录；牵头部门开启下一次。会签前请逐一核对承诺，不符的不要会签。",
            "The attempt is void and the absent are named; the lead opens the next one. Check every commitment before you sign.",
        ),
    ),
    Trouble(
        Row.BAD_REVEAL,
        _at(Stage.COUNTERSIGN, Stage.REVEAL),
        Words("某单位的揭示打不开自己的承诺", "An agency's reveal does not open its commitment"),
        Words(
            "不予接受，按没有揭示处理。请该单位换回承诺时所用的浏览器或系统重试；到时仍不符的，记为缺席。",
            "It is not taken and counts as missing. Let the agency try again where it committed; else it is absent.",
        ),
    ),
    Trouble(
        Row.TOO_MANY_MISSING,
        _at(Stage.REVEAL, Stage.SEAL),
        Words("有单位没有揭示", "An agency has not revealed"),
        Words(
            "缺席不超过清单允许的家数：揭示截止后照常封存，缺席写入记录。超过的：这一次作废，开启下一次。",
            "No more absent than the manifest allows: seal when the reveals have closed, and the absence stays on record. "
            "More: the attempt is void and the next one opens.",
        ),
    ),
    Trouble(
        Row.TOO_MANY_MISSING,
        _at(Stage.SEAL),
        Words("没有在期限内封存", "It is not sealed in time"),
        Words(
            "这一次作废。见证人临时不能到场的，请该机构换人登录办理；没有见证人的，须有过半单位在期限内签名。",
            "The attempt is void. If the witness cannot come, let another person of that body sign in and do it; without "
            "a witness more than half of the agencies must sign in time.",
        ),
    ),
    Trouble(
        Row.BESIDE,
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
        Row.BEACON_LATE,
        _at(Stage.DICE),
        Words("掷骰推迟，或者网络、电力中断", "The dice are late, or the network or the power fails"),
        Words(
            "封存之后任何事情都不使抽取作废：恢复后再掷、再录入，结果不受影响。封存前中断并超过期限的，这一次作废。",
            "After the seal nothing voids the draw: throw and enter them when things work again. Before it, a failure "
            "beyond the deadline voids the attempt.",
        ),
    ),
    Trouble(
        Row.BEACON_LATE,
        _at(Stage.BEACON),
        Words("随机源的数值迟迟没有，或者县里不能上网", "The value does not come, or there is no network"),
        Words(
            "等。封存之后任何事情都不使抽取作废：数值公布以后永远不变，可以由别处抄来、改天再录。",
            "Wait. After the seal nothing voids the draw: once it is out the value never changes, and can be copied elsewhere "
            "and entered another day.",
        ),
    ),
    Trouble(
        Row.BESIDE,
        _at(Stage.BEACON),
        Words("录入的数值不被接受", "The value is not accepted"),
        Words(
            "核对期号或轮次，整段重新复制。能验证的数值（drand、随机链）只有真的才会被接受；不能改用别的轮次或期号。",
            "Compare round or issue and copy the whole of it again. What can be proved (drand, a chain) is accepted only if "
            "true; another round or issue will not do.",
        ),
    ),
    Trouble(
        Row.BESIDE,
        _at(Stage.DRAWING),
        Words("点数、数值已录入，但迟迟没有结果", "Everything is in, and there is no result"),
        Words(
            "系统会自动接着计算，不必重录。几分钟后仍没有的，请系统管理员运行 doctor 检查。",
            "It is worked out by itself; enter nothing again. After some minutes let the administrator run doctor.",
        ),
    ),
    Trouble(
        Row.BESIDE,
        _at(*AFTER_SEED),
        Words("抽出的对象已注销、迁出，或者人员不能到场", "A drawn target is gone, or an officer cannot go"),
        Words(
            "由参加该户检查的单位申请替换，经审批、签名，用新的随机数抽出替换者。不得自行调换。",
            "An agency of that visit asks for a change; approved and signed, a fresh draw decides. Nobody swaps by hand.",
        ),
    ),
    Trouble(
        Row.QUOTA,
        _at(Stage.COMMIT, *AFTER_SEED),
        Words("应抽数不少于该类户数，一类全部抽中", "The number to be drawn reaches the whole of a class"),
        Words(
            "该类全部检查，没有抽签：页面和记录写明“指定而非抽取”，告知企业时也要这样说。不想全部检查的，承诺之前由牵头部门"
            "取消任务、调低比例后另行发起；承诺之后照此进行。",
            "All of the class is inspected and no lot decides: pages and record say “named, not drawn”, and so must what "
            "firms are told. If that is not wanted, the lead cancels before the commitments and proposes a lower rate.",
        ),
    ),
    Trouble(
        Row.BESIDE,
        _at(*BEFORE_SEAL),
        Words(
            "备份码丢失，或者保管密钥的浏览器坏了", "The backup code is lost, or the browser that keeps the key is gone"
        ),
        Words(
            "两样只失其一的不要紧：浏览器还在就用它继续办理；浏览器没了就在另一台电脑的“签名公钥”页输入备份码恢复。两样都没有的，"
            "本单位这一次无法会签或揭示，按缺席处理：请马上告诉牵头部门，到“签名公钥”页生成新密钥，下一次抽取起使用。",
            "Either of the two is enough: go on in the browser, or restore the key from the code under Public keys on another "
            "machine. Without both your agency cannot sign or reveal and counts as absent: tell the lead at once, and make "
            "a new key under Public keys for the next draw.",
        ),
    ),
    Trouble(
        Row.AFTER_THE_SEAL,
        _at(Stage.DICE, Stage.BEACON, *AFTER_SEED),
        Words(
            "封存之后才发现：揭示被遗漏、出现第二份封存、密钥或数据丢失",
            "After the seal: a reveal was left out, a second seal turns up, a key or data are lost",
        ),
        Words(
            "抽取仍然有效，不重新抽取。由发现的单位或见证人在抽取页面“封存后的异常”里拿出证据，核对属实即向所有单位公布、写入记录，"
            "核验程序逐项指出；是否追究，由监督部门依记录处理。",
            "The draw stands and is not made again. Whoever finds it shows the evidence under “Faults after the seal”: if it "
            "holds, all parties are told, the record says so and every verifier names it; the supervisor decides what "
            "follows for whom.",
        ),
    ),
    Trouble(
        Row.NOT_IN_FRAME,
        _at(*AFTER_SEED),
        Words("抽中了本不该列入抽样框的对象", "A target was drawn that should not have been in the frame"),
        Words(
            "不得私下剔除，结果也不作废。由参加该户检查的单位在“替换”里申请移出，附上依据，经审批、签名，用新的随机数补抽；"
            "该户从此不在本次之列。事后查明其实应当列入的，列入下一次计划，全部检查。",
            "It is not struck out by hand, and nothing is void. An agency of that visit asks for its removal under Changes, "
            "with a document; approved and signed, a fresh draw decides who comes instead. Removed although it should have "
            "stayed, it enters the next plan and is inspected in full.",
        ),
    ),
    Trouble(
        Row.FRAME_ERROR,
        _at(*AFTER_SEED),
        Words("抽样框里某一户的信息有误（类别、事项）", "A frame row is wrong: class or items of an entity"),
        Words(
            "该户的抽签号不变，抽中的照样检查，没抽中的不补。请更正名录库，下一次冻结时生效；本次记录按冻结时的内容核验。",
            "It keeps its ticket: drawn, it is inspected; not drawn, nobody adds it. Correct the register, which counts from "
            "the next freeze; this record is verified by the frame as it was frozen.",
        ),
    ),
    Trouble(
        Row.LEFT_OUT,
        _at(*AFTER_SEED),
        Words("发现抽样框漏了应列入的对象", "An entity was left out of the frame"),
        Words(
            "本次结果不变；漏列的对象列入下一次计划，全部检查。",
            "This result stands; who was left out enters the next plan and is inspected in full.",
        ),
    ),
    Trouble(
        Row.NO_TEAM,
        _at(*AFTER_SEED),
        Words("检查组有空缺席位", "A place in a team stays open"),
        Words(
            "说明无人可派，证明在记录里。由单位负责人指定，所有文书注明“指定，非抽取”。",
            "Nobody could take it, as the record proves. The head appoints, and every document says “appointed, not drawn”.",
        ),
    ),
    Trouble(
        Row.TOO_MANY_MISSING,
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
        Row.TOO_MANY_MISSING,
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
        Row.BEACON_LATE,
        _at(),
        Words("封存之后掷骰推迟，或者随机源的数值晚到", "Dice or another value are late after the seal"),
        Words(
            "这一轮仍然成立，恢复后再掷再录；在此之前，各检查任务照原样进行。",
            "The round stands: enter them when things work again. Until then every visit is as it was.",
        ),
    ),
    Trouble(
        Row.QUOTA,
        _at(),
        Words("同类对象已全部抽中，没有可以替换的", "Nobody is left in the stratum to be drawn instead"),
        Words(
            "该户关闭，不再补抽；结果里写明。",
            "The visit is closed and nobody comes instead, which the result says.",
        ),
    ),
    Trouble(
        Row.AFTER_THE_SEAL,
        _at(),
        Words(
            "这一轮封存之后才发现揭示被遗漏，或者出现第二份封存",
            "After the seal of this round: a reveal was left out, or a second seal turns up",
        ),
        Words(
            "这一轮仍然成立。在抽取页面“封存后的异常”里选这一轮、拿出证据，核对属实即公布并写入记录。",
            "The round stands. Show the evidence on the draw page under “Faults after the seal”, naming the round; if it "
            "holds, it is published and recorded.",
        ),
    ),
    Trouble(
        Row.BESIDE,
        _at(),
        Words("本单位丢失了密钥和备份码，不能揭示", "Our key and its backup code are lost, and we cannot reveal"),
        Words(
            "按缺席处理；缺席不超过清单允许的家数，这一轮照常进行。请告诉牵头部门，并在抽取页面“封存后的异常”里说明丢失。",
            "Your agency counts as absent, and the round goes on while no more are missing than the manifest allows. Tell "
            "the lead, and state the loss on the draw page under “Faults after the seal”.",
        ),
    ),
)


def troubles(stage: Stage, *, in_round: bool = False) -> list[Trouble]:
    """List what can go wrong at a step of the draw, or while a replacement round is under way, and what is done then."""
    return list(ROUND_TROUBLES) if in_round else [one for one in TROUBLES if stage in one.stages]
