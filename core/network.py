"""Addresses of machines, cut down to what may be kept."""

from ipaddress import IPv6Address, ip_address, ip_network

KEPT_BITS_4, KEPT_BITS_6 = 24, 48  # a provider's neighbourhood, not a household


def network_of(address: str | None) -> str:
    """The network of an address without the part that names one machine: 192.0.2.0/24. Empty for what is no address."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    bits = KEPT_BITS_6 if found.version == 6 else KEPT_BITS_4
    return str(ip_network(f"{found}/{bits}", strict=False))
