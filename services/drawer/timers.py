"""
What the drawer does because a moment has come: void attempts and end rounds whose time ran out, work out,
call for seals, tell of faults, disclose.

An outcome is worked out in the request that spoke the last word; the timer does it where that request died before.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from runtime.service import Service
from runtime.store import Actor
from runtime.time.timers import Timer, for_each
from services.drawer import acts, fault_acts, import_acts, round_acts
from services.drawer.commands import rehearsing
from services.drawer.commands.faults import call_id, uncalled
from services.drawer.progress import Stage
from services.drawer.queries.rehearsals import left_lying, lies_since
from services.drawer.reading import (
    Said,
    SaidRound,
    undisclosed,
    undisclosed_imports,
    unfinished,
    unfinished_rounds,
    untold_faults,
)


def next_end(session: Session, now: datetime) -> datetime | None:
    """Find the earliest moment at which an attempt is void."""
    return _earliest(said.standing.ends_at() for said in unfinished(session))


def void_ended(service: Service, at: datetime) -> None:
    """Void every attempt whose time has run out."""
    attempts = {f"{draw}.{number}": (draw, number) for draw, number in service.ask(service.system, _ended, now=at)}
    for_each(attempts, lambda attempt: acts.end_attempt(service, *attempts[attempt]))


def _ended(session: Session, actor: Actor, *, now: datetime) -> list[tuple[str, int]]:
    ends = [(said.row, said.standing.ends_at()) for said in unfinished(session)]
    return [(row.draw, row.number) for row, end in ends if end is not None and end <= now]


def next_completion(session: Session, now: datetime) -> datetime | None:
    """Say now while a sealed draw waits to be worked out."""
    return now if _sealed(session, now) else None


def complete_sealed(service: Service, at: datetime) -> None:
    """Work out every draw in which the last word has been spoken."""
    for_each(service.ask(service.system, _waiting, now=at), partial(acts.complete, service))


def _sealed(session: Session, now: datetime) -> list[str]:
    return [said.row.draw for said in unfinished(session) if said.standing.stage(now) == Stage.DRAWING]


def _waiting(session: Session, actor: Actor, *, now: datetime) -> list[str]:
    return _sealed(session, now)


def next_round_end(session: Session, now: datetime) -> datetime | None:
    """Say now while a drawn round waits to be worked out, else find the earliest moment at which a round is spent."""
    return _earliest(
        now if one.is_drawn else said.round_standing(one).ends_at()
        for said, one in unfinished_rounds(session)
        if one.is_drawn or one.seal is None
    )


def end_rounds(service: Service, at: datetime) -> None:
    """Write down the end of every round that is drawn or whose time has run out."""
    for_each(service.ask(service.system, _rounds_over, now=at), partial(round_acts.end, service))


def _rounds_over(session: Session, actor: Actor, *, now: datetime) -> list[str]:
    found = unfinished_rounds(session)
    over = (one.row.draw for said, one in found if one.is_drawn or (one.seal is None and _is_spent(said, one, now)))
    return list(over)


def _is_spent(said: Said, one: SaidRound, now: datetime) -> bool:
    return said.round_standing(one).ends_at() <= now


def next_disclosure(session: Session, now: datetime) -> datetime | None:
    """Find the earliest end of a window."""
    drawn = [outcome.disclose_at for outcome in undisclosed(session)]
    return _earliest([*drawn, *(one.disclose_at for one in undisclosed_imports(session))])


def disclose_ended(service: Service, at: datetime) -> None:
    """Open every record whose window has ended."""
    for_each(service.ask(service.system, _window_ended, now=at), partial(acts.disclose, service))
    for_each(service.ask(service.system, _import_window_ended, now=at), partial(import_acts.disclose, service))


def _window_ended(session: Session, actor: Actor, *, now: datetime) -> list[str]:
    return [outcome.draw for outcome in undisclosed(session) if outcome.disclose_at <= now]


def _import_window_ended(session: Session, actor: Actor, *, now: datetime) -> list[str]:
    return [one.draw for one in undisclosed_imports(session) if one.disclose_at is not None and one.disclose_at <= now]


def next_call(session: Session, now: datetime) -> datetime | None:
    """Say now while agencies have to seal together and were not called; else find the next close of reveals."""
    closes = [
        said.standing.moments.reveal_close
        for said in unfinished(session)
        if said.row.witness is None and said.seal is None and said.standing.moments.reveal_close > now
    ]
    return now if uncalled(session, now) else _earliest(closes)


def call_for_seals(service: Service, at: datetime) -> None:
    """Call the agencies of every draw and round without a witness that can be sealed by now."""
    for_each(service.ask(service.system, _uncalled, now=at), partial(fault_acts.call_for_seal, service))


def _uncalled(session: Session, actor: Actor, *, now: datetime) -> list[str]:
    return [call_id(*one) for one in uncalled(session, now)]


def next_telling(session: Session, now: datetime) -> datetime | None:
    """Say now while a fault is in none of the records of its draw."""
    return now if untold_faults(session) else None


def tell_faults(service: Service, at: datetime) -> None:
    """Write the records anew of every draw with a fault that they do not tell of."""
    for_each(service.ask(service.system, _untold), partial(fault_acts.tell, service))


def _untold(session: Session, actor: Actor) -> list[str]:
    return untold_faults(session)


def sweeping(days: int) -> Timer:
    """
    Throw away every rehearsal nobody has gone on with: it holds rosters.

    Args:
        days: How long one lies untouched before it is thrown away.
    """
    lying = timedelta(days=days)

    def next_sweep(session: Session, now: datetime) -> datetime | None:
        oldest = lies_since(session)
        return None if oldest is None else oldest + lying

    def sweep(service: Service, at: datetime) -> None:
        service.do(
            service.system, rehearsing.sweep_rehearsals, ids=service.ask(service.system, left_lying, before=at - lying)
        )

    return Timer("drawer.sweep_rehearsals", next_sweep, sweep)


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


TIMERS = (
    Timer("drawer.end_attempts", next_end, void_ended),
    Timer("drawer.complete", next_completion, complete_sealed),
    Timer("drawer.end_rounds", next_round_end, end_rounds),
    Timer("drawer.call_for_seal", next_call, call_for_seals),
    Timer("drawer.tell_faults", next_telling, tell_faults),
    Timer("drawer.disclose", next_disclosure, disclose_ended),
)
