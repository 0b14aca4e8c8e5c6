"""Which hosts and addresses photos may come from: `IMAGE_HOSTS` as one value that answers yes or no. Opens no socket.

Sellers write the URLs, and the function runs inside a cluster: without this list a product event reads the metadata
service (169.254.169.254) or any neighbour. A name alone is not enough, because its owner decides what it resolves to;
so both questions are asked, before the look-up and after it.
"""

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# WHATWG URL, "ends in a number": resolvers read 127.1, 0x7f.1, 0177.0.0.1 and 2130706433 as IPv4 addresses.
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
# IANA hands out global unicast from here alone. `is_global` also holds for site-local, NAT64 and IPv4-compatible ones.
_GLOBAL_UNICAST = IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The hosts that photos may be fetched from; an empty one permits nothing."""

    names: frozenset[str]
    """Permitted as they are, in lower-case ASCII."""
    domains: tuple[str, ...]
    """Permitted are their subdomains of any depth: `.example.com`."""
    addresses: frozenset[Address]
    """Permitted as the host of a URL, private ones too."""
    networks: tuple[IPv4Network | IPv6Network, ...]
    """Permitted is every host that resolves into one of them."""

    @classmethod
    def parse(cls, text: str) -> "AllowedHosts":
        """Reads a comma list of `img.example.com`, `*.example.com`, addresses and CIDRs.

        Raises `ValueError` with one sentence that names the entry.
        """
        names: set[str] = set()
        domains: list[str] = []
        addresses: set[Address] = set()
        networks: list[IPv4Network | IPv6Network] = []
        entries = list(filter(None, map(str.strip, text.split(","))))
        if text.strip() and not entries:
            raise ValueError("the list has no entry")
        for entry in entries:
            if (network := _network(entry)) is not None:
                networks.append(network)
            elif (address := _literal(entry)) is not None:
                addresses.add(address)
            elif (name := _name(entry.removeprefix("*."))) is None:
                raise ValueError(
                    f"{entry!r} is no host name (as img.example.com), no *.domain, no address (as 10.0.0.7)"
                    " and no CIDR (as 10.0.0.0/8)"
                )
            elif entry.startswith("*."):
                domains.append(f".{name}")
            else:
                names.add(name)
        return cls(frozenset(names), tuple(domains), frozenset(addresses), tuple(networks))

    def permits_host(self, host: str) -> bool:
        """Whether `host`, the host part of a URL, may be looked up; `permits_address` then has the last word."""
        literal, name = _literal(host), _name(host)
        if literal is not None:
            return literal in self.addresses or self._covers(literal)
        return name is not None and (self._lists(name) or bool(self.networks))

    def permits_address(self, host: str, address: str) -> bool:
        """Whether a connection for `host` may go to `address`, one that `host` resolved to."""
        if not self.permits_host(host):
            return False
        target, literal, name = _destination(ip_address(address)), _literal(host), _name(host)
        if literal is not None:
            return literal == target
        if self._covers(target):
            return True
        if name is None or not self._lists(name):
            return False
        return _is_global(target) or (name == "localhost" and target.is_loopback)

    def _lists(self, name: str) -> bool:
        return name in self.names or name.endswith(self.domains)

    def _covers(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _literal(host: str) -> Address | None:
    """The address that `host` spells in canonical notation, brackets or not."""
    try:
        return _destination(ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    if "/" not in entry:
        return None  # an address alone is a literal here, not a network of one
    try:
        return ip_network(entry)
    except ValueError:
        return None


def _destination(address: Address) -> Address:
    """Where a packet to `address` ends: the IPv4 address that a mapped, 6to4 or NAT64 one carries, else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_global(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def _name(host: str) -> str | None:
    """The host name in its one spelling: lower case, IDNA, no trailing dot; None for what is no host name."""
    if not host.isascii():
        import idna  # here, because few hosts need its tables

        try:
            host = idna.encode(host, uts46=True).decode("ascii")  # as requests does
        except idna.IDNAError:
            return None
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)) or _NUMBER.fullmatch(labels[-1]):
        return None
    return name
