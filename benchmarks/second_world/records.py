"""Accounts and the programs that use them."""

from __future__ import annotations

from dataclasses import dataclass

from second_world.clock import END
from second_world.networks import Network

__all__ = ["Account", "Client"]


@dataclass(slots=True, kw_only=True)
class Client:
    """One program on one network."""

    user_agent: str
    tls: str | None
    network: Network
    platform: str = "first_party"
    web: bool = False
    """The provider's own chat page: no API key."""


@dataclass(slots=True, kw_only=True)
class Account:
    """One account: what the accounts table says of it, its truth, and its life."""

    id: str
    label: str
    campaign: str | None
    country: str
    hours: float
    created: float
    """Seconds from the start of the log, mostly negative."""
    organization: str | None
    pathway: str
    plan: str
    payment: str | None
    email: str
    phone: str | None
    device: str | None
    signup_ip: str | None
    billing: str
    declared: str | None
    keys: list[str]
    born: float
    """Nothing is sent before."""
    died: float = END
    """Nothing is sent from then on."""
    moves_at: float | None = None
    """When it tries the released model."""
    n_exchanges: int = 0
    n_distilled: int = 0

    def alive(self, t: float) -> bool:
        """Whether it can send at t."""
        return self.born <= t < self.died
