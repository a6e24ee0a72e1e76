"""The weights of a fit as arrays of NumPy, slow and obvious: what the compiled kernels are held against."""

from __future__ import annotations

import numpy as np

from hydrascope.campaigns.observations import Channel
from hydrascope.features.activity import Activity

FLOOR = -6.0


def channel_bits(channel: Channel, members: np.ndarray) -> np.ndarray:
    """float64[k] match weight of each member in one channel."""
    k = len(members)
    who, value, share = channel.rows_of(members)
    known = np.bincount(who, minlength=k) > 0
    n_known = int(known.sum())
    if n_known < 2:
        return np.zeros(k)
    codes, inside = np.unique(value, return_inverse=True)
    n_inside = np.bincount(inside)[inside]
    outside = channel.popularity[codes][inside] - n_inside
    p_group = (n_inside - 1 + 0.5 / n_known) / n_known
    p_other = (outside + 0.5) / (max(channel.n_known - n_known, 1) + 1.0)
    shared = n_inside > 1
    tried = np.bincount(who[shared], minlength=k)
    best = np.full(k, -np.inf)
    bits = np.log2(p_group / p_other) + np.log2(np.maximum(share.astype(float), 1e-3)) * 0.5
    np.maximum.at(best, who[shared], bits[shared])
    best -= np.log2(np.maximum(tried, 1)) * 0.5
    _, first = np.unique(codes[inside][shared], return_index=True)
    usual = min(float(p_other[shared][first].sum()), 0.98)
    rate = ((tried > 0).sum() + 0.5) / (n_known + 1.0)
    miss = max(np.log2((1 - rate) / (1 - min(usual, rate))), FLOOR)
    return np.where(known, np.where(np.isfinite(best), best, miss), 0.0)


def combined(bits: list[np.ndarray], cap: float) -> np.ndarray:
    """float64[k] weight of one family of channels."""
    stacked = np.stack(bits)
    strongest = stacked.max(axis=0)
    support = np.maximum(stacked, 0).sum(axis=0) - np.maximum(strongest, 0)
    against = np.minimum(stacked, 0).sum(axis=0) - np.minimum(strongest, 0)
    return np.minimum(np.maximum(strongest + 0.25 * support + 0.5 * against, FLOOR), cap)


def text_bits(usage: Channel, earnest: np.ndarray, n_sampled: np.ndarray, members: np.ndarray) -> np.ndarray:
    """float64[k] weight of the group's leading texts; `earnest` is a dense table accounts x communities."""
    share = np.zeros(earnest.shape)
    share[np.repeat(np.arange(len(earnest)), np.diff(usage.offsets)), usage.value] = usage.share
    n, inside = n_sampled[members].astype(float), share[members]
    sampled, with_sample = int((n > 0).sum()), int((n_sampled > 0).sum())
    if sampled < 2 or not inside.any():
        return np.zeros(len(members))
    total = inside.sum(axis=0)
    best = np.full(len(members), -np.inf)
    for c in [c for c in np.argsort(-total, kind="stable")[:3].tolist() if total[c] > 0]:
        other = (max(share[:, c].sum() - total[c], 0.0) + 0.02) / (with_sample - sampled + 1)
        g = np.clip((total[c] - inside[:, c]) / max(sampled - 1, 1), 1e-4, 0.98)
        o = min(max(other, 1e-6), 0.98)
        weight = n * (inside[:, c] * np.log2(g / o) + (1 - inside[:, c]) * np.log2((1 - g) / (1 - o)))
        weight /= 1 + np.maximum(n - 1, 0) * 0.2
        uses = earnest[members, c] > 0
        outside = (earnest[:, c] > 0).sum() - uses.sum()
        group = (uses.sum() - uses + 0.5) / max(sampled, 1)
        users = np.log2(group / ((outside + 0.5) / (with_sample - sampled + 1)))
        best = np.maximum(best, np.minimum(weight, users))
    return np.where(n > 0, np.maximum(best, FLOOR), 0.0)


def synchrony_score(activity: Activity, members: np.ndarray, account: int, base: np.ndarray) -> float:
    """Correlation of one account's residual activity with the group's, hour by hour."""

    def hours(a: int) -> np.ndarray:
        return activity.hour[activity.offsets[a] : activity.offsets[a + 1]]

    active, alive = np.zeros(activity.n_hours), np.zeros(activity.n_hours)
    for m in members.tolist():
        active[hours(m)] += 1
        alive[hours(m)[0] : hours(m)[-1] + 1] += 1
    mine = np.zeros(activity.n_hours)
    mine[hours(account)] = 1
    life = slice(hours(account)[0], hours(account)[-1] + 1)
    if len(hours(account)) < 4 or life.stop - life.start <= 12:
        return float("nan")
    own = float(account in members)
    rate = mine.sum() / base[life].sum()
    group_rate = active[life].sum() / max((alive * base)[life].sum(), 1e-9)
    others = (alive - own)[life]
    kept = others >= 1
    x = (mine - np.minimum(rate * base, 1))[life][kept]
    y = ((active - own * mine)[life] / np.maximum(others, 1) - np.minimum(group_rate * base, 1)[life])[kept]
    spread = (x @ x) * (y @ y)
    return float(x @ y / np.sqrt(spread)) if spread > 1e-18 else float("nan")
