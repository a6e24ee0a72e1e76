"""Which family a channel belongs to when nobody says: a few common names, else a family of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hydrascope.errors import UsageError, nearest
from hydrascope.linkage.incidence import ChannelSpec

__all__ = ["FAMILY_WORDS", "name_channels"]

FAMILY_WORDS: Mapping[str, tuple[str, ...]] = {
    "identity": (
        "payment",
        "card",
        "iban",
        "phone",
        "device",
        "email",
        "key",
        "wallet",
        "cookie",
        "passport",
    ),
    "egress": ("ip", "ipv4", "ipv6", "prefix", "subnet", "egress", "proxy", "address", "asn"),
    "client": (
        "tls",
        "ja3",
        "ja4",
        "agent",
        "ua",
        "sdk",
        "header",
        "headers",
        "client",
        "browser",
        "platform",
    ),
    "content": ("template", "prompt", "content", "shingle", "tool", "tools"),
    "configuration": ("configuration", "config", "temperature", "decoding", "parameters", "params"),
    "timing": ("timing", "hour", "minute", "schedule", "rhythm"),
    "lifecycle": ("signup", "birth", "lifecycle", "created", "registration"),
}
"""Words that, in a channel's name, put it into a family."""


def name_channels(names: list[str], chosen: Mapping[str, str]) -> tuple[ChannelSpec, ...]:
    """A specification for each channel.

    Args:
        names: channels of the table.
        chosen: channel to family, as asked for; other channels go by the words in their name.

    Raises:
        UsageError: a family is chosen for a channel that the table does not have.
    """
    for channel in chosen:
        if channel not in names:
            raise UsageError(f"the table has no channel '{channel}'", hint=nearest(channel, names))
    families = {name: chosen.get(name) or guess_family(name) for name in names}
    return tuple(
        ChannelSpec(name=name, family=families[name], identity=families[name] == "identity") for name in names
    )


def guess_family(name: str) -> str:
    """The family whose word is in the name, or the name itself.

    >>> guess_family("client_ip"), guess_family("hashtag")
    ('egress', 'hashtag')
    """
    words = re.findall(r"[a-z]+[0-9]*", name.lower())
    for word in reversed(words):
        for family, known in FAMILY_WORDS.items():
            if word in known:
                return family
    return name
