"""What the web itself refuses, before or around a service's own rules; sentences in ``messages.toml`` beside this file."""

from runtime.errors import Conflict, Forbidden, NotFound, NotYet, OneVisitError, Rejected, Stale, TryAgain, Unreadable


class NotSignedIn(Forbidden):
    """Nobody is signed in, and this route is not public."""

    code = "web.not_signed_in"
    status = 401


class RoleMissing(Forbidden):
    """The account has none of the roles this route is for."""

    code = "web.role_missing"


class ScopeMissing(Forbidden):
    """An API client was not given the scope this route is for."""

    code = "web.scope_missing"


class RouteNotForClients(Forbidden):
    """No API client may use this route, whatever its scopes."""

    code = "web.route_not_for_clients"


class PasswordMustChange(Forbidden):
    """The password is one that somebody else chose; until its owner changes it, it opens nothing else."""

    code = "web.password_must_change"


class FormExpired(Forbidden):
    """The CSRF token is missing, or belongs to another session."""

    code = "web.form_expired"


class ForeignOrigin(Forbidden):
    """A changing request came from another site's page."""

    code = "web.foreign_origin"


class HostNotServed(Rejected):
    """The request names a host that this installation does not answer for (DNS rebinding)."""

    code = "web.host_not_served"
    status = 421


class NoSuchPage(NotFound):
    """No route has this path."""

    code = "web.no_such_page"


class MethodNotAllowed(Rejected):
    """The path is there, the method is not."""

    code = "web.method_not_allowed"
    status = 405


class BodyTooLarge(Rejected):
    """The request body is larger than this route takes."""

    code = "web.body_too_large"
    status = 413


class BodyNotUnderstood(Rejected):
    """The request body is no form, or no JSON, that we can read."""

    code = "web.body_not_understood"
    status = 400


class InputInvalid(Rejected):
    """Fields are missing or of the wrong shape."""

    code = "web.input_invalid"


class KeyMissing(Rejected):
    """A POST came without its Idempotency-Key."""

    code = "idempotency.key_missing"
    status = 400


class KeyMalformed(Rejected):
    """The Idempotency-Key is not 1 to 200 printable ASCII characters."""

    code = "idempotency.key_malformed"
    status = 400


class Incident(OneVisitError):
    """A bug: logged once with its traceback under the incident id the asker is shown."""

    code = "web.incident"
    status = 500


_FAMILIES: tuple[tuple[type[OneVisitError], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (Stale, 412),
    (Conflict, 409),
    (NotYet, 409),
    (TryAgain, 503),
    (Rejected, 422),
    (Unreadable, 400),
)


def status_of(error: OneVisitError) -> int:
    """Choose the HTTP status: the refusal's own, else that of its family."""
    own = getattr(error, "status", None)
    if isinstance(own, int):
        return own
    return next((status for family, status in _FAMILIES if isinstance(error, family)), 500)


def retry_after_seconds(error: OneVisitError) -> int | None:
    """Say when asking again makes sense, where it does: the refusal's own fact of that name, else its family's."""
    own = error.facts.get("retry_after_seconds")
    if isinstance(own, int):
        return own
    if isinstance(error, NotYet):
        return 5
    return 2 if isinstance(error, TryAgain) else None
