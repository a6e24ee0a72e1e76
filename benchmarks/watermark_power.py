"""What marks and twins can show, and where they end: log10 p on trigram students trained here.

    python benchmarks/watermark_power.py --quick          a few minutes
    python benchmarks/watermark_power.py                  about half an hour on two cores
    python benchmarks/watermark_power.py --text PATH      another training text

One run a cell, toy scale: ratios and calibration, not claims about large models. Every student is the public
base trained further on what was served; the unmarked remainder comes from the same teacher. Probes: 400 pieces
(120 with --quick) of held-out text ("natural") or of marked served answers ("served"). Red/green gamma 1/4, delta 2 unless said.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hydrascope.lab.attacks import neutralise, substitute
from hydrascope.lab.bpe import train_bpe
from hydrascope.lab.provider import AccountPlan, Served, pick_prompts, serve
from hydrascope.lab.text import gather_text
from hydrascope.lab.traffic import sample_answers
from hydrascope.lab.world import World, build_world, distil, held_out_loss, read_world
from hydrascope.watermark.audit_probes import Probe, first_seen, natural_probes
from hydrascope.watermark.keys import Key, decoy_keys
from hydrascope.watermark.marks import Mark
from hydrascope.watermark.pairs import dedup_pairs, keep_served, served_contexts
from hydrascope.watermark.pvalues import holm
from hydrascope.watermark.radioactivity import Items, ProbeSums, clipped, merge_items, strongest_items
from hydrascope.watermark.suspect_trigram import TrigramModel, TrigramSuspect, train_trigram
from hydrascope.watermark.trace import MarkTest, decoy_check
from hydrascope.watermark.twins import TwinPolicy
from hydrascope.watermark.twins_audit import ScoredPair, differences
from hydrascope.watermark.twins_sign import twin_result

Ids = npt.NDArray[np.int32]
CLIP, MOST_ITEMS, LEAST = 0.1, 300_000, 1e-3
PROBES = {"n": 400}
"""Texts fed for each cell; fewer with --quick."""
TRACE = Mark(scheme="red_green", context_width=2, gamma=0.25, delta=2.0)


@dataclass
class Bench:
    """A world, its served corpora, and the tables so far."""

    world: World
    n: int
    """Exchanges of a full corpus."""
    key: Key = field(default_factory=lambda: decoy_keys(2026, 1)[0])
    corpora: dict[str, Served] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def corpus(self, name: str, mark: Mark | None) -> Served:
        """Serve `n` exchanges once, marked or not."""
        if name not in self.corpora:
            seed = sum(name.encode())
            plan = AccountPlan(account_id="a", n_exchanges=self.n, key=self.key if mark else None, mark=mark)
            self.corpora[name] = serve(self.world, [plan], seed=seed)
        return self.corpora[name]

    def table(self, title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a Markdown table and print it."""
        lines = [f"### {title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
        self.tables.append("\n".join(lines) + "\n")
        print(self.tables[-1], flush=True)


def shown(log10_p: float) -> str:
    """A cell."""
    return f"{log10_p:.1f}" if log10_p > -100 else f"{log10_p:.0f}"


def served_set(answers: Sequence[Ids], limit: int | None = None) -> list[Probe]:
    """Probes of served answers; prompts have 24 tokens or so."""
    return [Probe("served", tokens, 24) for tokens in answers[: limit or PROBES["n"]]]


def weigh(
    student: TrigramModel,
    base: TrigramModel | None,
    probes: Sequence[Probe],
    width: int,
    *,
    argmax: bool = False,
) -> Items:
    """Items of one statistic: mass (no base), argmax, or minus-reference, unclipped."""
    suspect = TrigramSuspect(student, "s")
    reference = None if base is None else TrigramSuspect(base, "r")
    sums = ProbeSums()
    for probe in probes:
        rows = suspect.next_probs(probe.tokens)
        if argmax:
            rows = (rows >= rows.max(axis=1, keepdims=True)).astype(np.float32)
        if reference is not None:
            rows = rows - reference.next_probs(probe.tokens)
        places = first_seen(probe.tokens, width, probe.start)
        row, token = np.nonzero(np.abs(rows[places]) >= LEAST)
        at = places[row]
        sums.add(probe.tokens[at[:, None] + np.arange(1 - width, 1)], token.astype(np.int32), rows[at, token])
    items = sums.items()
    assert items is not None
    if argmax:
        items.weights[:] = 1.0
    return strongest_items(items, MOST_ITEMS)


def p_of(items: Items, key: Key, mark: Mark) -> float:
    """log10 p of one key."""
    return MarkTest(items, mark).tests([key])[0].log10_p


def statistics(bench: Bench, student: TrigramModel, probes: Sequence[Probe], mark: Mark) -> list[float]:
    """argmax, mass, minus-reference, minus-reference held at 0.1."""
    width, base = mark.context_width, bench.world.base
    minus = weigh(student, base, probes, width)
    found = [
        weigh(student, None, probes, width, argmax=True),
        weigh(student, None, probes, width),
        minus,
        clipped(minus, CLIP),
    ]
    return [p_of(items, bench.key, mark) for items in found]


def counted(bench: Bench, student: TrigramModel, served: Sequence[Ids], mark: Mark, n: int) -> list[float]:
    """Text only: all pairs, and pairs in served contexts."""
    rng = np.random.default_rng(5)
    prompts = [bench.world.tokenizer.encode(p) for p in pick_prompts(bench.world, n, rng)]
    answers = sample_answers(student, prompts, 112, rng)
    contexts, tokens = dedup_pairs(answers, mark.context_width, prompts=prompts)
    kept = keep_served(contexts, tokens, served_contexts(served, mark.context_width))
    found = []
    for pair in ((contexts, tokens), kept):
        items = merge_items(*pair, np.ones(len(pair[1])))
        found.append(p_of(items, bench.key, mark) if len(items) >= 50 else 0.0)
    return found


def mixed(bench: Bench, marked: Served, share: float) -> tuple[list[Ids], list[Ids]]:
    """(training sequences, the marked ones) with the remainder unmarked."""
    n = round(share * bench.n)
    plain = bench.corpus("plain", None)
    return marked.answers[:n] + plain.answers[n:], marked.answers[:n]


def shares(bench: Bench, levels: Sequence[float], natural: Sequence[Probe]) -> None:
    """p against the share of marked text, for every statistic."""
    rows = []
    for share in levels:
        training, marked = mixed(bench, bench.corpus("h2", TRACE), share)
        student = distil(bench.world.base, training)
        near = statistics(bench, student, natural, TRACE)
        own = statistics(bench, student, served_set(marked), TRACE)
        text = counted(bench, student, marked, TRACE, bench.n // 2)
        n_tokens = sum(map(len, marked))
        rows.append([f"{share:.0%}", f"{n_tokens:,}", *map(shown, (*near, *own, *text))])
        if share == 0.05:
            for where, p in (("natural", near), ("served", own)):
                bench.figures[f"5% {where} minus / best of argmax and mass"] = p[3] / min(p[0], p[1], -1e-9)
    names = ("argmax", "mass", "minus", "minus, held at 0.1")
    head = ["marked", "marked tokens", *(f"natural {n}" for n in names), *(f"served {n}" for n in names)]
    bench.table(
        "Share of marked text (red/green h=2)", [*head, "text, all pairs", "text, served contexts"], rows
    )


def widths(bench: Bench, levels: Sequence[float], natural: Sequence[Probe]) -> None:
    """p against scheme and context width; what each costs in held-out loss."""
    rows = []
    marks = {
        f"red/green h={h}": Mark(scheme="red_green", context_width=h, gamma=0.25, delta=2.0)
        for h in (1, 2, 4)
    }
    marks |= {f"Gumbel h={h}": Mark(scheme="gumbel", context_width=h) for h in (2, 4)}
    texts = bench.world.heldout[:300]
    plain = distil(bench.world.base, bench.corpus("plain", None).answers)
    rows.append(["no mark", "100%", "", "", "", "", f"{held_out_loss(plain, texts):.3f}"])
    for name, mark in marks.items():
        corpus = bench.corpus("h2" if name == "red/green h=2" else name, mark)
        for share in levels:
            training, marked = mixed(bench, corpus, share)
            student = distil(bench.world.base, training)
            held = [
                p_of(
                    clipped(weigh(student, bench.world.base, probes, mark.context_width), CLIP),
                    bench.key,
                    mark,
                )
                for probes in (natural, served_set(marked))
            ]
            text = counted(bench, student, marked, mark, bench.n // 2)
            loss = held_out_loss(student, texts)
            rows.append([name, f"{share:.0%}", *map(shown, (*held, *text)), f"{loss:.3f}"])
    head = [
        "scheme",
        "marked",
        "natural minus",
        "served minus",
        "text, all pairs",
        "text, served contexts",
        "held-out nats",
    ]
    bench.table("Scheme and context width; quality of the student", head, rows)


def attacked(bench: Bench, name: str, training: Sequence[Ids], own: Sequence[Ids]) -> list[object]:
    """One row of the table of attacks."""
    student = distil(bench.world.base, training)
    items = weigh(student, bench.world.base, served_set(own), 2)
    held = [p_of(i, bench.key, TRACE) for i in (items, clipped(items, CLIP))]
    loss = held_out_loss(student, bench.world.heldout[:300])
    return [name, *map(shown, (*held, *counted(bench, student, own, TRACE, bench.n // 2))), f"{loss:.3f}"]


def attacks(bench: Bench) -> None:
    """Less text, dilution, purification, paraphrase, key theft, re-tokenisation."""
    own = bench.corpus("h2", TRACE).answers
    rng = np.random.default_rng(3)
    human = [bench.world.tokenizer.encode(t) for t in bench.world.human]
    n_human, n_own = sum(map(len, human)), sum(map(len, own))
    rows = [attacked(bench, "none, all marked", own, own)]
    for part in (4, 16, 64):
        rows.append(
            attacked(bench, f"1/{part} of the tokens", own[: bench.n // part], own[: bench.n // part])
        )
    tenth = own[: bench.n // 10]
    rows.append(attacked(bench, "1/10 of the tokens", tenth, tenth))
    for times in (1, 4):
        many = [human[i] for i in rng.integers(len(human), size=times * n_own // 10 * len(human) // n_human)]
        rows.append(attacked(bench, f"1/10, then {times}x other human text", [*tenth, *many], tenth))
    for share in (0.1, 0.3, 0.5):
        rows.append(
            attacked(
                bench,
                f"paraphrase: {share:.0%} of tokens replaced",
                substitute(own, bench.world.base, share, rng),
                own,
            )
        )
    rows.append(
        attacked(
            bench,
            "key theft: green tokens replaced",
            neutralise(own, bench.world.base, bench.key, TRACE, rng),
            own,
        )
    )
    rows.append(retokenised(bench, own))
    head = [
        "attack",
        "served minus",
        "served minus, held at 0.1",
        "text, all pairs",
        "text, served contexts",
        "held-out nats",
    ]
    bench.table("Attacks (red/green h=2, everything marked before the attack)", head, rows)


def retokenised(bench: Bench, own: Sequence[Ids]) -> list[object]:
    """The student has a tokeniser of its own: weights are refused, sampled text is re-encoded."""
    ours = bench.world.tokenizer
    theirs = train_bpe(bench.world.human, 1024)
    base = train_trigram(theirs, [theirs.encode(t) for t in bench.world.human])
    student = distil(base, [theirs.encode(ours.decode(tokens)) for tokens in own])
    rng = np.random.default_rng(8)
    asked = pick_prompts(bench.world, bench.n // 2, rng)
    raw = sample_answers(student, [theirs.encode(p) for p in asked], 140, rng)
    answers = [ours.encode(theirs.decode(tokens)) for tokens in raw]
    contexts, tokens = dedup_pairs(answers, 2, prompts=[ours.encode(p) for p in asked])
    kept = keep_served(contexts, tokens, served_contexts(own, 2))
    found = [
        p_of(merge_items(*pair, np.ones(len(pair[1]))), bench.key, TRACE)
        for pair in ((contexts, tokens), kept)
    ]
    return ["student with another tokeniser (1,024)", "refused", "refused", *map(shown, found), ""]


def attribution(bench: Bench, n_accounts: int, traitor_counts: Sequence[int]) -> None:
    """Which accounts' keys, of all accounts' keys, are in the student? Each on its own logs, Holm over all."""
    keys = decoy_keys(77, n_accounts)
    rows = []
    for n_traitors in traitor_counts:
        chosen = np.random.default_rng(n_traitors).choice(n_accounts, n_traitors, replace=False)
        plans = [
            AccountPlan(account_id=f"{a}", n_exchanges=bench.n // n_traitors, key=keys[a], mark=TRACE)
            for a in sorted(chosen)
        ]
        served = serve(bench.world, plans, seed=90 + n_traitors)
        account = np.array([int(str(row["account_id"])) for row in served.rows])
        student = distil(bench.world.base, served.answers)
        items = clipped(weigh(student, bench.world.base, served_set(served.answers, 1600), 2), CLIP)
        p = np.array([t.log10_p for t in MarkTest(items, TRACE).tests(keys)])
        pooled = named(p, chosen)
        for a in chosen:
            mine = served_set([s for s, owner in zip(served.answers, account, strict=True) if owner == a])
            p[a] = p_of(clipped(weigh(student, bench.world.base, mine, 2), CLIP), keys[a], TRACE)
        own = named(p, chosen)
        rows.append([n_traitors, f"{1 / n_traitors:.1%}", *pooled, *own])
        bench.figures[f"{n_traitors} of {n_accounts}: found on own logs"] = float(own[0].split("/")[0])
    head = ["accounts in the training set", "share of each", "found, logs pooled", "median log10 p", "false", "best innocent",
            "found, own logs", "median log10 p", "false", "best innocent"]  # fmt: skip
    bench.table(f"Which of {n_accounts:,} accounts' keys (Holm, family-wise error 1 %)", head, rows)


def named(p: npt.NDArray[np.float64], chosen: npt.NDArray[np.int64]) -> list[str]:
    """found, median p, false accusations, best innocent."""
    fell = np.flatnonzero(holm(p) <= -2.0)
    innocent = np.setdiff1d(np.arange(len(p)), chosen)
    found = len(np.intersect1d(fell, chosen))
    return [
        f"{found}/{len(chosen)}",
        shown(float(np.median(p[chosen]))),
        str(len(fell) - found),
        shown(float(p[innocent].min())),
    ]


def twin_power(bench: Bench, n_pairs: int) -> None:
    """Sign test against pairs; students that trained on it or not; purification."""
    plan = AccountPlan(account_id="a", n_exchanges=n_pairs, cluster_id="c")
    other = AccountPlan(account_id="b", n_exchanges=n_pairs)
    served = serve(
        bench.world, [plan], seed=4, policy=TwinPolicy(flagged_limit=10**9), coin_seed=b"bench" * 7
    )
    elsewhere = serve(bench.world, [other], seed=5)
    human = [bench.world.tokenizer.encode(t) for t in bench.world.human]
    base = bench.world.base
    plain = bench.corpus("plain", None).answers
    students = {
        "trained on the served side": distil(base, served.answers),
        "one part in ten of its training": distil(base, served.answers + plain[: 9 * n_pairs]),
        "then 3x other human text": distil(
            base,
            served.answers
            + human[: 3 * sum(map(len, served.answers)) // max(sum(map(len, human)) // len(human), 1)],
        ),
        "served text paraphrased, 30 %": distil(
            base, substitute(served.answers, base, 0.3, np.random.default_rng(1))
        ),
        "not trained on it": distil(base, elsewhere.answers),
        "not trained on anything served": base.merge(train_trigram(bench.world.tokenizer, human[:500])),
    }
    reference = TrigramSuspect(base, "base")
    held = [
        [reference.sequence_logprob(t.prompt, x) for x in (t.served_answer, t.held_back)]
        for t in served.twins
    ]
    rows = []
    for name, model in students.items():
        suspect = TrigramSuspect(model, name)
        own = [
            [suspect.sequence_logprob(t.prompt, x) for x in (t.served_answer, t.held_back)]
            for t in served.twins
        ]
        cells: list[object] = [name]
        for n in (100, 300, n_pairs):
            for with_base in (False, True):
                pairs = [
                    ScoredPair(index=i, suspect_served=own[i][0], suspect_twin=own[i][1],
                               reference_served=held[i][0] if with_base else None,
                               reference_twin=held[i][1] if with_base else None)
                    for i in range(min(n, len(own)))
                ]  # fmt: skip
                r = twin_result("account", "a", differences(pairs))
                cells.append(f"{r.wins}: {shown(r.log10_p)}")
                if name.startswith("trained") and n == 300 and with_base:
                    bench.figures["300 twins, log10 p"] = r.log10_p
        rows.append(cells)
    head = ["student", *(f"{n} pairs, {w}" for n in (100, 300, n_pairs) for w in ("raw", "minus base"))]
    bench.table("Held-back twins: served answer preferred, log10 p of the exact sign test", head, rows)


def calibration(bench: Bench, natural: Sequence[Probe]) -> None:
    """2,000 decoy keys on an unmarked student and on one marked with another key; seconds for 24,000 keys."""
    rows = []
    for name, corpus in (
        ("unmarked student", bench.corpus("plain", None)),
        ("marked with another key", bench.corpus("h2", TRACE)),
    ):
        student = distil(bench.world.base, corpus.answers)
        for where, probes in (("natural", natural), ("served", served_set(corpus.answers))):
            items = clipped(weigh(student, bench.world.base, probes, 2), CLIP)
            test = MarkTest(items, TRACE)
            found = decoy_check(test, seed=99, n=2000)
            rows.append([name, where, f"{len(items):,}", f"{found.ks_p:.2f}", shown(found.least_log10_p)])
    bench.table("2,000 decoy keys", ["student", "probe", "items", "KS p", "smallest log10 p (bound)"], rows)
    started = time.process_time()
    test.tests(decoy_keys(1, 64))
    one = time.process_time() - started
    started = time.process_time()
    decoy_check(test, seed=1, n=24_000)
    bench.figures["core-seconds, 24,000 keys on one set of items"] = time.process_time() - started
    bench.figures["core-seconds, 64 keys with saddlepoints"] = one


def main() -> None:
    """Train, serve, audit, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="an eighth of the text")
    parser.add_argument(
        "--world", type=Path, help="folder of `hydrascope lab world`, instead of training one"
    )
    parser.add_argument("--only", action="append", help="a step by name; repeatable")
    parser.add_argument("--exchanges", type=int, help="served for each corpus; 112 tokens each")
    parser.add_argument(
        "--text", type=Path, action="append", help="training text; documentation found here by default"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    options = parser.parse_args()
    started = time.time()
    PROBES["n"] = 120 if options.quick else 400
    found = None if options.world else gather_text(options.text, limit_mb=3.0 if options.quick else 10.0)
    world = read_world(options.world) if found is None else build_world(found)
    bench = Bench(world=world, n=options.exchanges or (1000 if options.quick else 4000))
    natural = natural_probes("\n\n".join(world.heldout), world.tokenizer, limit=PROBES["n"])
    levels = (1.0, 0.25, 0.1, 0.05, 0.01)
    steps: dict[str, Callable[[], None]] = {
        "attribution": lambda: attribution(bench, 1000, (1, 4, 16, 64)),
        "twins": lambda: twin_power(bench, 300 if options.quick else 800),
        "widths": lambda: widths(bench, (1.0, 0.1) if options.quick else (1.0, 0.1, 0.05), natural),
        "attacks": lambda: attacks(bench),
        "shares": lambda: shares(bench, levels, natural),
        "calibration": lambda: calibration(bench, natural),
    }
    for name, step in steps.items():
        if options.only and name not in options.only:
            continue
        step()
        print(f"[{time.time() - started:.0f} s]", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "watermark_power.md").write_text("\n".join(bench.tables), encoding="utf-8")
    (options.out / "watermark_power.json").write_text(
        json.dumps(bench.figures, indent=1) + "\n", encoding="utf-8"
    )
    print(json.dumps(bench.figures, indent=1))


if __name__ == "__main__":
    main()
