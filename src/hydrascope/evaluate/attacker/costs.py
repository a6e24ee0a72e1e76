"""What tactics cost: the attacker's price list as TOML, and the bill."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from hydrascope.config import build, read_toml
from hydrascope.evaluate.attacker.tactics import Tactics

__all__ = ["Costs", "Goal", "Size", "bill", "read_costs", "size_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """US dollars; what each means stands in `costs.toml`."""

    account: float
    account_aged: float
    card: float
    device: float
    hosting_address: float
    residential_gb: float
    residential_address: float
    client_mimicry: float
    client_own: float
    wording_variants: float
    wording_fresh: float
    exchange: float
    cover_exchange: float
    signup_spread_day: float
    human_timing: float
    exchange_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the attacker wants out of the window."""

    per_day: float = 800.0
    """Distilled exchanges a day."""
    days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The campaign that tactics make of a goal."""

    n_accounts: int
    n_distilled: float
    n_cover: float


def read_costs(path: Path | None = None) -> Costs:
    """The price list, or the shipped one.

    Raises:
        ConfigError: a price is missing or unknown.
    """
    shipped = Path(str(files("hydrascope.evaluate.attacker"))) / "costs.toml"
    return build(Costs, read_toml(path or shipped), file=str(path or shipped))


def size_of(tactics: Tactics, goal: Goal) -> Size:
    """How many accounts and exchanges the goal takes."""
    cover = tactics.rung("cover").value
    distilled = goal.per_day * goal.days
    return Size(
        n_accounts=max(3, round(goal.per_day / tactics.rung("division").value)),
        n_distilled=distilled,
        n_cover=distilled * cover / (1 - cover),
    )


def bill(tactics: Tactics, goal: Goal, costs: Costs) -> dict[str, float]:
    """Mechanic to dollars for the whole window; `tokens` is what the distilled exchanges cost anyhow."""
    size = size_of(tactics, goal)
    n, traffic = size.n_accounts, size.n_distilled + size.n_cover
    aged = tactics.rung("signup").name == "aged half a year"
    spread = goal.days / 2 if tactics.rung("signup").name == "over the window" else 0
    mimic, own = tactics.place("client") == 1, tactics.place("client") == 2
    varied, fresh = tactics.place("wording") == 1, tactics.place("wording") == 2
    return {
        "tokens": size.n_distilled * costs.exchange,
        "division": n * costs.account,
        "cards": -(-n // tactics.rung("cards").value) * costs.card,
        "devices": -(-n // tactics.rung("devices").value) * costs.device,
        "network": network_bill(tactics, n, traffic, costs),
        "client": mimic * costs.client_mimicry + own * costs.client_own,
        "wording": varied * costs.wording_variants + fresh * size.n_distilled * costs.wording_fresh,
        "cover": size.n_cover * costs.cover_exchange,
        "signup": n * (costs.account_aged - costs.account) * aged + spread * costs.signup_spread_day,
        "timing": traffic * costs.human_timing * tactics.place("timing"),
    }


def network_bill(tactics: Tactics, n_accounts: int, n_exchanges: float, costs: Costs) -> float:
    """Addresses or gigabytes."""
    kind = tactics.rung("network").name
    if kind == "hosting pool":
        return 8 * costs.hosting_address
    if kind == "own residential":
        return n_accounts * costs.residential_address
    return n_exchanges * costs.exchange_mb / 1024 * costs.residential_gb
