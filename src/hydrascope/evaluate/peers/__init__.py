"""Other people's detectors on the same logs: small faithful adapters, each with its source named."""

from hydrascope.evaluate.peers.alarm import Peer
from hydrascope.evaluate.peers.registry import PEERS, find_peer

__all__ = ["PEERS", "Peer", "find_peer"]
