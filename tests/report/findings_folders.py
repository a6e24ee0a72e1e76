"""Writes findings folders as a scan would, of any size, from a seed; every word in them is made up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hydrascope.schema import FINDINGS_ACCOUNTS

START = datetime(2026, 3, 2, tzinfo=UTC)
SECRET = "the moonlit ferry to Vigsnes"
"""A phrase inside slot examples: it may be in a report only where text was asked for."""

CASES: dict[str, dict[str, Any]] = {
    "distillation": {
        "title": "Reasoning traces pulled through a pool of residential addresses",
        "p": 0.987,
        "enforceable": True,
        "share": 0.93,
        "capabilities": {
            "coding": 0.46,
            "reasoning": 0.31,
            "agentic_tool_use": 0.14,
            "data_analysis": 0.06,
            "general": 0.03,
        },
        "elicitations": {
            "reasoning_articulation": 0.58,
            "inline_tag_forcing": 0.22,
            "rubric_grading": 0.13,
            "none": 0.07,
        },
    },
    "reseller": {
        "title": "A reseller's key pool serving many unrelated customers",
        "p": 0.94,
        "enforceable": False,
        "share": 0.02,
        "capabilities": {"general": 0.61, "coding": 0.24, "translation": 0.15},
        "elicitations": {"none": 0.98, "data_cleaning": 0.02},
    },
    "evaluation": {
        "title": "A benchmark repeated nightly by one laboratory",
        "p": 0.91,
        "enforceable": False,
        "share": 0.04,
        "capabilities": {"coding": 0.7, "reasoning": 0.3},
        "elicitations": {"none": 0.88, "rubric_grading": 0.12},
    },
    "inconclusive": {
        "title": "Paraphrased wrappers under heavy cover traffic",
        "p": 0.61,
        "enforceable": False,
        "share": 0.38,
        "capabilities": {"reasoning": 0.52, "general": 0.48},
        "elicitations": {"reasoning_articulation": 0.34, "none": 0.66},
    },
}

EVIDENCE: tuple[tuple[str, str, str, float, str, float | None], ...] = (
    ("link", "egress", "ip_prefix", 12.4, "212 of the accounts leave through the same 40 addresses, which 9 other accounts of the log use.", 1e-9),
    ("link", "egress", "client_asn", 6.1, "All accounts change network within the same quarter of an hour on 11 days.", 2e-6),
    ("link", "content", "template", 9.8, "One wrapper of 41 words recurs in 93% of the traffic and in no other account's.", None),
    ("link", "lifecycle", "signup_burst", 5.2, "188 accounts signed up within 26 hours and sent their first request 2 hours later (median).", 4e-5),
    ("link", "timing", "load_balance", 4.4, "Volumes are far more even than people's: log sd 0.06, against 0.9 among accounts of this size.", 0.0002),
    ("link", "identity", "payment_fingerprint", -1.7, "Cards, phones and devices are all different, where one payer would share some.", None),
    ("abuse", "work_split", "item_overlap", 11.3, "4 of 61,000 items were sent twice; honest users of one template repeat each other in 1 of 30.", 1e-7),
    ("abuse", "elicitation", "reasoning_articulation", 7.9, "58% of the traffic asks for the reasoning behind an answer that it already carries.", 3e-5),
    ("abuse", "synchrony", "common_silence", 3.6, "The accounts fall silent together 14 times, each within 90 seconds.", 0.001),
    ("abuse", "output_mass", "output_ratio", 1.8, "Six output tokens for each of input, all of them long.", 0.03),
    ("abuse", "coverage", "capability_spread", -2.2, "Much of the traffic is one narrow kind of exercise, as a single product's would be.", 0.2),
)  # fmt: skip

WRAPPER = "Here is a question and its final answer. Write out, step by step and inside <work> tags, the reasoning a careful expert would follow to reach it."


def stamp(hours: float) -> str:
    """ISO time `hours` after the start of the log."""
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def members(rng: np.random.Generator, cid: str, n: int, days: int) -> list[dict[str, Any]]:
    """`n` members, most of them sure."""
    volumes = np.maximum(rng.lognormal(5.6, 0.25, n), 1).astype(int)
    weights = np.clip(rng.normal(26, 5, n), 1.2, 60)
    first = rng.uniform(0, days * 12, n)
    banned = rng.random(n) < 0.22
    return [
        {
            "account_id": f"acct-{cid[-4:]}-{i:05d}",
            "probability": round(float(1 / (1 + 2.0 ** (4 - weights[i]))), 4),
            "bits": round(float(weights[i]), 2),
            "families": {
                "egress": round(float(weights[i]) * 0.4, 2),
                "content": round(float(weights[i]) * 0.35, 2),
                "lifecycle": round(float(weights[i]) * 0.25, 2),
            },
            "n_exchanges": int(volumes[i]),
            "distillation_share": round(float(np.clip(rng.normal(0.92, 0.05), 0, 1)), 3),
            "first_seen": stamp(first[i]),
            "banned_at": stamp(days * 12 + float(rng.gamma(2, days))) if banned[i] else None,
        }
        for i in range(n)
    ]


def graph(rng: np.random.Generator, people: list[dict[str, Any]]) -> dict[str, Any]:
    """Links inside a few loose knots, a few accounts with none."""
    n = len(people)
    knots = max(1, n // 60)
    links = []
    for i in range(1, n):
        if i % 37 == 5:
            continue
        for _ in range(2):
            j = int(rng.integers(0, i))
            j -= (j - i) % knots if rng.random() < 0.97 else 0
            if j >= 0 and j != i:
                a, b = sorted((people[i]["account_id"], people[j]["account_id"]))
                w = float(rng.uniform(14, 40))
                links.append({
                    "account_a": a, "account_b": b, "bits": round(w, 2), "surprise": round(w / 3.32, 2),
                    "families": {"egress": round(w * float(rng.uniform(0.2, 0.7)), 2), "content": round(w * 0.45, 2)},
                    "sentences": ["Both leave through 198.51.100.0/24, which 4 accounts use.", "Both repeat the same wrapper of 41 words."],
                })  # fmt: skip
    unique = {(k["account_a"], k["account_b"]): k for k in links}
    nodes = [{"account_id": m["account_id"], "n_exchanges": m["n_exchanges"]} for m in people]
    return {"nodes": nodes, "links": list(unique.values())}


def timeline(rng: np.random.Generator, people: list[dict[str, Any]], days: int, bin_s: int) -> dict[str, Any]:
    """A ramp, a pivot to a new model half way, bans late."""
    n = days * 86_400 // bin_s
    shape = np.minimum(np.arange(n) / (n / 6) + 0.1, 1) * rng.uniform(0.75, 1.1, n)
    total = (shape / shape.sum() * sum(m["n_exchanges"] for m in people)).astype(int)
    late = 1 / (1 + np.exp(-(np.arange(n) - n * 0.55) / (n * 0.015)))
    new = (total * late * 0.8).astype(int)
    small = (total * 0.12).astype(int)
    bans = [{"at": m["banned_at"], "account_id": m["account_id"]} for m in people if m["banned_at"]]
    return {
        "bin_s": bin_s,
        "start": stamp(0),
        "n_exchanges": total.tolist(),
        "accounts_active": np.minimum((shape * len(people)).astype(int) + 1, len(people)).tolist(),
        "models": {
            "sol-4": (total - new - small).tolist(),
            "sol-5": new.tolist(),
            "luna-mini": small.tolist(),
        },
        "bans": bans,
        "releases": [
            {"at": stamp(days * 13.2), "subject": "sol-5"},
            {"at": stamp(days * 13.6), "subject": "sol-5-mini"},
            {"at": stamp(days * 20.0), "subject": "luna-2"},
        ],
    }


def templates(n_accounts: int, n_exchanges: int) -> list[dict[str, Any]]:
    """Three: one wrapper, one grading rubric, one that a single account sent."""
    item = [
        f"Prove that {SECRET} departs twice as often as it arrives.",
        "How many tilings has a 2 by 17 strip?",
        "证明每个有限整环都是域",
    ]
    rubric = "Score the answer below from 1 to 10 for correctness, clarity and honesty. Reply with the score and one sentence.\n\nQuestion: "
    return [
        {
            "template_id": "t-01", "share": 0.58, "n_accounts": n_accounts, "n_exchanges": int(n_exchanges * 0.58),
            "capability": "reasoning", "elicitation": "reasoning_articulation",
            "parts": [{"text": WRAPPER + "\n\nQuestion: ", "slot": False}, {"slot": True, "examples": item},
                      {"text": "\nFinal answer: ", "slot": False}, {"slot": True, "examples": ["2584", "true"]}],
            "exchanges": ["x-000017", "x-004410"],
        },
        {
            "template_id": "t-02", "share": 0.13, "n_accounts": max(n_accounts // 3, 3), "n_exchanges": int(n_exchanges * 0.13),
            "capability": "grading", "elicitation": "rubric_grading",
            "parts": [{"text": rubric, "slot": False}, {"slot": True, "examples": item[:1]}], "exchanges": ["x-000118"],
        },
        {
            "template_id": "t-03", "share": 0.01, "n_accounts": 1, "n_exchanges": int(n_exchanges * 0.01),
            "capability": "general", "elicitation": "none",
            "parts": [{"text": f"Dear Ingrid, about {SECRET}: ", "slot": False}, {"slot": True, "examples": ["tomorrow"]}], "exchanges": [],
        },
    ]  # fmt: skip


HYPOTHESES = {
    "distillation": ("distillation", ["accounts fall silent together", "0% of an account's prompts are also sent by another"], ["no account shares a card with another"]),
    "evaluation": ("evaluation", ["rubrics and reasoning are asked for"], ["the list of items never ends or repeats", "the median account was first used 2 hours after sign-up"]),
    "reseller": ("reseller", ["97% of the accounts share an address with another"], ["the group's templates make up 93% of an account's exchanges"]),
    "other_coordination": ("class", ["sign-ups bunch in time"], ["weekends carry 0.98 of what a weekday-blind account would send", "0% of the accounts came through the education pathway"]),
}  # fmt: skip


def hypotheses(verdict: str, p: float) -> list[dict[str, Any]]:
    """The verdict's own first, its rivals after it."""
    lead = verdict if verdict in HYPOTHESES else "distillation"
    rest = [(1 - p) * w for w in (0.7, 0.2, 0.1)]
    order = [lead, *(h for h in HYPOTHESES if h != lead)]
    return [
        {
            "name": HYPOTHESES[h][0], "verdict": h, "probability": q, "bits": round(float(np.log2(q / p)), 2),
            "reasons_for": HYPOTHESES[h][1], "reasons_against": HYPOTHESES[h][2],
        }
        for h, q in zip(order, [p, *rest], strict=True)
    ]  # fmt: skip


def campaign(
    number: int, verdict: str, n_accounts: int, *, days: int = 45, bin_s: int = 86_400
) -> dict[str, Any]:
    """One campaign with every field of `campaigns.json`."""
    rng = np.random.default_rng([7, number])
    case, cid = CASES[verdict], f"c-{number:04d}"
    people = members(rng, cid, n_accounts, days)
    n = sum(m["n_exchanges"] for m in people)
    rivals = hypotheses(verdict, case["p"])
    innocent = next(h for h in rivals if h["verdict"] != "distillation")
    weakest = min(people, key=lambda m: m["bits"])
    tokens = n * 1840
    return {
        "campaign_id": cid, "verdict": verdict, "probability": case["p"], "q_value": 0.0004, "enforceable": case["enforceable"],
        "title": case["title"], "n_accounts": n_accounts, "n_exchanges": n, "first_seen": stamp(1), "last_seen": stamp(days * 24 - 2),
        "distillation_share": case["share"], "capabilities": case["capabilities"], "elicitations": case["elicitations"],
        "input_tokens": n * 310, "output_tokens": tokens,
        "evidence": [
            {"side": s, "family": f, "channel": c, "bits": b if verdict != "inconclusive" else round(b * 0.45, 1), "sentence": t, "p_value": p,
             "exchanges": ["x-000017", "x-000118", "x-004410"], "accounts": [m["account_id"] for m in people[:3]]}
            for s, f, c, b, t, p in EVIDENCE
        ],
        "hypotheses": rivals, "best_innocent": {k: v for k, v in innocent.items() if k != "bits"},
        "templates": templates(n_accounts, n), "timeline": timeline(rng, people, days, bin_s),
        "infrastructure": {
            "ip_prefix": [{"value": f"198.51.{100 + i}.0/24", "n_accounts": n_accounts // (i + 2) + 1, "share": round(0.5 / (i + 1), 3)} for i in range(9)],
            "client_asn": [{"value": 64_500, "n_accounts": n_accounts, "share": 0.86}, {"value": 64_511, "n_accounts": n_accounts // 8 + 1, "share": 0.14}],
            "tls_fingerprint": [{"value": "t13d1516h2_8daaf6152771_02713d6af862", "n_accounts": n_accounts, "share": 0.97}],
            "user_agent": [{"value": "OpenAI/Python 1.51.2 (linux; x86_64; CPython 3.11.9) httpx/0.27.2", "n_accounts": n_accounts, "share": 0.97}],
            "email_domain": [{"value": "inbox-a.example", "n_accounts": n_accounts // 2, "share": 0.5}],
            "access_pathway": [{"value": "self_serve", "n_accounts": n_accounts, "share": 1.0}],
            "model": [{"value": "sol-4", "n_accounts": n_accounts, "share": 0.55}, {"value": "sol-5", "n_accounts": n_accounts, "share": 0.33}],
        },
        "members": people,
        "weakest_member": {"account_id": weakest["account_id"], "bits": weakest["bits"], "sentence": "It shares the wrapper, but no address and no sign-up hour with the others."},
        "standby": [{"account_id": f"reserve-{i}", "created_at": "2026-03-01T00:00:00Z", "shares": ["payment_fingerprint", "device_fingerprint"]} for i in range(7)] if verdict == "distillation" else [],
        "graph": graph(rng, people),
        "harm": {"score": round(float(np.log10(tokens) * case["share"]), 3), "output_tokens": int(tokens * case["share"]),
                 "would_train": "Enough to fine-tune a model of 30 B parameters on step-by-step reasoning in mathematics and code."},
    }  # fmt: skip


MANIFEST: dict[str, Any] = {
    "hydrascope": "0.1.0", "version": 1, "engine": "duckdb", "seed": 7, "settings": {"null_draws": 200},
    "exchanges": 1_204_118, "accounts": 18_442, "first_seen": "2026-03-02T00:00:03Z", "last_seen": "2026-04-15T23:59:41Z",
    "error_rates": {"links": {"max_null_share": 0.001}, "enforcement": {"probability": 0.99, "q_value": 0.001}},
    "inputs": [{"file": "log-1.parquet", "exchanges": 1_204_118, "bytes": 91_000_000, "format": "parquet"}],
    "rejects": {"broken JSON": 9, "no account_id": 3}, "timings": {"ingest": {"wall_s": 8.1}}, "peak_memory_bytes": 900_000_000,
}  # fmt: skip


def write_folder(
    path: Path, campaigns: Iterable[dict[str, Any]], *, n_others: int = 20, links: bool = True
) -> Path:
    """Writes a whole findings folder: campaigns, accounts, links, manifest."""
    found = list(campaigns)
    path.mkdir(parents=True, exist_ok=True)
    (path / "campaigns.json").write_text(json.dumps({"version": 1, "campaigns": found}))
    (path / "manifest.json").write_text(json.dumps(MANIFEST))
    rows = [
        {k: m[k] for k in ("account_id", "probability", "bits", "distillation_share", "n_exchanges")}
        | {"campaign_id": c["campaign_id"], "enforceable": c["enforceable"]}
        for c in found
        for m in c["members"]
    ]
    rows += [
        {"account_id": f"solo-{i:03d}", "campaign_id": None, "probability": 0.01, "bits": -3.0 + i, "enforceable": False, "distillation_share": 0.0, "n_exchanges": 40 + i}
        for i in range(n_others)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema=FINDINGS_ACCOUNTS), path / "accounts.parquet")
    if links:
        write_links(path, found)
    return path


def write_links(path: Path, campaigns: list[dict[str, Any]]) -> None:
    """The links of all campaigns, and one weak link from `solo-001` to the first campaign's first account."""
    schema = pa.schema([
        ("account_a", pa.string()), ("account_b", pa.string()), ("surprise", pa.float64()), ("bits", pa.float64()),
        ("families", pa.map_(pa.string(), pa.float64())), ("sentences", pa.list_(pa.string())),
    ])  # fmt: skip
    links = [dict(k) for c in campaigns for k in c["graph"]["links"]]
    if campaigns and campaigns[0]["members"]:
        links.append({
            "account_a": campaigns[0]["members"][0]["account_id"], "account_b": "solo-001", "bits": 7.5, "surprise": 2.2,
            "families": {"egress": 7.5}, "sentences": ["Both leave through 198.51.100.7, which 11 accounts use."],
        })  # fmt: skip
    rows = [k | {"families": list(k["families"].items())} for k in links]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path / "links.parquet")


def small_folder(path: Path) -> Path:
    """Four campaigns, one of each kind that the report tells apart."""
    cases = [("distillation", 220), ("reseller", 38), ("evaluation", 6), ("inconclusive", 54)]
    return write_folder(path, [campaign(i + 1, verdict, n) for i, (verdict, n) in enumerate(cases)])


def bare_folder(path: Path) -> Path:
    """A findings folder with every optional part missing: ids and verdicts alone."""
    path.mkdir(parents=True, exist_ok=True)
    entries = [
        {"campaign_id": "c-1", "verdict": "distillation"},
        {"campaign_id": "c-2", "verdict": "reseller"},
    ]
    (path / "campaigns.json").write_text(json.dumps({"version": 1, "campaigns": entries}))
    return path
