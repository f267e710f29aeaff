"""Who may administer whose accounts."""

from runtime.errors import Conflict, Forbidden


class NotYourAgency(Forbidden):
    """An agency administrator works on the own agency's accounts only."""

    code = "account.not_your_agency"


class CountyAdminOnly(Forbidden):
    """Only a county administrator registers agencies."""

    code = "agency.county_admin_only"


class OwnAccount(Conflict):
    """Nobody closes the own account or takes the own administration away."""

    code = "account.own"


class LastCountyAdmin(Conflict):
    """A county always keeps one account that can open others."""

    code = "account.last_county_admin"


def check_may_administer(*, county_admin: bool, agency_admin: bool, own_agency: str, agency: str) -> None:
    """Accept a county administrator for every agency of the county, an agency administrator for the own one."""
    if county_admin or (agency_admin and own_agency == agency):
        return
    raise NotYourAgency(agency=agency)


def check_not_own(actor: str, account: str) -> None:
    """Refuse to act on oneself."""
    if actor == account:
        raise OwnAccount(account=account)


def check_one_stays(county_admins_left: int) -> None:
    """Refuse what would leave the county without an administrator."""
    if county_admins_left < 1:
        raise LastCountyAdmin()
