"""`hydrascope watermark detect`: which committed keys' marks are in these texts?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from hydrascope.errors import RefusalError
from hydrascope.watermark.detect import KS_FLOOR, Detection, DetectSettings, detect
from hydrascope.watermark.encoding import load_tokenizer
from hydrascope.watermark.keys import read_root
from hydrascope.watermark.pvalues import shown_p
from hydrascope.watermark.registry import read_registry
from hydrascope.watermark.sequential import detect_sequentially
from hydrascope.watermark.texts import encode_texts, read_texts

__all__ = ["register"]


def register(group: typer.Typer) -> None:
    """Adds `detect` to `hydrascope watermark`."""
    group.command("detect")(detect_command)


def detect_command(
    texts: Annotated[list[Path], typer.Argument(help="Files or folders: .jsonl, .parquet, or plain text.")],
    keys: Annotated[Path, typer.Option(help="Key registry; every committed key is a test.")],
    tokenizer: Annotated[
        str, typer.Option(help="bytes, whitespace, ids:N, or the path of a tokenizer.json.")
    ],
    root_file: Annotated[
        Path | None, typer.Option(help="Root secret, mode 0600; else HYDRASCOPE_ROOT_KEY.")
    ] = None,
    head: Annotated[str | None, typer.Option(help="Published head the registry must end with.")] = None,
    served: Annotated[
        list[Path] | None, typer.Option(help="Texts that were served: only their contexts are counted.")
    ] = None,
    alpha: Annotated[float, typer.Option(min=1e-12, max=0.5, help="Chance that any claim is false.")] = 0.01,
    decoys: Annotated[int, typer.Option(min=20, help="Decoy keys scored beside the real ones.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the decoys.")] = 0,
    collected_at: Annotated[
        datetime | None, typer.Option(help="When the texts were collected; later keys are not tested.")
    ] = None,
    vocabulary: Annotated[
        int | None, typer.Option(help="Vocabulary of the model, where it is larger.")
    ] = None,
    keep_code: Annotated[bool, typer.Option(help="Count code, JSON and tool arguments too.")] = False,
    gated: Annotated[
        bool, typer.Option("--gates/--no-gates", help="Narrower levels wait for wider ones.")
    ] = True,
    sequential: Annotated[bool, typer.Option(help="Bet text by text and stop when a key is found.")] = False,
    top: Annotated[int, typer.Option(help="Strongest keys to show.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Write everything as JSON.")] = None,
) -> None:
    """Find committed marks in texts: exact p-values, every committed key a test, decoys beside them."""
    speaker = load_tokenizer(tokenizer)
    registry, root = read_registry(keys, head=head), read_root(root_file)
    corpus = encode_texts(read_texts(texts), speaker, keep_code=keep_code)
    settings = DetectSettings(
        alpha=alpha,
        n_decoys=decoys,
        seed=seed,
        gated=gated,
        collected_at=None
        if collected_at is None
        else collected_at.replace(tzinfo=collected_at.tzinfo or UTC),
        n_vocabulary=vocabulary,
    )
    if sequential:
        for step in detect_sequentially(registry, root, corpus, speaker, settings):
            typer.echo(
                f"{step.n_texts} texts, {step.n_pairs} pairs: {step.subject} ({step.key_id}) "
                f"log10 e {step.log10_e:.2f}{', found' if step.crossed else ''}"
            )
            if step.crossed:
                break
        return
    filtered = encode_texts(read_texts(served), speaker, keep_code=True) if served else None
    found = detect(registry, root, corpus, speaker, settings, served=filtered)
    if out is not None:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(found, order="sorted"), indent=1) + b"\n")
    _print(found, top)


def _print(found: Detection, top: int) -> None:
    typer.echo(
        f"{found.n_texts} texts, {found.n_tokens} tokens; {found.n_keys} committed keys are {found.n_keys} tests, "
        f"{found.n_tested} of them on this tokenizer; registry head {found.registry_head[:16]}"
    )
    for report in found.marks:
        typer.echo(
            f"{report.mark}: {report.n_pairs} distinct pairs, {report.method}; {report.decoys.n} decoys: "
            f"KS p {report.decoys.ks_p:.3g}, best {shown_p(report.decoys.best_log10_p)}"
        )
    if found.verdict == "withheld":
        raise RefusalError(
            f"the decoys are not uniform (KS p < {KS_FLOOR}), so no verdict is given",
            hint="check tokenizer and texts; keys that marked nothing must look like nothing",
        )
    for r in found.results[:top]:
        name = f"{r.level} {r.subject}@{r.epoch}" + (" (revoked: no evidence)" if r.revoked else "")
        typer.echo(
            f"  p {shown_p(r.log10_p):<31} {r.statistic:.6g} of {r.n:<8} {r.key_id}  {r.mark:<28} {name}"
        )
    for gate in found.gates:
        state = "open" if gate.opened else "closed"
        typer.echo(f"gate {gate.level}: {state}, p {shown_p(gate.log10_p)} over {gate.n_below} keys")
    for claim in found.claims:
        typer.echo(
            f"found: {claim.result.level} {claim.result.subject}, adjusted p {shown_p(claim.log10_adjusted_p)}: "
            f"these texts carry its mark, or come from a model trained {claim.meaning}"
        )
    typer.echo(f"verdict: {found.verdict}, at an error rate of {found.alpha:g} over all claims")
