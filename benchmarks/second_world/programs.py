"""Programs that send requests: libraries and browsers with their user agents and TLS stacks."""

from __future__ import annotations

import zlib
from random import Random

__all__ = ["browser", "library", "tls_of"]

LIBRARIES: dict[str, tuple[int, str, tuple[str, ...], tuple[str, ...]]] = {
    # name: share, user agent, versions, TLS stacks
    "py_sdk": (30, "modelapi-python/{v}", tuple(f"1.{m}.{p}" for m in (30, 42, 47, 51, 55, 58, 61, 64, 68, 70, 71, 72) for p in (0, 1, 3)),
               ("py310-ossl30", "py311-ossl30", "py312-ossl33", "py313-ossl35", "py39-ossl11")),
    "js_sdk": (16, "modelapi-node/{v}", (*(f"4.{m}.{p}" for m in (20, 33, 41, 52, 56, 60, 63) for p in (0, 2)), "5.0.1", "5.1.0", "5.3.2"), ("node18", "node20", "node22", "bun1", "deno2")),
    "requests": (8, "python-requests/{v}", ("2.28.2", "2.31.0", "2.31.0", "2.32.3", "2.32.4"), ("requests-ossl11", "requests-ossl30", "requests-ossl33")),
    "httpx": (4, "python-httpx/{v}", ("0.24.1", "0.25.2", "0.27.0", "0.27.2", "0.28.1"), ("httpx-py310", "httpx-py311", "httpx-py312")),
    "aiohttp": (4, "Python/3.11 aiohttp/{v}", ("3.8.6", "3.9.5", "3.10.11", "3.11.18", "3.12.13"), ("aio-py310", "aio-py311", "aio-py312")),
    "chains": (7, "chains-modelapi/{v}", ("0.1.20", "0.2.16", "0.3.9", "0.3.25", "0.3.27"), ("py310-ossl30", "py311-ossl30", "py312-ossl33")),
    "router": (6, "router-llm/{v}", ("1.52.0", "1.63.14", "1.68.2", "1.72.6", "1.74.9"), ("httpx-py311", "httpx-py312", "httpx-py313")),
    "axios": (4, "axios/{v}", ("0.27.2", "1.6.8", "1.7.7", "1.8.4", "1.10.0"), ("node18", "node20", "node22")),
    "go": (4, "Go-http-client/{v}", ("1.1", "2.0", "2.0"), ("go121", "go122", "go123", "go124")),
    "java": (3, "okhttp/{v}", ("4.9.3", "4.11.0", "4.12.0"), ("okhttp4-jdk17", "okhttp4-jdk21", "okhttp3-jdk11")),
    "curl": (3, "curl/{v}", ("7.81.0", "7.88.1", "8.5.0", "8.7.1", "8.11.1"), ("curl7-ossl30", "curl8-ossl30", "curl8-sectra")),
    "dotnet": (3, "modelapi-dotnet/{v} (.NET 8.0)", ("2.1.0", "2.2.0"), ("net8-win", "net8-linux", "net9-win")),
    "php": (2, "GuzzleHttp/7 v{v}", ("7.8.1", "7.9.2"), ("php81", "php83")),
    "workflow": (3, "workflow/{v}", ("1.82.3", "1.94.1", "1.101.0"), ("node20", "node22")),
    "rust": (1, "reqwest/{v}", ("0.11.27", "0.12.9", "0.12.20"), ("rustls21", "rustls23")),
}  # fmt: skip
SYSTEMS = ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
PHONES = (
    "Linux; Android 10; K",
    "iPhone; CPU iPhone OS 18_6 like Mac OS X",
    "iPhone; CPU iPhone OS 18_5 like Mac OS X",
)


def tls_of(stack: str) -> str:
    """A JA4-shaped string that stands for a TLS stack."""
    h, g = zlib.crc32(stack.encode()), zlib.crc32(b"x" + stack.encode())
    protocol = "h1" if stack.startswith(("requests", "curl7", "okhttp3")) else "h2"
    return f"t13d{14 + h % 40:02d}{8 + g % 9:02d}{protocol}_{h:08x}{g & 0xFFFF:04x}_{g:08x}{h & 0xFFFF:04x}"


def library(r: Random, name: str | None = None) -> tuple[str, str]:
    """User agent and TLS string of an SDK or HTTP library, newer versions likelier."""
    key = name or r.choices(list(LIBRARIES), [share for share, *_ in LIBRARIES.values()])[0]
    _, agent, versions, stacks = LIBRARIES[key]
    version = versions[min(len(versions) - 1, int((1 - r.random() ** 1.8) * len(versions)))]
    return agent.replace("{v}", version), tls_of(r.choice(stacks))


def browser(r: Random, phone: bool = False) -> tuple[str, str]:
    """User agent and TLS string of a browser, new ones likelier."""
    system = r.choices(PHONES, (50, 30, 20))[0] if phone else r.choices(SYSTEMS, (62, 30, 8))[0]
    old = int(r.random() ** 2 * 6)
    stack = int(r.random() ** 2 * 3)
    if "iPhone" in system or ("Mac" in system and r.random() < 0.4):
        return (
            f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{6 - old} Safari/605.1.15",
            tls_of(f"safari{stack}"),
        )
    if r.random() < 0.08:
        return f"Mozilla/5.0 ({system}; rv:{142 - old}.0) Gecko/20100101 Firefox/{142 - old}.0", tls_of(
            f"firefox{stack}"
        )
    edge = f" Edg/{139 - old}.0.0.0" if "Windows" in system and r.random() < 0.15 else ""
    return (
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{139 - old}.0.0.0 Safari/537.36{edge}",
        tls_of(f"chrome{stack}"),
    )
