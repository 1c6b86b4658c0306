"""Tells addresses of the public internet from those that only our network reaches, and no caller may reach by us."""

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOT_PUBLIC: tuple[IpNetwork, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        # https://www.iana.org/assignments/iana-ipv4-special-registry, with multicast and what is reserved
        *"0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24".split(),
        *"192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24".split(),
        *"224.0.0.0/4 240.0.0.0/4".split(),
        # Azure's own service for its machines, at an address that looks public
        # (https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16)
        "168.63.129.16/32",
        # https://www.iana.org/assignments/iana-ipv6-special-registry: all but global unicast, and of that what is not
        *"::/3 4000::/2 8000::/1 2001::/23 2001:db8::/32 3fff::/20 5f00::/16".split(),
    )
)

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")


def is_public(address: IpAddress) -> bool:
    """Whether an address is one of the public internet's, also where an IPv4 address stands within it."""
    inner = _ipv4_within(address)
    if inner is not None:
        return is_public(inner)
    return not any(address.version == network.version and address in network for network in _NOT_PUBLIC)


def _ipv4_within(address: IpAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address may go to: mapped, behind NAT64, or by 6to4."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _MAPPED or address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return None
