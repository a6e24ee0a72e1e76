"""Do members work and rest together, beyond the hours that everybody keeps?

For each account the hours of its life in the log are marked active or idle; the expectation removes the
common cycle (observations: strangers' hour profiles correlate at 0.92 in the 99th percentile because the day
and the week are shared). What is left is correlated with the rest of the group. The score is then read
against the scores that accounts outside the group get with the same group, so no independence between hours
is assumed.

Theory of operation: with x_h = m_h - r b_h for an account (m: active or not, r: its rate, b: the cycle) and
y_h = g_h - q b_h for the rest of the group (g: share of it that is active, q: its rate), the three sums of the
correlation open into sums of g, g^2, gb and b^2 over the account's life, which are differences of running sums
made once for the group, and sums over the hours in which the account was active. So an account costs its active
hours, not the hours of its life. Expectations cannot exceed 1; where a rate is so high that one would, the sums
are taken hour by hour.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit

from hydrascope.features.activity import Activity

__all__ = ["synchrony_bits", "synchrony_scores"]

_CAP = 8.0
_N_BACKGROUND = 200
_MIN_ACTIVE = 4
_MIN_LIFE_H = 12


@njit(cache=True, nogil=True)
def _group_hours(
    offsets: np.ndarray, hours: np.ndarray, members: np.ndarray, n_hours: int
) -> tuple[np.ndarray, np.ndarray]:
    """Members active in each hour, and members alive in it."""
    active, alive = np.zeros(n_hours), np.zeros(n_hours + 1)
    for a in members:
        alive[hours[offsets[a]]] += 1
        alive[hours[offsets[a + 1] - 1] + 1] -= 1
        for i in range(offsets[a], offsets[a + 1]):
            active[hours[i]] += 1
    return active, np.cumsum(alive)[:-1]


@njit(cache=True, nogil=True)
def _running(active: np.ndarray, alive: np.ndarray, base: np.ndarray, own: float) -> np.ndarray:
    """float64[n_hours+1, 6] running sums over hours: b, active, alive b; and where others live g^2, gb, b^2.

    Args:
        own: 1 where the scored account is one of the group and idle in the hour, so that the others are one fewer.
    """
    sums = np.zeros((len(base) + 1, 6))
    for h in range(len(base)):
        b, others = base[h], alive[h] - own
        sums[h + 1, 0] = sums[h, 0] + b
        sums[h + 1, 1] = sums[h, 1] + active[h]
        sums[h + 1, 2] = sums[h, 2] + alive[h] * b
        sums[h + 1, 3:] = sums[h, 3:]
        if others >= 1.0:
            g = active[h] / others
            sums[h + 1, 3] += g * g
            sums[h + 1, 4] += g * b
            sums[h + 1, 5] += b * b
    return sums


@njit(cache=True, nogil=True)
def _of_hours(active: np.ndarray, alive: np.ndarray, base: np.ndarray, own: float) -> np.ndarray:
    """float64[n_hours, 5], what an hour in which the scored account is active adds: 1, g and b; and to g^2 and gb, since it is one of the g.

    All 0 where nobody else lives.
    """
    terms = np.zeros((len(base), 5))
    for h in range(len(base)):
        others = alive[h] - own
        if others >= 1.0:
            g, counted = (active[h] - own) / others, active[h] / others
            terms[h, 0], terms[h, 1], terms[h, 2] = 1.0, g, base[h]
            terms[h, 3], terms[h, 4] = g * g - counted * counted, (g - counted) * base[h]
    return terms


@njit(cache=True, nogil=True)
def _highest(base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float64[n_hours] each: the highest of the cycle up to an hour, and from it on: in a log's first and last hour all who live are active."""
    until, since = base.copy(), base.copy()
    for h in range(1, len(base)):
        until[h] = max(base[h], until[h - 1])
    for h in range(len(base) - 2, -1, -1):
        since[h] = max(base[h], since[h + 1])
    return until, since


@njit(cache=True, nogil=True)
def _scores(
    offsets: np.ndarray,
    hours: np.ndarray,
    accounts: np.ndarray,
    group: tuple[np.ndarray, np.ndarray],
    base: np.ndarray,
    own: float,
) -> np.ndarray:
    """Correlation of each account's residual activity with the group's, its own part left out."""
    active, alive = group
    sums = _running(active, alive, base, own)
    until, since = _highest(base)
    terms = _of_hours(active, alive, base, own)
    out = np.full(len(accounts), np.nan)
    for i in range(len(accounts)):
        mine = hours[offsets[accounts[i]] : offsets[accounts[i] + 1]]
        if len(mine) < _MIN_ACTIVE or mine[-1] - mine[0] < _MIN_LIFE_H:
            continue
        life = sums[mine[-1] + 1] - sums[mine[0]]
        rate, group_rate = len(mine) / max(life[0], 1e-9), life[1] / max(life[2], 1e-9)
        if max(rate, group_rate) * min(since[mine[0]], until[mine[-1]]) <= 1.0:
            sxy, sxx, syy = _sums_of_active_hours(mine, terms, life, rate, group_rate)
        else:
            sxy, sxx, syy = _sums_of_all_hours(mine, active, alive, base, own, rate, group_rate)
        if sxx > 0 and syy > 0:
            out[i] = sxy / np.sqrt(sxx * syy)
    return out


@njit(cache=True, nogil=True)
def _sums_of_active_hours(
    mine: np.ndarray, terms: np.ndarray, life: np.ndarray, rate: float, group_rate: float
) -> tuple[float, float, float]:
    """sxy, sxx, syy where no expectation reaches 1."""
    gg, gb, bb = life[3], life[4], life[5]
    n_mine, g_mine, b_mine = 0.0, 0.0, 0.0
    for h in mine:
        n_mine += terms[h, 0]
        g_mine += terms[h, 1]
        b_mine += terms[h, 2]
        gg += terms[h, 3]
        gb += terms[h, 4]
    sxx = n_mine - 2 * rate * b_mine + rate * rate * bb
    syy = gg - 2 * group_rate * gb + group_rate * group_rate * bb
    sxy = g_mine - group_rate * b_mine - rate * gb + rate * group_rate * bb
    return sxy, _rounded(sxx, n_mine + rate * rate * bb), _rounded(syy, gg + group_rate * group_rate * bb)


@njit(cache=True, nogil=True)
def _rounded(residual: float, total: float) -> float:
    """What an expectation that is met leaves behind is rounding, not a residual."""
    return residual if residual > 1e-12 * total else 0.0


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _sums_of_all_hours(
    mine: np.ndarray,
    active: np.ndarray,
    alive: np.ndarray,
    base: np.ndarray,
    own: float,
    rate: float,
    group_rate: float,
) -> tuple[float, float, float]:
    """sxy, sxx, syy by their definition, without branches and in any order of summing, so that hours are taken several at a time."""
    first = mine[0]
    here = np.zeros(mine[-1] + 1 - first)
    for h in mine:
        here[h - first] = 1.0
    sxy, sxx, syy, xx, yy = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(here)):
        others, b = alive[first + i] - own, base[first + i]
        counts = 1.0 if others >= 1.0 else 0.0
        expected, others_expected = min(rate * b, 1.0), min(group_rate * b, 1.0)
        others_active = (active[first + i] - own * here[i]) / max(others, 1.0)
        x, y = here[i] - expected, others_active - others_expected
        sxy += counts * (x * y)
        sxx += counts * (x * x)
        syy += counts * (y * y)
        xx += counts * (here[i] + expected * expected)
        yy += counts * (others_active * others_active + others_expected * others_expected)
    return sxy, _rounded(sxx, xx), _rounded(syy, yy)


def synchrony_scores(
    activity: Activity, members: np.ndarray, accounts: np.ndarray, base: np.ndarray
) -> np.ndarray:
    """Correlation in [-1, 1] of each account's residual activity with the group's; NaN where too little is known.

    Args:
        members: the group. accounts: who is scored, members or not.
        base: float64[n_hours], the common cycle: share of all living accounts active in each hour.
    """
    group = _group_hours(activity.offsets, activity.hour, members, activity.n_hours)
    inside = np.isin(accounts, members)
    scores = np.full(len(accounts), np.nan)
    for chosen, own in ((inside, 1.0), (~inside, 0.0)):
        scores[chosen] = _scores(activity.offsets, activity.hour, accounts[chosen], group, base, own)
    return scores


def _life(activity: Activity, accounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return activity.hour[activity.offsets[accounts]], activity.hour[activity.offsets[accounts + 1] - 1]


def common_cycle(activity: Activity) -> np.ndarray:
    """float64[n_hours]: share of living accounts that are active, by hour."""
    n = len(activity.offsets) - 1
    first, last = _life(activity, np.arange(n))
    alive = np.zeros(activity.n_hours + 1)
    np.add.at(alive, first, 1)
    np.add.at(alive, last + 1, -1)
    active = np.bincount(activity.hour, minlength=activity.n_hours)
    return active / np.maximum(np.cumsum(alive)[:-1], 1)


def synchrony_bits(
    activity: Activity, members: np.ndarray, *, seed: int, base: np.ndarray | None = None
) -> np.ndarray:
    """float64[k]: log2 density of a member's score among members over its density among outsiders.

    Both densities are normal with the sample's mean and spread; the spread is pooled so that a tight group
    cannot earn more than the cap. Groups under four scorable members, or no more synchronous than outsiders,
    get 0.
    """
    base = common_cycle(activity) if base is None else base
    near, n_near = _alike(activity.active_hours, members)
    outsiders = _outsiders(near, n_near, seed)
    return _bits(activity.offsets, activity.hour, members, outsiders, base)


@njit(cache=True, nogil=True)
def _bits(
    offsets: np.ndarray, hours: np.ndarray, members: np.ndarray, outsiders: np.ndarray, base: np.ndarray
) -> np.ndarray:
    bits = np.zeros(len(members))
    group = _group_hours(offsets, hours, members, len(base))
    scored = _scores(offsets, hours, members, group, base, 1.0)
    known = np.flatnonzero(np.isfinite(scored))
    if len(known) < 4:
        return bits
    theirs = _scores(offsets, hours, outsiders, group, base, 0.0)
    theirs, mine = theirs[np.isfinite(theirs)], scored[known]
    if len(theirs) < 20 or np.median(mine) <= np.median(theirs):
        return bits
    spread = np.sqrt(0.5 * (mine.var() + theirs.var()) + 1e-4)
    near, far = (mine - mine.mean()) / spread, (mine - theirs.mean()) / spread
    bits[known] = np.minimum(np.maximum((far**2 - near**2) / (2 * np.log(2)), -2.0), _CAP)
    return bits


@njit(cache=True, nogil=True)
def _alike(sizes: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, int]:
    """bool[n], accounts outside the group whose number of active hours is like the members'; and how many."""
    ordered = np.sort(sizes[members])
    low, high = 0.5 * _quantile(ordered, 0.05), 2 * _quantile(ordered, 0.95)
    near = np.zeros(len(sizes), np.bool_)
    n_near = 0
    for a in range(len(sizes)):
        near[a] = low <= sizes[a] <= high
        n_near += near[a]
    for a in members:
        n_near -= near[a]
        near[a] = False
    return near, n_near


@njit(cache=True, nogil=True)
def _quantile(ordered: np.ndarray, q: float) -> float:
    """Linear between the neighbouring order statistics, rounded as NumPy rounds."""
    place = q * (len(ordered) - 1)
    i = int(place)
    a, b, t = ordered[i], ordered[min(i + 1, len(ordered) - 1)], place - i
    return a + (b - a) * t if t < 0.5 else b - (b - a) * (1 - t)


def _outsiders(near: np.ndarray, n_near: int, seed: int) -> np.ndarray:
    """Some accounts of those that are alike, the same for the same number of them."""
    if n_near <= _N_BACKGROUND:
        return np.flatnonzero(near)
    return _places_of(near, _draw(n_near, seed))


@lru_cache(maxsize=4096)
def _draw(n: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).choice(n, _N_BACKGROUND, replace=False)
    drawn.sort()
    return drawn


@njit(cache=True, nogil=True)
def _places_of(near: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The accounts at these positions among those marked, ascending."""
    out = np.empty(len(chosen), np.int64)
    at, passed = 0, 0
    for a in range(len(near)):
        if near[a]:
            if passed == chosen[at]:
                out[at] = a
                at += 1
                if at == len(chosen):
                    break
            passed += 1
    return out
