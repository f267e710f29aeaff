"""
Which addresses a webhook may have: the guard that keeps us from being made to call into networks we stand in.

Checked twice, because a name may answer something else the next time: the URL when it is entered, and every address that
the name resolves to before each connection. What is not plainly a public unicast address is refused.

Source: shared/reference/technology.md (webhooks); the special-purpose address registries of IANA (RFC 6890 and after).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from runtime.errors import Rejected

HTTPS, HTTP = 443, 80
LONGEST_URL, LONGEST_NAME = 2000, 253
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INNER_NAMES = ("localhost", "local", "internal", "localdomain", "lan", "home", "corp", "intranet", "arpa", "onion")

CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; some clouds' metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's inner service, under a public address
        "169.254.0.0/16",  # link-local; clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
OPEN_V6 = IPv6Network(
    "2000::/3"
)  # global unicast; all else (NAT64 64:ff9b::, mapped, unique local, link-local …) is closed
CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID …
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_ISATAP = 0x5EFE  # in bits 32 to 47 of the interface identifier, before an IPv4 address


class UrlRefused(Rejected):
    """No webhook may have this address."""

    code = "webhook.url_refused"


@dataclass(frozen=True)
class Endpoint:
    """A URL taken apart: *host* is a name or an address without brackets, *path* carries the query."""

    host: str
    port: int
    path: str
    tls: bool
    authority: str  # host and port as the Host header says them


def is_open(address: str, *, loopback: bool = False) -> bool:
    """
    Tell whether an address may be connected to.

    Args:
        address: As the resolver gave it, in whatever notation; what is no address is not open.
        loopback: Whether this machine itself may be, which only demo homes are told.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if loopback and found.is_loopback:
        return True
    if isinstance(found, IPv4Address):
        return not any(found in network for network in CLOSED_V4)
    return _is_open_v6(found)


def _is_open_v6(found: IPv6Address) -> bool:
    if found.scope_id is not None or found not in OPEN_V6 or any(found in network for network in CLOSED_V6):
        return False
    return (int(found) >> 32) & 0xFFFF != _ISATAP


def read_url(url: str, *, loopback: bool = False) -> Endpoint:
    """
    Take a webhook's URL apart, or refuse it.

    Args:
        url: As entered.
        loopback: Whether ``http`` and ``https`` to this machine itself are allowed, which only demo homes are told.

    Raises:
        UrlRefused: with the reason: odd_url, not_https, with_login, odd_host, inner_host, closed_address, odd_port.
    """
    if not _PRINTABLE.fullmatch(url) or len(url) > LONGEST_URL or "\\" in url or "#" in url:
        raise UrlRefused(reason="odd_url")
    try:
        parts = urlsplit(url)
        port, name = parts.port, (parts.hostname or "").lower()
    except ValueError as error:
        raise UrlRefused(reason="odd_url") from error
    if "@" in parts.netloc:
        raise UrlRefused(reason="with_login")
    here = loopback and _is_here(name)
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise UrlRefused(reason="not_https")
    _check_host(name, in_brackets=parts.netloc.startswith("["), loopback=loopback)
    tls = parts.scheme == "https"
    usual = HTTPS if tls else HTTP
    if port is not None and port != usual and port < 1024:
        raise UrlRefused(reason="odd_port")
    shown = f"[{name}]" if ":" in name else name
    authority = shown if port in (None, usual) else f"{shown}:{port}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(name, usual if port is None else port, path, tls, authority)


def _is_here(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _check_host(name: str, *, in_brackets: bool, loopback: bool) -> None:
    if loopback and _is_here(name):
        return
    if in_brackets:
        if not is_open(name):
            raise UrlRefused(reason="closed_address")
        return
    labels = name.split(".")
    if len(name) > LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefused(reason="odd_host")
    if _NUMBER.fullmatch(labels[-1]):  # every resolver takes such a name for an address, in whatever notation
        _check_plain(name)
    elif len(labels) < 2 or labels[-1] in _INNER_NAMES:
        raise UrlRefused(reason="inner_host")


def _check_plain(name: str) -> None:
    try:
        IPv4Address(name)  # four decimal numbers without leading zeros
    except ValueError as error:
        raise UrlRefused(reason="odd_host") from error
    if not is_open(name):
        raise UrlRefused(reason="closed_address")
