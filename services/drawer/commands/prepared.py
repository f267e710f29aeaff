"""
Work done before its transaction, carried into it with its refusal.

A refusal is raised inside the command and not where the work is done, so that a repeated Idempotency-Key still gets its
first answer, also when the same work would be refused by then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from runtime.errors import OneVisitError

Work = TypeVar("Work")


@dataclass(frozen=True)
class Prepared(Generic[Work]):
    """What the work gave, or why it was refused."""

    made_beforehand = True  # no say in whether a request is the same as before (runtime.service)

    work: Work | None
    refusal: OneVisitError | None = None

    def get(self) -> Work:
        """Take the work, or raise its refusal."""
        if self.refusal is not None:
            raise self.refusal
        assert self.work is not None
        return self.work


def prepared(work: Callable[[], Work]) -> Prepared[Work]:
    """Do *work* and keep its result or its refusal."""
    try:
        return Prepared(work())
    except OneVisitError as refusal:
        return Prepared(None, refusal)
