"""How the accounts of a group are opened, and what any customer does: leave, arrive, try a new model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from second_world.clock import DAY, END
from second_world.networks import Network
from second_world.records import Account
from second_world.scene import Scene

__all__ = ["ORDINARY", "Group", "lifespan", "model_at", "open_company"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What the accounts of a group have in common; nothing, for ordinary people."""

    label: str = "background"
    campaign: str | None = None
    account: Callable[[], dict[str, Any]] = field(default=dict)
    """What `World.account` is told of the next one."""
    network: Callable[[Account], Network] | None = None
    """Where it sends from, if not from a line of its own."""

    def open(self, scene: Scene, **usual: Any) -> Account:
        """The next account; what the group says comes before what is usual."""
        return scene.world.account(self.label, self.campaign, **(usual | self.account()))

    def line(self, account: Account) -> Network | None:
        """Its network, where the group has one."""
        return self.network(account) if self.network else None


ORDINARY = Group()


def lifespan(scene: Scene, account: Account) -> None:
    """Some stop for good, some arrive late, a few are banned for something else."""
    r = scene.r
    if r.random() < 0.13:
        account.died = min(account.died, account.born + r.random() * (END - account.born))
    if r.random() < 0.1 and account.created < 0:
        account.born = r.random() * END * 0.6
    if r.random() < 0.004:
        scene.world.ban(account, account.born + r.random() * (END - account.born))


def model_at(scene: Scene, account: Account, t: float, model: str | None) -> str | None:
    """The model at t: two in five who use the large one try the released one, most within days."""
    if account.moves_at is None:
        late = scene.r.random() >= 0.4
        account.moves_at = END + 1 if late else scene.world.release + scene.r.expovariate(1 / (5 * DAY))
    return scene.models[4] if t > account.moves_at and model == scene.models[0] else model


def open_company(scene: Scene, label: str, n_keys: int = 1, **known: Any) -> Account:
    """A company's account."""
    r = scene.r
    usual: dict[str, Any] = {
        "plan": "team", "email": scene.bank.company(r).lower() + r.choice((".com", ".io", ".ai", ".co")), "organization": scene.world.fresh("org_", 9),
        "age_days": 4 + min(900, r.expovariate(1 / 230.0)),
    }  # fmt: skip
    return scene.world.account(label, n_keys=n_keys, **(usual | known))
