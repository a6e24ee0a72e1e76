"""Served traffic of a made-up provider: accounts ask, marked answers go out, some have a sealed twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from hydrascope.errors import UsageError
from hydrascope.lab.traffic import Marker, mark_with, sample_answers
from hydrascope.lab.world import World
from hydrascope.watermark.keys import Key
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.twins import SealedTwin, TwinPolicy, TwinRequest, draw_twin, is_sampled

__all__ = ["AccountPlan", "Served", "pick_prompts", "serve"]

PROMPT_TOKENS = 24
_FIRST = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPlan:
    """One account of the made-up provider."""

    account_id: str
    n_exchanges: int
    cluster_id: str | None = None
    key_id: str | None = None
    key: Key | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """What went out, what was sealed."""

    rows: list[dict[str, object]]
    """Exchange-log rows."""
    answers: list[npt.NDArray[np.int32]]
    """Tokens of prompt and served completion, as sampled, one for each row."""
    twins: list[SealedTwin]


def pick_prompts(world: World, n: int, rng: np.random.Generator) -> list[str]:
    """`n` prompts: beginnings of texts that no model was trained on."""
    texts = [t for t in world.prompts if len(t) > 6 * PROMPT_TOKENS]
    if not texts:
        raise UsageError("the world has no prompts", hint="train it on more text")
    encode, decode = world.tokenizer.encode, world.tokenizer.decode
    prompts = []
    for i in rng.integers(len(texts), size=n):
        tokens = encode(texts[int(i)])
        start = int(rng.integers(max(len(tokens) - PROMPT_TOKENS, 1)))
        prompts.append(decode(tokens[start : start + PROMPT_TOKENS]))
    return prompts


def _markers(plans: Sequence[AccountPlan]) -> dict[str, Marker | None]:
    """One marker object for each key, shared by its accounts, so that sampling evaluates them together."""
    shared: dict[tuple[str, int], Marker] = {}
    found: dict[str, Marker | None] = {}
    for plan in plans:
        if plan.key is None or plan.mark is None:
            found[plan.account_id] = None
        else:
            name = (plan.key.name, plan.key.k0)
            if name not in shared:
                shared[name] = mark_with(plan.key, plan.mark)
            found[plan.account_id] = shared[name]
    return found


def serve(
    world: World,
    plans: Sequence[AccountPlan],
    *,
    seed: int,
    answer_tokens: int = 112,
    policy: TwinPolicy | None = None,
    coin_seed: bytes = b"",
    salts: Sequence[bytes] | None = None,
    batch: int = 2000,
) -> Served:
    """Serve every exchange of every plan.

    Args:
        seed: of prompts and sampling.
        policy: None draws no twins; accounts with a cluster id count as flagged.
        coin_seed: of the twin store.
        salts: one for each exchange, for tests; fresh where None.
        batch: exchanges sampled together.
    """
    rng = np.random.default_rng(seed)
    markers = _markers(plans)
    asked = [plan for plan in plans for _ in range(plan.n_exchanges)]
    order = rng.permutation(len(asked))
    asked = [asked[i] for i in order]
    prompts = pick_prompts(world, len(asked), rng)
    served = Served(rows=[], answers=[], twins=[])
    n_sealed: dict[str, int] = {}
    for start in range(0, len(asked), batch):
        part = range(start, min(start + batch, len(asked)))
        encoded = [world.tokenizer.encode(prompts[i]) for i in part]
        first = sample_answers(
            world.teacher, encoded, answer_tokens, rng, markers=[markers[asked[i].account_id] for i in part]
        )
        requests = [_request(asked[i], i, prompts[i]) for i in part]
        twice = [
            k for k, request in enumerate(requests)
            if policy is not None and _wanted(request, policy, coin_seed, n_sealed)
        ]  # fmt: skip
        second = dict(
            zip(
                twice,
                sample_answers(
                    world.teacher,
                    [encoded[k] for k in twice],
                    answer_tokens,
                    rng,
                    markers=[markers[asked[start + k].account_id] for k in twice],
                ),
                strict=True,
            )
        )
        for k, request in enumerate(requests):
            tokens = first[k]
            if k in second:
                salt = None if salts is None else salts[start + k]
                tokens = _serve_twin(world, request, (first[k], second[k]), coin_seed, salt, served)
            _log(served, world, asked[start + k], request, start + k, encoded[k], tokens)
    return served


def _request(plan: AccountPlan, number: int, prompt: str) -> TwinRequest:
    return TwinRequest(
        exchange_id=f"x{number:07d}", account_id=plan.account_id, prompt=prompt, cluster_id=plan.cluster_id
    )


def _wanted(request: TwinRequest, policy: TwinPolicy, seed: bytes, n_sealed: dict[str, int]) -> bool:
    flagged = {request.cluster_id} if request.cluster_id else set()
    n = n_sealed.get(request.account_id, 0)
    if not is_sampled(request, policy, seed=seed, flagged=flagged, n_sealed=n):
        return False
    n_sealed[request.account_id] = n + 1
    return True


def _serve_twin(
    world: World,
    request: TwinRequest,
    drawn: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    coin_seed: bytes,
    salt: bytes | None,
    served: Served,
) -> npt.NDArray[np.int32]:
    texts = iter([world.tokenizer.decode(tokens) for tokens in drawn])
    _, sealed = draw_twin(request, lambda _: next(texts), seed=coin_seed, salt=salt)
    served.twins.append(sealed)
    return drawn[sealed.served]


def _log(
    served: Served, world: World, plan: AccountPlan, request: TwinRequest, number: int,
    prompt: npt.NDArray[np.int32], tokens: npt.NDArray[np.int32],
) -> None:  # fmt: skip
    row: Mapping[str, object] = {
        "exchange_id": request.exchange_id,
        "started_at": (_FIRST + timedelta(seconds=40 * number)).isoformat().replace("+00:00", "Z"),
        "account_id": request.account_id,
        "model": "teacher",
        "prompt": request.prompt,
        "completion": world.tokenizer.decode(tokens),
        "watermark_key": plan.key_id,
    }
    served.rows.append(dict(row))
    served.answers.append(np.concatenate([prompt, tokens]).astype(np.int32))
