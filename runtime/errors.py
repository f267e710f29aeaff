"""The four ways a piece of work can fail, and what each means for the message that caused it."""


class OneVisitError(Exception):
    """Something this system can talk about: a stable code, and the facts behind it."""

    code = "error"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code)
        self.facts = facts

    def __str__(self) -> str:
        return " ".join([self.code, *(f"{name}={value}" for name, value in self.facts.items())])


class Rejected(OneVisitError):
    """A rule said no, and asking again changes nothing. A command answers the asker; a handler parks the event."""


class TryAgain(OneVisitError):
    """The world was not ready (a lock, a broker, another agency's platform). Ask again later."""


class NotYet(OneVisitError):
    """Something of another service has not arrived. A command answers 409 and says what; a handler waits for it."""

    code = "not_yet"

    def __init__(self, awaits: str, **facts: object) -> None:
        super().__init__(awaits=awaits, **facts)
        self.awaits = awaits


class Unreadable(OneVisitError):
    """The message itself cannot be understood. Park it for a person; never guess."""


class NotFound(Rejected):
    """There is no such thing, or none that the asker may see."""

    code = "not_found"


class Forbidden(Rejected):
    """The asker may not do this."""

    code = "forbidden"


class Conflict(Rejected):
    """The thing is in a state in which this cannot be done (any more)."""

    code = "conflict"


class Stale(Rejected):
    """The asker worked on an older version than the one stored (If-Match)."""

    code = "stale"
