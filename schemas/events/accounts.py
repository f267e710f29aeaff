"""Topic ``accounts``: who there is and what they may do. Ids and roles only; said by console."""

from typing import ClassVar

from schemas.events.payload import Id, Payload
from schemas.vocabulary import AgencyKind, Role


class AccountsPayload(Payload):
    """A fact about an agency or one of its accounts."""

    topic: ClassVar[str] = "accounts"
    key: ClassVar[str] = "agency"

    agency: Id


class AgencyRegistered(AccountsPayload):
    """A body is known from now on; its name is the name of an office, not of a person."""

    type: ClassVar[str] = "onevisit.agency.registered.v1"

    kind: AgencyKind
    name: str
    short_name: str


class AccountOpened(AccountsPayload):
    """Somebody of an agency may sign in, in these roles; ``officer`` is the staff number of an inspector."""

    type: ClassVar[str] = "onevisit.account.opened.v1"

    account: Id
    roles: tuple[Role, ...]
    officer: Id | None = None


class AccountChanged(AccountsPayload):
    """The roles or the officer of an account are from now on these."""

    type: ClassVar[str] = "onevisit.account.changed.v1"

    account: Id
    roles: tuple[Role, ...]
    officer: Id | None = None


class AccountClosed(AccountsPayload):
    """An account can no longer be used; what it did stays."""

    type: ClassVar[str] = "onevisit.account.closed.v1"

    account: Id
