"""Held-back twins: draw two answers, toss a logged coin, serve one, seal the other.

Rules of the game. Both answers are fixed by a salted commitment before the coin is tossed, and the coin is
`HMAC-SHA256(seed, exchange id, commitment)`, with the seed itself committed to when the store was opened.
Whoever is later shown the seed can toss every coin again; nobody can pick an answer after seeing a coin, or a
coin after seeing an answer. Whether an exchange is sampled at all is drawn the same way, so that a client can
neither see nor steer it. A model that was not trained on what was served cannot tell the two apart beyond
chance, whatever the answers look like: given the pair, the coin is fair.

Both answers are needed before one is served, so that a sampled exchange is not streamed token by token from
the upstream; with a share of 1 % this is one answer in a hundred that starts late.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict, dataclass

from hydrascope.errors import ConfigError
from hydrascope.watermark.merkle import canonical_json

__all__ = [
    "PairOpening",
    "SealedTwin",
    "TwinPolicy",
    "TwinRequest",
    "coin_commitment",
    "draw_twin",
    "draw_twin_async",
    "is_sampled",
    "seed_commitment",
    "text_digest",
    "toss_coin",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinPolicy:
    """How often a second answer is drawn."""

    share: float = 0.01
    """Of all exchanges."""
    flagged_share: float = 1.0
    """Of the exchanges of accounts in flagged clusters."""
    flagged_limit: int = 300
    """Pairs an account in a flagged cluster gets at `flagged_share`; beyond them `share` holds again."""

    def __post_init__(self) -> None:
        for name in ("share", "flagged_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} is {getattr(self, name)}, not a share between 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinRequest:
    """What the gateway knows of one exchange when it decides to draw twice."""

    exchange_id: str
    account_id: str
    prompt: str
    cluster_id: str | None = None
    """Where the account is in a flagged cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOpening:
    """Opens a commitment: ids and salted digests, no text."""

    exchange_id: str
    account_id: str
    cluster_id: str | None
    prompt_digest: str
    answer_digests: tuple[str, str]
    pair_salt: str

    @property
    def commitment(self) -> str:
        """Salted SHA-256 over the canonical JSON of the fields (hex)."""
        return hashlib.sha256(b"hydrascope-twin-v1\x00" + canonical_json(asdict(self))).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTwin:
    """One pair as it is sealed. `answers` is in the order drawn; `served` says which one went out."""

    exchange_id: str
    account_id: str
    cluster_id: str | None
    prompt: str
    answers: tuple[str, str]
    served: int
    """0 or 1: the coin."""
    salt: str
    """Hex, 32 bytes; the salts of pair, texts and coin are derived from it and shown one by one."""

    @property
    def opening(self) -> PairOpening:
        """What opens the commitment without showing a word of the texts."""
        return _opening(self, self.answers, bytes.fromhex(self.salt))

    @property
    def commitment(self) -> str:
        """Hex; fixed before the coin was tossed, so the coin is no part of it."""
        return self.opening.commitment

    @property
    def coin_salt(self) -> bytes:
        """Keeps the committed coin from being guessed."""
        return _salted(bytes.fromhex(self.salt), "coin")

    @property
    def text_salt(self) -> str:
        """Hex; shown only where the texts are shown."""
        return _salted(bytes.fromhex(self.salt), "text").hex()

    @property
    def served_answer(self) -> str:
        """What went out."""
        return self.answers[self.served]

    @property
    def held_back(self) -> str:
        """What was sealed."""
        return self.answers[1 - self.served]


def text_digest(text: str, text_salt: str) -> str:
    """Salted SHA-256 of one text (hex)."""
    return hashlib.sha256(b"hydrascope-text-v1\x00" + bytes.fromhex(text_salt) + text.encode()).hexdigest()


def coin_commitment(served: int, coin_salt: bytes) -> str:
    """Salted SHA-256 of the coin (hex)."""
    return hashlib.sha256(b"hydrascope-coin-v1\x00" + coin_salt + bytes([served])).hexdigest()


def _salted(salt: bytes, purpose: str) -> bytes:
    return hmac.digest(salt, purpose.encode(), "sha256")


def _opening(pair: TwinRequest | SealedTwin, answers: tuple[str, str], salt: bytes) -> PairOpening:
    text_salt = _salted(salt, "text").hex()
    first, second = (text_digest(answer, text_salt) for answer in answers)
    return PairOpening(
        exchange_id=pair.exchange_id,
        account_id=pair.account_id,
        cluster_id=pair.cluster_id,
        prompt_digest=text_digest(pair.prompt, text_salt),
        answer_digests=(first, second),
        pair_salt=_salted(salt, "pair").hex(),
    )


def seed_commitment(seed: bytes) -> str:
    """What is published of the coin seed before the first toss (hex). A 256-bit seed needs no salt."""
    return hashlib.sha256(b"hydrascope-coin-seed-v1\x00" + seed).hexdigest()


def _draw_bits(seed: bytes, purpose: str, exchange_id: str, binding: str) -> int:
    message = canonical_json([purpose, exchange_id, binding])
    return int.from_bytes(hmac.digest(seed, message, "sha256")[:8], "big")


def toss_coin(seed: bytes, exchange_id: str, commitment: str) -> int:
    """0 or 1: which of the two answers is served.

    Args:
        seed: the store's secret coin seed (32 bytes).
        exchange_id: of the exchange.
        commitment: `PairOpening.commitment`, which fixes both answers, hex.
    """
    return _draw_bits(seed, "coin", exchange_id, commitment) & 1


def is_sampled(
    request: TwinRequest, policy: TwinPolicy, *, seed: bytes, flagged: Collection[str], n_sealed: int
) -> bool:
    """Whether this exchange gets a twin.

    Args:
        flagged: ids of flagged clusters.
        n_sealed: pairs already sealed for this account.
    """
    watched = request.cluster_id in flagged and n_sealed < policy.flagged_limit
    share = policy.flagged_share if watched else policy.share
    return _draw_bits(seed, "sample", request.exchange_id, "") < share * 2**64


def _seal(request: TwinRequest, answers: tuple[str, str], seed: bytes, salt: bytes) -> tuple[str, SealedTwin]:
    coin = toss_coin(seed, request.exchange_id, _opening(request, answers, salt).commitment)
    sealed = SealedTwin(**asdict(request), answers=answers, served=coin, salt=salt.hex())
    return sealed.served_answer, sealed


def draw_twin(
    request: TwinRequest, draw: Callable[[TwinRequest], str], *, seed: bytes, salt: bytes | None = None
) -> tuple[str, SealedTwin]:
    """Draw twice, toss, and give back what to serve and what to seal.

    Args:
        request: the exchange.
        draw: asks the upstream for one answer; called twice with the same request, sampling parameters
            unchanged. An upstream that answers from a cache gives two equal answers, which say nothing.
        seed: the store's coin seed.
        salt: 32 bytes; fresh ones where None.
    """
    return _seal(request, (draw(request), draw(request)), seed, salt or secrets.token_bytes(32))


async def draw_twin_async(
    request: TwinRequest,
    draw: Callable[[TwinRequest], Awaitable[str]],
    *,
    seed: bytes,
    salt: bytes | None = None,
) -> tuple[str, SealedTwin]:
    """`draw_twin` for an asynchronous gateway: both answers are drawn at once; no state is shared."""
    first, second = await asyncio.gather(draw(request), draw(request))
    return _seal(request, (first, second), seed, salt or secrets.token_bytes(32))
