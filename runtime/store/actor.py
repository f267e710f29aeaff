"""Who asks: the one thing every command and query knows about the outside."""

from dataclasses import dataclass, field
from typing import Literal

from schemas.vocabulary import Role


@dataclass(frozen=True)
class Actor:
    """
    A person or an API client of an agency, or a service itself at work.

    Persons and clients see and change rows of their agency and what is shared with it; ``Actor.system`` (handlers, timers) has no
    wall and is made by runtime only (held by ``tests/architecture/test_walls.py``).
    """

    id: str  # id of the account or the client, or "system:<service>"
    agency: str
    county: str
    roles: frozenset[Role] = field(default_factory=frozenset)
    officer: str | None = None  # staff number, where the account is an inspector's
    kind: Literal["person", "client", "system"] = "person"

    @classmethod
    def system(cls, service: str) -> "Actor":
        """Return the service itself, as handlers and timers run."""
        return cls(id=f"system:{service}", agency="", county="", kind="system")

    @property
    def is_system(self) -> bool:
        """Whether this is a service at work rather than a person or a client."""
        return self.kind == "system"

    def has(self, *roles: Role) -> bool:
        """Tell whether the actor holds any of *roles*."""
        return any(role in self.roles for role in roles)
