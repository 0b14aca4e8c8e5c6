"""Which hosts and addresses `IMAGE_HOSTS` permits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.hosts import AllowedHosts

PUBLIC = "93.184.215.14"
PUBLIC_V6 = "2606:4700::1"
NOT_GLOBAL = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "192.0.2.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
]
ODD_LOOPBACKS = [
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "127.0.0.1.",
    "[::1]",
    "::1",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "127.0.0.1",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "localhost",
    "LOCALHOST.",
]


def test_a_name_permits_itself_alone() -> None:
    """A plain name permits that host, neither its subdomains nor its parent nor a longer name."""
    hosts = AllowedHosts.parse("img.example.com")
    assert hosts.permits_host("img.example.com")
    for other in ("a.img.example.com", "example.com", "img.example.com.evil.net", "evilimg.example.com", ""):
        assert not hosts.permits_host(other)


def test_a_wildcard_permits_subdomains_of_any_depth_but_not_the_domain() -> None:
    """`*.example.com` is for subdomains only."""
    hosts = AllowedHosts.parse("*.example.com")
    assert hosts.permits_host("img.example.com")
    assert hosts.permits_host("a.b.img.example.com")
    for other in ("example.com", "badexample.com", ".example.com", "a..example.com", "img.example.com.evil.net"):
        assert not hosts.permits_host(other)


@pytest.mark.parametrize("host", ["IMG.Example.COM", "img.example.com.", "img.EXAMPLE.com."])
def test_case_and_a_trailing_dot_make_no_difference(host: str) -> None:
    """The same name in another spelling is the same host, at both checks."""
    hosts = AllowedHosts.parse("Img.example.com.")
    assert hosts.permits_host(host)
    assert hosts.permits_address(host, PUBLIC)


@pytest.mark.parametrize("listed", ["이미지.한국", "xn--hg3b13spxb.xn--3e0b707e"])
@pytest.mark.parametrize("host", ["이미지.한국", "xn--hg3b13spxb.xn--3e0b707e", "이미지。한국"])
def test_international_names_compare_by_their_ascii_form(listed: str, host: str) -> None:
    """A Korean host name is one host, whether it is written in Hangul or in Punycode."""
    hosts = AllowedHosts.parse(listed)
    assert hosts.permits_host(host)
    assert not hosts.permits_host("그림.한국")


@pytest.mark.parametrize("address", NOT_GLOBAL)
def test_a_listed_name_may_not_lead_to_an_address_that_is_not_global(address: str) -> None:
    """Whoever owns a listed name's DNS cannot send the function into the cluster."""
    hosts = AllowedHosts.parse("img.example.com, *.example.com")
    assert not hosts.permits_address("img.example.com", address)


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_V6, f"::ffff:{PUBLIC}", f"64:ff9b::{PUBLIC}", "2002:5db8:d70e::1"])
def test_a_listed_name_may_lead_to_any_global_address(address: str) -> None:
    """Public addresses pass, in each of the forms that a resolver may give."""
    assert AllowedHosts.parse("img.example.com").permits_address("img.example.com", address)


def test_a_host_that_is_not_listed_may_not_connect_anywhere() -> None:
    """The address check does not rely on the host check having been made."""
    assert not AllowedHosts.parse("img.example.com").permits_address("evil.net", PUBLIC)
    assert not AllowedHosts.parse("").permits_address("img.example.com", PUBLIC)
    assert not AllowedHosts.parse("").permits_host("img.example.com")


@pytest.mark.parametrize("host", ODD_LOOPBACKS)
def test_no_spelling_of_loopback_passes_unless_permitted(host: str) -> None:
    """Decimal, hex, octal, short, mapped and full-width spellings of loopback are refused before any look-up."""
    hosts = AllowedHosts.parse("img.example.com, *.example.com, 10.0.0.7")
    assert not hosts.permits_host(host)
    assert not hosts.permits_address(host, "127.0.0.1")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1."])
def test_numeric_names_are_no_names_even_where_their_address_is_permitted(host: str) -> None:
    """Only the canonical spelling of a permitted address passes."""
    hosts = AllowedHosts.parse("127.0.0.1, 127.0.0.0/8, localhost")
    assert not hosts.permits_host(host)
    assert not hosts.permits_address(host, "127.0.0.1")


@pytest.mark.parametrize(
    ("listed", "host", "address"),
    [
        ("10.0.0.7", "10.0.0.7", "10.0.0.7"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("::1", "[::1]", "::1"),
        ("[::1]", "::1", "::1"),
        ("localhost", "localhost", "127.0.0.1"),
        ("localhost", "LocalHost.", "::1"),
    ],
)
def test_an_address_or_localhost_permits_itself(listed: str, host: str, address: str) -> None:
    """A literal or `localhost` in the list is an explicit permission for that private address."""
    hosts = AllowedHosts.parse(listed)
    assert hosts.permits_host(host)
    assert hosts.permits_address(host, address)


def test_an_address_permits_only_itself() -> None:
    """A listed address licenses neither a name that resolves to it nor a neighbour nor another answer for itself."""
    hosts = AllowedHosts.parse("10.0.0.7, img.example.com, localhost")
    assert not hosts.permits_address("img.example.com", "10.0.0.7")
    assert not hosts.permits_host("10.0.0.8")
    assert not hosts.permits_address("10.0.0.7", "10.0.0.8")
    assert not hosts.permits_address("localhost", "10.0.0.7")


def test_a_cidr_permits_every_host_that_resolves_into_it() -> None:
    """Any name may be looked up then, and the answer decides; addresses outside stay refused."""
    hosts = AllowedHosts.parse("10.0.0.0/8, fd00::/8")
    assert hosts.permits_host("minio.storage.svc.cluster.local")
    assert hosts.permits_address("minio.storage.svc.cluster.local", "10.3.2.1")
    assert hosts.permits_address("minio.storage.svc.cluster.local", "fd00::7")
    assert hosts.permits_address("minio.storage.svc.cluster.local", "::ffff:10.3.2.1")
    assert not hosts.permits_address("minio.storage.svc.cluster.local", "192.168.0.1")
    assert not hosts.permits_address("minio.storage.svc.cluster.local", PUBLIC)
    assert hosts.permits_host("10.3.2.1")
    assert not hosts.permits_host("192.168.0.1")


def test_a_cidr_permits_private_addresses_of_listed_names() -> None:
    """A listed name may be both public and inside the permitted network."""
    hosts = AllowedHosts.parse("img.example.com,10.0.0.0/8")
    assert hosts.permits_address("img.example.com", PUBLIC)
    assert hosts.permits_address("img.example.com", "10.0.0.1")
    assert not hosts.permits_address("img.example.com", "192.168.0.1")


def test_blanks_and_empty_entries_are_skipped() -> None:
    """A list broken over lines with a comma at its end is read as it is meant."""
    assert AllowedHosts.parse(" img.example.com ,\n *.example.org,, ") == AllowedHosts.parse(
        "img.example.com,*.example.org"
    )


@pytest.mark.parametrize(
    "entry",
    [
        "https://img.example.com",
        "img.example.com:8080",
        "img.example.com/photos",
        "user@img.example.com",
        "*",
        "*.",
        "img.*.com",
        "**.example.com",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "-img.example.com",
        "im g.example.com",
        "a" * 64 + ".com",
        ".".join(["a" * 60] * 5),
        "\u200b.com",
    ],
)
def test_a_wrong_entry_is_named_in_one_sentence(entry: str) -> None:
    """What cannot be meant stops the process with the entry and the forms that are right."""
    with pytest.raises(ValueError, match=r"is no host name \(as img\.example\.com\)") as caught:
        AllowedHosts.parse(f"ok.example.com, {entry}")
    assert repr(entry) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(st.text())
def test_any_text_as_a_host_is_answered(host: str) -> None:
    """A seller's URL may hold anything; a host that is not listed is refused, and nothing is raised."""
    assert not AllowedHosts.parse("only.this.example").permits_host(host)
    assert not AllowedHosts.parse("only.this.example").permits_address(host, PUBLIC)
