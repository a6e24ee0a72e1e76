"""IP addresses as logs write them: with ports, brackets, zones, mapped into IPv6, or in a forwarding list."""

from __future__ import annotations

import ipaddress
import re

__all__ = ["address"]

_PORT = re.compile(r"^\[(?P<six>[^\]]+)\](:\d+)?$|^(?P<four>[\d.]+):\d+$")


def address(text: str | None) -> str | None:
    """The address in canonical form; None where there is none (a masked octet, a host name).

    Of a forwarding list the first entry is taken: the client, as far as the edge can be trusted to have
    written the list itself.

    >>> address("[2001:DB8::1]:443"), address("::ffff:192.0.2.7"), address("192.0.2.***")
    ('2001:db8::1', '192.0.2.7', None)
    """
    if text is None:
        return None
    first = text.split(",", 1)[0].strip()
    port = _PORT.match(first)
    if port:
        first = port["six"] or port["four"]
    try:
        found = ipaddress.ip_address(first.split("%", 1)[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
