"""How this installation is reached and named."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class WebSettings:
    """
    Settings of the web as a whole.

    ``https=False`` is for loopback only: cookies then lose their ``__Host-`` prefix and ``Secure``.
    ``origin`` is the public address where a proxy changes it (``https://…``), else the request's own host counts.
    """

    https: bool = False
    hosts: tuple[str, ...] = LOOPBACK
    origin: str | None = None
    name_zh: str = "进一次门"
    name_en: str = "OneVisit"
    county_zh: str = ""
    county_en: str = ""
    demo: bool = False
    demo_now: Callable[[], datetime] | None = None  # the simulated clock, shown in the demo banner

    @property
    def session_cookie(self) -> str:
        """Name the session cookie."""
        return "__Host-onevisit" if self.https else "onevisit"

    @property
    def form_cookie(self) -> str:
        """Name the cookie that binds forms filled in before sign-in."""
        return "__Host-onevisit-form" if self.https else "onevisit-form"
