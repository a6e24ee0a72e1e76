"""Programs that send requests: browsers, SDKs, tools; with the TLS fingerprints that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from hydrascope.errors import ConfigError, nearest
from hydrascope.simulate.roster import Roster
from hydrascope.simulate.seeds import salt

__all__ = ["CLIENTS", "Client", "clients"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Which programs a group uses."""

    kind: str = "any"
    """any, browser, sdk, tool: each account its own, by popularity; one: the same program for all; app: `agent`."""
    agent: str = ""
    """User agent of an application of its own, or of the one program, where the group has one."""
    second: float = 0.2
    """Share of accounts that also use a second program."""
    mimic: bool = False
    """The TLS fingerprint of a library behind the user agents of others."""


def ja4(name: str) -> str:
    """A string shaped like a JA4 fingerprint, the same for the same program."""
    digest = blake2b(name.encode(), digest_size=12).hexdigest()
    return f"t13d{int(digest[:2], 16) % 9 + 11}{int(digest[2:4], 16) % 9 + 10}h2_{digest[:12]}_{digest[12:]}"


def browser_rows() -> list[tuple[str, str, str, float]]:
    """Browsers: kind, user agent, fingerprint, popularity."""
    systems = ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
    rows = []
    for s, system in enumerate(systems):
        for v in range(126, 146):
            agent = f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36"
            rows.append(("browser", agent, ja4(f"chrome{v // 4}"), 9.0 / (s + 1) / (146 - v)))
        for v in range(128, 143):
            agent = f"Mozilla/5.0 ({system}; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"
            rows.append(("browser", agent, ja4(f"firefox{v // 6}"), 2.0 / (s + 1) / (143 - v)))
    for v in range(16, 20):
        agent = f"Mozilla/5.0 (iPhone; CPU iPhone OS {v}_2 like Mac OS X) AppleWebKit/605.1.15 Version/{v}.2 Mobile Safari/604.1"
        rows.append(("browser", agent, ja4(f"safari{v}"), 6.0 / (20 - v)))
    return rows


def library_rows() -> list[tuple[str, str, str, float]]:
    """SDKs and tools: kind, user agent, fingerprint, popularity."""
    families = (
        ("sdk", "OpenAI/Python 1.{}.0", "python-httpx", 60, 99, 9.0),
        ("sdk", "Anthropic/Python 0.{}.0", "python-httpx", 34, 60, 7.0),
        ("sdk", "OpenAI/JS 4.{}.1", "node-undici", 50, 80, 6.0),
        ("sdk", "Anthropic/JS 0.{}.0", "node-undici", 30, 55, 4.0),
        ("sdk", "python-requests/2.{}.3", "python-requests", 25, 33, 4.0),
        ("sdk", "python-httpx/0.{}.0", "python-httpx", 23, 29, 3.0),
        ("sdk", "aiohttp/3.{}.1", "python-aiohttp", 7, 13, 3.0),
        ("sdk", "langchain-core/0.3.{}", "python-httpx", 10, 60, 4.0),
        ("sdk", "Go-http-client/{}.0", "go-net", 1, 3, 3.0),
        ("sdk", "axios/1.{}.2", "node-https", 4, 9, 3.0),
        ("sdk", "okhttp/4.{}.0", "okhttp", 9, 13, 1.5),
        ("sdk", "Java-http-client/{}.0.2", "java", 17, 23, 1.5),
        ("sdk", "litellm/1.{}.0", "python-httpx", 40, 80, 2.5),
        ("sdk", "curl/8.{}.0", "curl", 1, 14, 1.5),
        ("tool", "terminal-coder/1.{}.4 (cli)", "node-undici-cli", 0, 30, 6.0),
        ("tool", "paircode-vscode/3.{}.0", "electron", 10, 28, 5.0),
        ("tool", "patchbot/0.{}.2", "go-net-120", 5, 25, 3.0),
    )
    rows = []
    for kind, pattern, stack, low, high, weight in families:
        for version in range(low, high):
            rows.append(
                (kind, pattern.format(version), ja4(f"{stack}-{version // 9}"), weight / (high - version))
            )
    return rows


CLIENTS = (*browser_rows(), *library_rows())
_AGENTS = tuple(row[1] for row in CLIENTS)
_PRINTS = tuple(row[2] for row in CLIENTS)
_WEIGHTS = np.array([row[3] for row in CLIENTS])


def of_kind(kind: str) -> npt.NDArray[np.float64]:
    """Popularity of every program, zero outside the kind."""
    if kind in ("any", "one"):
        return _WEIGHTS
    if kind not in {row[0] for row in CLIENTS}:
        raise ConfigError(
            f"no such kind of client '{kind}'",
            hint=nearest(kind, ["any", "one", "app", "browser", "sdk", "tool"]),
        )
    return np.where([row[0] == kind for row in CLIENTS], _WEIGHTS, 0.0)


def clients(
    config: Client, roster: Roster, sessions: npt.NDArray[np.uint64], account: Ints
) -> tuple[list[str], list[str], Ints]:
    """User agents, fingerprints, and for each exchange its row in both."""
    if config.agent:
        return [config.agent], [ja4(config.agent)], np.zeros(len(account), dtype=np.int64)
    if config.kind == "one":
        weights = of_kind("sdk")
        edges = np.cumsum(weights) / weights.sum()
        chosen = int(np.searchsorted(edges, (salt(roster.key, "client") >> 11) / (1 << 53)))
        return [_AGENTS[chosen]], [_PRINTS[chosen]], np.zeros(len(account), dtype=np.int64)
    weights = of_kind(config.kind)
    first, second = roster.choose("client", weights), roster.choose("client-2", weights)
    other = (roster.draw("two-clients") < config.second)[account] & (sessions % np.uint64(3) == 0)
    row = np.where(other, second[account], first[account])
    prints = [ja4("library-of-the-operator")] * len(_PRINTS) if config.mimic else list(_PRINTS)
    return list(_AGENTS), prints, row
