"""
Who may use which route: one line per route, and none without a line.

A service's ``ACCESS`` maps ``"GET /campaigns/{campaign_id}"`` to one of ``PUBLIC``, ``SIGNED_IN`` or ``roles(...)``;
``.for_clients(scope)`` opens a line to API clients too, which no line does by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from schemas.vocabulary import Role
from schemas.vocabulary import Scope as ClientScope

MIB = 1024 * 1024
DEFAULT_LIMIT = MIB


@dataclass(frozen=True)
class Access:
    """One line of the access table."""

    public: bool = False
    roles: frozenset[Role] = frozenset()  # empty: any role
    limit: int = DEFAULT_LIMIT  # bytes a request body may have
    session: bool = True  # False: the session is not even looked up (assets, health)
    first_password: bool = False  # also with a password that must be changed first
    scope: ClientScope | None = None  # an API client needs this one; None: no client passes

    def limited(self, limit: int) -> "Access":
        """Return the same line with another body limit, for uploads."""
        return replace(self, limit=limit)

    def before_new_password(self) -> "Access":
        """Return the same line, open also to who must change the password first."""
        return replace(self, first_password=True)

    def for_clients(self, scope: ClientScope) -> "Access":
        """Return the same line, open also to API clients that were given *scope*; their roles do not matter here."""
        return replace(self, scope=scope)

    def admits(self, held: Iterable[Role]) -> bool:
        """Tell whether a signed-in person with the roles *held* may pass."""
        return not self.roles or not self.roles.isdisjoint(held)


PUBLIC = Access(public=True)
SIGNED_IN = Access()
ASSET = Access(public=True, session=False)


def roles(*admitted: Role, limit: int = DEFAULT_LIMIT) -> Access:
    """Admit signed-in people who hold any of these roles."""
    return Access(roles=frozenset(admitted), limit=limit)


class RouteWithoutAccessLine(Exception):
    """A route would be served that no access line speaks of; the application is not built."""


class AccessLineWithoutRoute(Exception):
    """An access line speaks of a route that is not there (misspelt, or left behind)."""


@dataclass(frozen=True)
class Entry:
    """A request's way in: its route's template and the line that guards it."""

    template: str
    access: Access


class AccessTable:
    """All access lines of an application, beside the routes they guard."""

    def __init__(self, lines: Mapping[str, Access], routes: list[BaseRoute]) -> None:
        self._lines = dict(lines)
        self._routes = routes  # the router's own list: what is matched here is what the router will run
        self._check()

    def _check(self) -> None:
        served = {line for route in self._routes for line in lines_of(route)}
        if missing := sorted(served - self._lines.keys()):
            raise RouteWithoutAccessLine(f"no access line for: {'; '.join(missing)}")
        if unused := sorted(self._lines.keys() - served):
            raise AccessLineWithoutRoute(f"no route for access line: {'; '.join(unused)}")

    def entry(self, scope: Scope) -> Entry | None:
        """Find the route this request will reach and its line; None: no such path."""
        for route in self._routes:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                template = f"{_verb(scope['method'])} {getattr(route, 'path', '')}"
                access = self._lines.get(template)
                return None if access is None else Entry(template, access)
        return None

    def methods(self, scope: Scope) -> set[str]:
        """List the methods that this path does answer, for 405."""
        found = [route for route in self._routes if route.matches(scope)[0] is not Match.NONE]
        return {method for route in found if isinstance(route, Route) for method in route.methods or ()}

    @property
    def lines(self) -> Mapping[str, Access]:
        """Return all lines, for tests that walk every route as every role."""
        return dict(self._lines)


def lines_of(route: BaseRoute) -> list[str]:
    """Name the access lines a route needs: one per method, HEAD under GET."""
    methods = getattr(route, "methods", None)
    path = getattr(route, "path", None) or repr(route)
    if not methods:
        return [f"ANY {path}"]
    return sorted({f"{_verb(method)} {path}" for method in methods})


def _verb(method: str) -> str:
    return "GET" if method == "HEAD" else method
