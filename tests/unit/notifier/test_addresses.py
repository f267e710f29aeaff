"""The address guard: tricks that have led servers into their own networks, each of which must never connect."""

import socket
from collections.abc import Sequence

import pytest

from services.notifier.domain.addresses import Endpoint, UrlRefused, is_open, read_url
from services.notifier.outgoing import post

LITERAL_TRICKS = """
http://93.184.216.34/ plain http
https://127.0.0.1/ loopback
https://127.1/ loopback, short
https://127.0.1/ loopback, three parts
https://2130706433/ loopback, one decimal number
https://0x7f000001/ loopback, one hexadecimal number
https://017700000001/ loopback, one octal number
https://0x7f.0.0.1/ loopback, hexadecimal part
https://0177.0.0.1/ loopback, octal part
https://127.0.0.01/ leading zero
https://127.0.0.1./ loopback with a final dot
https://0/ this host
https://0.0.0.0/ this host
https://0x/ empty hexadecimal
https://10.0.0.1/ private
https://10.1/ private, short
https://172.16.0.1/ private
https://172.31.255.255/ private, last
https://192.168.1.1/ private
https://192.168.257/ private, three parts
https://169.254.169.254/ metadata of clouds
https://0xa9fea9fe/ metadata, hexadecimal
https://2852039166/ metadata, decimal
https://169.254.43518/ metadata, three parts
https://100.100.100.200/ metadata in shared address space
https://168.63.129.16/ a cloud's inner service under a public address
https://192.0.0.192/ metadata in protocol assignments
https://198.18.0.1/ benchmarks
https://192.88.99.1/ 6to4 relay
https://224.0.0.1/ multicast
https://255.255.255.255/ broadcast
https://240.0.0.1/ reserved
https://[::1]/ loopback
https://[::]/ this host
https://[0:0:0:0:0:0:0:1]/ loopback in full
https://[::ffff:127.0.0.1]/ loopback, mapped
https://[::ffff:7f00:1]/ loopback, mapped, hexadecimal
https://[::127.0.0.1]/ loopback, compatible
https://[::ffff:0:127.0.0.1]/ loopback, translated
https://[64:ff9b::7f00:1]/ loopback through NAT64
https://[64:ff9b::10.0.0.1]/ private through NAT64
https://[64:ff9b:1::a00:1]/ private through local NAT64
https://[2002:7f00:1::]/ loopback through 6to4
https://[2002:a9fe:a9fe::1]/ metadata through 6to4
https://[2001:0:7f00:1::1]/ Teredo
https://[2001:db8::1]/ documentation
https://[fe80::1]/ link-local
https://[fe80::1%25eth0]/ link-local with a zone
https://[fec0::1]/ site-local
https://[fc00::1]/ unique local
https://[fd00:ec2::254]/ metadata, unique local
https://[ff02::1]/ multicast
https://[2606:4700::5efe:a00:1]/ ISATAP around a private address
https://[v1.fe80::a]/ a future address
https://localhost/ by name
https://LOCALHOST/ by name in capitals
https://intranet/ one label
https://metadata.google.internal/ inner name
https://printer.local/ inner name
https://user@example.cn/ a login
https://example.cn@127.0.0.1/ the host behind a login
https://example.cn%2f@127.0.0.1/ the same, disguised
https://127.0.0.1%2eexample.cn/ escaped dot
https://127。0。0。1/ ideographic dots
https://１２７.0.0.1/ full-width digits
https://ⓛocalhost/ a circled letter
https://example.cn:22/ a port of another service
https://example.cn:0/ no port
https://example.cn:99999/ no port
https://example.cn\\@127.0.0.1/ backslash
https://example.cn#@127.0.0.1/ fragment
https://exa\tmple.cn/ tab
https:///example.cn no host
https:example.cn no authority
ftp://example.cn/ another scheme
file:///etc/passwd a file
gopher://127.0.0.1:6379/_ another service's language
//example.cn/ no scheme
https://-example.cn/ no host name
https://a..cn/ an empty label
"""
TRICKS = [tuple(line.replace("\\t", "\t").split(" ", 1)) for line in LITERAL_TRICKS.strip().splitlines()]
CLOSED = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:a00:1",
    "2606:4700::1%eth0",
    "localhost",
    "127.1",
    "0x7f000001",
    "nonsense",
]
PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "2606:4700::1",
    "240e:1::1",
]


class Wire:
    """Notes every attempt to connect, and never makes one."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.asked.append((address, port))
        raise ConnectionRefusedError


def numeric(host: str, port: int) -> Sequence[str]:
    """Resolve as the system does where no name server is asked: all the odd notations of addresses, and nothing else."""
    try:
        found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST)
    except OSError:
        return ["93.184.216.34"]  # a name that leads to a public address: the URL alone must be refused
    return [str(entry[4][0]) for entry in found]


def test_there_are_sixty_tricks_and_more() -> None:
    assert len({url for url, _ in TRICKS}) == len(TRICKS) >= 60


@pytest.mark.parametrize(("url", "what"), TRICKS, ids=[what for _, what in TRICKS])
def test_a_trick_is_refused_when_it_is_entered_and_never_connects(url: str, what: str) -> None:
    wire = Wire()
    with pytest.raises(UrlRefused):
        read_url(url)
    answer = post(url, {}, b"", seconds=1, resolve=numeric, connect=wire.connect)

    assert (answer.status, answer.problem) == (None, "url_refused")
    assert wire.asked == []


@pytest.mark.parametrize("address", CLOSED)
def test_a_name_that_leads_to_a_closed_address_never_connects(address: str) -> None:
    """The second wall: whatever the URL looked like, and whatever the name said when it was entered."""
    wire = Wire()
    for resolved in ([address], ["93.184.216.34", address], [address, "93.184.216.34"]):
        answer = post("https://example.cn/", {}, b"", seconds=1, resolve=lambda *_, r=resolved: r, connect=wire.connect)
        assert answer.problem == "address_closed"

    assert wire.asked == []


def test_a_name_that_is_rebound_connects_only_to_what_was_looked_at() -> None:
    wire, answers = Wire(), iter([["93.184.216.34"], ["127.0.0.1"]])

    post("https://example.cn/", {}, b"", seconds=1, resolve=lambda *_: next(answers), connect=wire.connect)
    again = post("https://example.cn/", {}, b"", seconds=1, resolve=lambda *_: next(answers), connect=wire.connect)

    assert wire.asked == [("93.184.216.34", 443)]
    assert again.problem == "address_closed"


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_connected_to(address: str) -> None:
    """A control: a guard that lets nothing through would pass all the tests above."""
    wire = Wire()
    answer = post("https://example.cn:8443/x", {}, b"", seconds=1, resolve=lambda *_: [address], connect=wire.connect)

    assert wire.asked == [(address, 8443)]
    assert answer.problem == "not_connected"
    assert is_open(address)


@pytest.mark.parametrize("found", [[], None])
def test_a_name_without_an_address_is_not_sent_to(found: list[str] | None) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        if found is None:
            raise socket.gaierror
        return found

    wire = Wire()
    answer = post("https://example.cn/", {}, b"", seconds=1, resolve=resolve, connect=wire.connect)

    assert answer.problem in ("not_resolved", "address_closed")
    assert wire.asked == []


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://xt.example.cn", Endpoint("xt.example.cn", 443, "/", True, "xt.example.cn")),
        ("https://XT.example.cn:8443/a?b=c", Endpoint("xt.example.cn", 8443, "/a?b=c", True, "xt.example.cn:8443")),
        ("https://8.8.8.8:443/", Endpoint("8.8.8.8", 443, "/", True, "8.8.8.8")),
        ("https://[2606:4700::1]/", Endpoint("2606:4700::1", 443, "/", True, "[2606:4700::1]")),
        ("https://xn--fiqs8s.xn--fiqs8s/", Endpoint("xn--fiqs8s.xn--fiqs8s", 443, "/", True, "xn--fiqs8s.xn--fiqs8s")),
    ],
)
def test_an_honest_url_is_taken_apart(url: str, endpoint: Endpoint) -> None:
    assert read_url(url) == endpoint


def test_a_demo_home_may_be_told_to_allow_this_machine_and_no_other() -> None:
    for url in ("http://127.0.0.1:8080/", "http://localhost:8080/", "https://[::1]:8443/", "http://127.0.0.1:80/"):
        assert read_url(url, loopback=True)
        with pytest.raises(UrlRefused):
            read_url(url)
    for url in ("http://example.cn/", "http://10.0.0.1/", "https://10.0.0.1/", "http://127.1/", "http://127.0.0.1:22/"):
        with pytest.raises(UrlRefused):
            read_url(url, loopback=True)
    assert is_open("127.0.0.1", loopback=True)
    assert not is_open("::ffff:127.0.0.1", loopback=True)
    assert not is_open("10.0.0.1", loopback=True)


def test_a_url_beyond_two_thousand_characters_is_refused() -> None:
    with pytest.raises(UrlRefused):
        read_url(f"https://example.cn/{'a' * 2000}")


def test_a_host_name_beyond_its_length_is_refused() -> None:
    with pytest.raises(UrlRefused) as refusal:
        read_url(f"https://{'.'.join(['a' * 60] * 5)}.cn/")

    assert refusal.value.facts == {"reason": "odd_host"}
