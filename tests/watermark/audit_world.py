"""A world for audits, small enough to be trained in a second on made-up text."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

import numpy as np

from hydrascope.lab.provider import AccountPlan, Served, serve
from hydrascope.lab.world import World, build_world, distil
from hydrascope.watermark.audit_probes import ServedExchange
from hydrascope.watermark.keys import Level
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.registry import Registry, create_registry
from hydrascope.watermark.suspect_trigram import TrigramSuspect
from hydrascope.watermark.twins import TwinPolicy

AT = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = sha256(b"a root secret for tests").digest()
COIN_SEED = sha256(b"a coin seed for tests").digest()
MARK = Mark(scheme="red_green", context_width=2, gamma=0.25, delta=2.0)
CLUSTERS = ("north", "south", "idle")


def made_up_text(seed: int, n: int) -> list[str]:
    """Paragraphs of made-up words with habits: each word likes a few successors."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnoprstuvw"))
    words = ["".join(rng.choice(letters, rng.integers(2, 7))) for _ in range(240)]
    likes = rng.integers(0, len(words), (len(words), 8))
    out = []
    for _ in range(n):
        at, said = int(rng.integers(len(words))), []
        for _ in range(40):
            said.append(words[at])
            at = int(likes[at, rng.integers(8)]) if rng.random() < 0.8 else int(rng.integers(len(words)))
        out.append(" ".join(said))
    return out


@cache
def small_world() -> World:
    """Teacher, base and texts."""
    return build_world(made_up_text(1, 3000), vocab_size=420)


def salts(n: int) -> list[bytes]:
    """Fixed salts, so that a test is the same every time."""
    return [sha256(f"salt {i}".encode()).digest() for i in range(n)]


@cache
def small_registry() -> Registry:
    """A deployment key and three clusters'."""
    fingerprint = small_world().tokenizer.fingerprint
    opened = create_registry(ROOT, "toy", at=AT)
    whole = opened.commit(ROOT, ["toy"], level=Level.DEPLOYMENT, mark=MARK, tokenizer=fingerprint, at=AT)
    return whole.commit(ROOT, CLUSTERS, level=Level.CLUSTER, mark=MARK, tokenizer=fingerprint, at=AT)


@cache
def small_traffic() -> Served:
    """Two marked clusters of two accounts each; every exchange has a twin."""
    plans = []
    for cluster in ("north", "south"):
        (committed,) = small_registry().find(cluster)
        plans += [
            AccountPlan(
                account_id=f"{cluster}-{i}",
                n_exchanges=150,
                cluster_id=cluster,
                key_id=committed.key_id,
                key=small_registry().secret(ROOT, committed),
                mark=MARK,
            )
            for i in range(2)
        ]
    n = sum(plan.n_exchanges for plan in plans)
    return serve(
        small_world(),
        plans,
        seed=3,
        answer_tokens=60,
        policy=TwinPolicy(),
        coin_seed=COIN_SEED,
        salts=salts(n),
    )


@cache
def small_log() -> tuple[ServedExchange, ...]:
    """The same traffic as the provider's log has it."""
    return tuple(
        ServedExchange(
            exchange_id=str(row["exchange_id"]),
            account_id=str(row["account_id"]),
            prompt=str(row["prompt"]),
            completion=str(row["completion"]),
            key_id=str(row["watermark_key"]),
        )
        for row in small_traffic().rows
    )


@cache
def student_of(cluster: str) -> TrigramSuspect:
    """The base trained further on one cluster's answers, or on made-up text of another kind."""
    world, served = small_world(), small_traffic()
    if cluster == "nobody":
        texts = [world.tokenizer.encode(text) for text in made_up_text(1, 3600)[3000:]]
    else:
        texts = [
            tokens
            for row, tokens in zip(served.rows, served.answers, strict=True)
            if str(row["account_id"]).startswith(cluster)
        ]
    return TrigramSuspect(distil(world.base, texts), f"student of {cluster}")


@cache
def base_model() -> TrigramSuspect:
    """The public base."""
    return TrigramSuspect(small_world().base, "base")
