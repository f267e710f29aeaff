"""Shapes of logins, agency codes, names and passwords."""

import re

from runtime.errors import Rejected

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")
_AGENCY = re.compile(r"[A-Z0-9]{2,12}")
_OFFICER = re.compile(r"[0-9A-Za-z._-]{1,40}")
PASSWORD_MIN_CHARS = 10
PASSWORD_MAX_CHARS = 128
PASSWORD_MIN_DIFFERENT_CHARS = 5
NAME_MAX_CHARS = 80


class LoginMalformed(Rejected):
    """A login is 3 to 40 lower-case letters, digits, dots, dashes or underscores."""

    code = "account.login_malformed"


class OfficerMalformed(Rejected):
    """A staff number is up to 40 ASCII letters, digits, dots, dashes or underscores."""

    code = "account.officer_malformed"


class AgencyIdMalformed(Rejected):
    """An agency's code is 2 to 12 capital letters or digits."""

    code = "agency.id_malformed"


class NameMalformed(Rejected):
    """A name is empty, too long or holds control characters."""

    code = "account.name_malformed"


class PasswordTooWeak(Rejected):
    """A password is too short, too long, too monotonous, or holds the login."""

    code = "password.too_weak"


def tidy_login(login: str) -> str:
    """Write a login the way it is stored: no blanks around, lower case."""
    return login.strip().lower()


def check_login(login: str) -> str:
    """Accept a login in its stored form."""
    tidy = tidy_login(login)
    if not _LOGIN.fullmatch(tidy):
        raise LoginMalformed()
    return tidy


def check_agency_id(agency: str) -> str:
    """Accept an agency's code, such as JT."""
    if not _AGENCY.fullmatch(agency):
        raise AgencyIdMalformed()
    return agency


def check_officer(officer: str | None) -> str | None:
    """Accept a staff number, or none."""
    tidy = (officer or "").strip()
    if not tidy:
        return None
    if not _OFFICER.fullmatch(tidy):
        raise OfficerMalformed()
    return tidy


def check_name(name: str) -> str:
    """Accept a name of a person or a body: one line that can be printed."""
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > NAME_MAX_CHARS or not tidy.isprintable():
        raise NameMalformed(limit=NAME_MAX_CHARS)
    return tidy


def check_password(password: str, login: str) -> str:
    """
    Accept a password: length counts for more than a mixture of characters.

    Source:
        NIST SP 800-63B section 5.1.1.2, with a longer minimum.
    """
    fits = PASSWORD_MIN_CHARS <= len(password) <= PASSWORD_MAX_CHARS
    varied = len(set(password)) >= PASSWORD_MIN_DIFFERENT_CHARS
    if not (fits and varied) or tidy_login(login) in password.lower():
        raise PasswordTooWeak(least=PASSWORD_MIN_CHARS, most=PASSWORD_MAX_CHARS)
    return password
