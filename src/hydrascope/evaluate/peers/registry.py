"""Every peer by name."""

from __future__ import annotations

from collections.abc import Mapping

from hydrascope.errors import UsageError, nearest
from hydrascope.evaluate.peers.alarm import Peer
from hydrascope.evaluate.peers.attribute_union import detect_attribute_union
from hydrascope.evaluate.peers.dense_block import detect_dense_blocks
from hydrascope.evaluate.peers.keywords import detect_keywords
from hydrascope.evaluate.peers.prada import detect_prada
from hydrascope.evaluate.peers.shared_address import detect_shared_addresses
from hydrascope.evaluate.peers.splink_weights import detect_splink
from hydrascope.evaluate.peers.stream_clusters import detect_stream_clusters
from hydrascope.evaluate.peers.synchro_trap import detect_synchro_trap
from hydrascope.evaluate.peers.velocity import detect_velocity
from hydrascope.evaluate.peers.window_mmd import detect_window_mmd

__all__ = ["PEERS", "find_peer"]

PEERS: Mapping[str, Peer] = {
    "velocity": detect_velocity,
    "shared_address": detect_shared_addresses,
    "attribute_union": detect_attribute_union,
    "synchro_trap": detect_synchro_trap,
    "dense_block": detect_dense_blocks,
    "window_mmd": detect_window_mmd,
    "prada": detect_prada,
    "stream_clusters": detect_stream_clusters,
    "keywords": detect_keywords,
    "splink": detect_splink,
}


def find_peer(name: str) -> Peer:
    """The peer of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in PEERS:
        raise UsageError(f"no peer named {name!r}", hint=nearest(name, PEERS))
    return PEERS[name]
