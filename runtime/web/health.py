"""Whether a process lives and may be given work: ``/healthz`` and ``/readyz``, for supervisors and load balancers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute


@dataclass(frozen=True)
class Readiness:
    """
    What was looked at: {name: good}.

    Without a single one of *needed* the process can do nothing, and is to be left alone until all are good. What is *watched*
    wants somebody's attention, and work goes on meanwhile: commands need no broker.
    """

    needed: Mapping[str, bool] = field(default_factory=dict)
    watched: Mapping[str, bool] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether the process may be given work."""
        return all(self.needed.values())

    @property
    def says(self) -> str:
        """Say it in a word or two."""
        if not self.ready:
            return "not ready"
        return "ok" if all(self.watched.values()) else "ok, look"


Ready = Callable[[], Readiness]


def health_routes(ready: Ready) -> list[BaseRoute]:
    """Make the two routes: 200 while the process lives; 200 or 503 as *ready* finds."""

    async def healthz() -> Response:
        # On the loop and not in the threads of the requests: should all of those wait for a database that is away, the
        # process lives, and its supervisor is not to kill it.
        return JSONResponse({"status": "ok"})

    def readyz() -> Response:
        found = ready()
        body = {"status": found.says, "checks": dict(found.needed), "watched": dict(found.watched)}
        return JSONResponse(body, status_code=200 if found.ready else 503)

    return [
        APIRoute("/healthz", healthz, methods=["GET"], include_in_schema=False),
        APIRoute("/readyz", readyz, methods=["GET"], include_in_schema=False),
    ]
