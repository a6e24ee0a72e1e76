"""Adapters: the gateway step, the key ring, torch against NumPy, and vLLM's interface through a stand-in."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from vllm_stand_in import DEVICE, Engine, parameters

from hydrascope.errors import ConfigError, HydrascopeError, RefusalError, StateError, UsageError
from hydrascope.watermark import Gumbel, Level, Mark, RedGreen, Scheme, decoy_keys, dedup_pairs
from hydrascope.watermark.adapters.gateway_step import (
    HEADER,
    STRIPPED,
    Handles,
    handles_of,
    mark_request,
    open_header,
    sign_header,
    strip_request,
)
from hydrascope.watermark.adapters.key_ring import KeyRing, RingKey, build_ring, read_ring, write_ring
from hydrascope.watermark.adapters.transformers_processor import MarkProcessor
from hydrascope.watermark.adapters.vllm_processor import HydrascopeMark
from hydrascope.watermark.registry import Registry, create_registry
from hydrascope.watermark.schemes.synthid import SynthID

ROOT = bytes(range(32))
AT = datetime(2026, 11, 1, tzinfo=UTC)
SECRET = bytes(32)
V = 211


def registry() -> Registry:
    """Three clusters at width 2, one at width 1."""
    known = create_registry(ROOT, "demo", at=AT)
    for subjects, mark in (
        (["C0", "C1", "C2"], Mark(scheme=Scheme.RED_GREEN, context_width=2, gamma=0.25)),
        (["D"], Mark(scheme=Scheme.RED_GREEN, context_width=1, gamma=0.5, delta=1.0)),
    ):
        known = known.commit(ROOT, subjects, level=Level.CLUSTER, mark=mark, tokenizer="ids:211", at=AT)
    return known


# The gateway.


def test_clients_cannot_say_anything_about_marks() -> None:
    """Top level, nested, any case, and the header; everything else passes, and inputs are not touched."""
    body = dict.fromkeys(STRIPPED, 1) | {
        "model": "m",
        "Watermarking": False,
        "extra_body": {"vllm_xargs": 1, "n": 2},
    }
    headers = {"x-hydrascope-mark": "forged", "Accept": "json"}
    clean, kept = strip_request(body, headers)
    assert clean == {"model": "m", "extra_body": {"n": 2}}
    assert kept == {"Accept": "json"}
    assert "watermarking" in body


def test_the_narrowest_key_that_exists_is_named() -> None:
    """Account before cluster before deployment; nobody is marked without one."""
    handles = Handles(deployment="d", clusters={"c": "h"}, accounts={"a": "own"})
    assert [handles.find("a", "c"), handles.find("b", "c"), handles.find("b", None)] == ["own", "h", "d"]
    assert Handles(clusters={}, accounts={}).find("b", "x") is None


def test_a_marked_request_carries_a_signed_handle_and_no_account() -> None:
    """Header and argument agree; the account's name is in neither."""
    known = registry()
    handles = handles_of(known)
    assert set(handles.clusters) == {"C0", "C1", "C2", "D"}
    body, headers = mark_request(
        {"messages": [], "watermarking": False},
        {},
        account="account-77",
        cluster="C1",
        handles=handles,
        secret=SECRET,
        now_s=1000,
    )
    assert body["vllm_xargs"]["hydrascope_mark"] == headers[HEADER]
    assert open_header(SECRET, headers[HEADER], now_s=1200) == known.find("C1")[0].key_id
    assert "account-77" not in str(body) + str(headers)
    unmarked = mark_request({}, {}, account="x", cluster=None, handles=handles, secret=SECRET, now_s=0)
    assert unmarked == ({}, {})


def test_revoked_and_retired_keys_are_not_named() -> None:
    """After rotation the new handle is; after revocation none."""
    known = registry()
    rotated = known.rotate(ROOT, at=AT)
    assert handles_of(rotated).clusters["C1"] == rotated.find("C1")[-1].key_id
    revoked = known.revoke(ROOT, known.find("C1"), at=AT, reason="leak")
    assert "C1" not in handles_of(revoked).clusters


@pytest.mark.parametrize("change", ["v2", "handle", "expiry", "mac", "short"])
def test_a_header_that_was_touched_is_refused(change: str) -> None:
    """Version, handle, time or signature; and a stale one."""
    parts = sign_header(SECRET, "abc", expires_at_s=100).split(".")
    swap = {
        "v2": (0, "v2"),
        "handle": (1, "abd"),
        "expiry": (2, "999"),
        "mac": (3, "0" * 32),
        "short": (3, ""),
    }
    at, value = swap[change]
    parts[at] = value
    with pytest.raises(RefusalError):
        open_header(SECRET, ".".join(parts), now_s=50)
    with pytest.raises(RefusalError, match="expired"):
        open_header(SECRET, sign_header(SECRET, "abc", expires_at_s=100), now_s=101)
    with pytest.raises(RefusalError, match="signature"):
        open_header(b"x" * 32, sign_header(SECRET, "abc", expires_at_s=100), now_s=50)


# The key ring.


def test_a_ring_holds_active_keys_and_stays_private(tmp_path: Path) -> None:
    """Round trip; refused when others can read it, when it is torn, and for handles it lacks."""
    known = registry()
    ring = build_ring(known, ROOT, fences=[5])
    file = tmp_path / "ring.json"
    write_ring(ring, file)
    assert read_ring(file) == ring
    assert ring.find(known.find("C2")[0].key_id).key == known.secret(ROOT, known.find("C2")[0])
    assert len(build_ring(known, ROOT, handles=[known.find("D")[0].key_id]).keys) == 1
    assert SECRET.hex() not in repr(KeyRing(keys={}, gateway_secret=SECRET))
    with pytest.raises(UsageError, match="no handle"):
        ring.find("nope")
    with pytest.raises(UsageError, match="not an active key"):
        build_ring(known.rotate(ROOT, at=AT), ROOT, handles=[known.find("C0")[0].key_id])
    file.write_text(file.read_text()[:-40])
    with pytest.raises(StateError, match="not a key ring"):
        read_ring(file)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="read by others"):
        read_ring(file)


# Torch.


def test_adapters_import_without_torch_and_say_what_to_install() -> None:
    """Both modules are imported above; making a processor names the extra where torch is missing."""
    item = RingKey(key=decoy_keys(0, 1)[0], mark=Mark(scheme=Scheme.RED_GREEN))
    with pytest.raises(UsageError, match="without a tokenizer"):
        MarkProcessor(item)
    with pytest.raises(UsageError, match="not made by this processor"):
        MarkProcessor(RingKey(key=item.key, mark=Mark(scheme=Scheme.VLLM_GUMBEL)), skip_code=False)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("gamma", [0.5, 0.25])
def test_torch_colours_tokens_as_numpy_does(width: int, gamma: float) -> None:
    """Every row with its own key and slot."""
    torch = pytest.importorskip("torch")
    from hydrascope.watermark.adapters.tensor_prf import green_rows, signed

    keys = [decoy_keys(3, 70)[i] for i in (0, 5, 66)]
    contexts = np.random.default_rng(width).integers(0, 150_000, (3, width))
    k0, k1, slot = (
        torch.tensor([[value(key)] for key in keys])
        for value in (lambda k: signed(k.k0), lambda k: signed(k.k1), lambda k: k.slot)
    )
    mine = green_rows(k0, k1, slot, torch.tensor(contexts), torch.arange(V), gamma).numpy()
    for row, key, context in zip(mine, keys, contexts, strict=True):
        assert (row == RedGreen(key, width, gamma).green_list(context, V)).all()


def test_a_compiler_that_gets_coins_wrong_is_not_believed() -> None:
    """The fused function is compared first; a wrong one, or none at all, means the plain one and a warning."""
    torch = pytest.importorskip("torch")
    from hydrascope.watermark.adapters.tensor_prf import checked_compile, green_rows

    def wrong(function: Any, **_: object) -> Any:
        return lambda *arguments: ~function(*arguments)

    def right(function: Any, **_: object) -> Any:
        return partial(function)

    for fake, trusted in ((wrong, False), (right, True)):
        stand_in = SimpleNamespace(
            **{name: getattr(torch, name) for name in ("Generator", "randint", "tensor", "arange", "equal")}
        )
        stand_in.compile = fake
        if trusted:
            fused = checked_compile(stand_in, "cpu", [(1, 0.5), (2, 0.25), (4, 0.25)])
            assert fused is not green_rows
            alone = [torch.tensor([[part]]) for part in (5, 6, 7, 8)]
            assert torch.equal(fused(*alone, torch.arange(V), 0.5), green_rows(*alone, torch.arange(V), 0.5))
        else:
            with pytest.warns(RuntimeWarning, match="differ"):
                assert checked_compile(stand_in, "cpu", [(1, 0.5), (2, 0.25), (4, 0.25)]) is green_rows


class Decoder:
    """Token 9 is a code fence, everything else a word."""

    def decode(self, ids: list[int]) -> str:
        """Text of ids."""
        return "".join("```" if i == 9 else f" w{i}" for i in ids)


@pytest.mark.parametrize("scheme", [Scheme.RED_GREEN, Scheme.GUMBEL, Scheme.SYNTHID])
def test_generate_with_the_processor_is_detected(scheme: Scheme) -> None:
    """transformers' own generate on a tiny random model, two rows; the other key sees nothing."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=V,
        n_layer=1,
        n_head=2,
        n_embd=16,
        n_positions=300,
        bos_token_id=0,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    key, other = decoy_keys(5, 2, sliced=False)
    processor = MarkProcessor(RingKey(key=key, mark=Mark(scheme=scheme, gamma=0.25)), skip_code=False)
    out = model.generate(
        torch.tensor([[1, 2, 3], [4, 5, 6]]),
        attention_mask=torch.ones(2, 3, dtype=torch.long),
        do_sample=True,
        max_new_tokens=200,
        top_k=0,
        logits_processor=transformers.LogitsProcessorList([processor]),
    )
    pairs = dedup_pairs([row[3:] for row in out.numpy()], 2)
    make: Any = {
        Scheme.RED_GREEN: lambda k: RedGreen(k, 2, 0.25),
        Scheme.GUMBEL: lambda k: Gumbel(k, 2),
        Scheme.SYNTHID: lambda k: SynthID(k, 2),
    }[scheme]
    assert make(key).log10_p(*pairs) < -20
    assert make(other).log10_p(*pairs) > -4


def test_the_processor_leaves_code_sure_tokens_and_repeats_alone() -> None:
    """Step by step, on one row."""
    torch = pytest.importorskip("torch")
    item = RingKey(key=decoy_keys(1, 1)[0], mark=Mark(scheme=Scheme.RED_GREEN, context_width=1, gamma=0.5))
    processor = MarkProcessor(item, tokenizer=Decoder())
    flat = torch.zeros(1, V)
    marked = []
    row = [3]
    for token in (4, 9, 5, 9, 6, 4, 7):
        marked.append(bool((processor(torch.tensor([row]), flat) != flat).any()))
        row.append(token)
    # contexts: 3, 4, then inside the fence, then 9 (its first time as a marked context was in code), 6, 4 again
    assert marked == [True, True, False, False, False, True, False]
    sure = torch.full((1, V), -30.0)
    sure[0, 5] = 30.0
    fresh = MarkProcessor(item, skip_code=False)
    assert (fresh(torch.tensor([[8]]), sure) == sure).all()
    with pytest.raises(RefusalError, match="placeholder"):
        fresh(torch.tensor([[8, -1]]), flat)


# vLLM.


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An engine, the processor with a ring, and a header for each subject."""
    torch = pytest.importorskip("torch")
    known = registry()
    ring = build_ring(known, ROOT, fences=[9])
    write_ring(ring, tmp_path / "ring.json")
    monkeypatch.setenv("HYDRASCOPE_KEY_RING", str(tmp_path / "ring.json"))
    engine = Engine(torch)
    later = int(time.time()) + 60
    headers = {
        key.path.subject: sign_header(ring.gateway_secret, key.key_id, expires_at_s=later)
        for key in known.keys
    }
    keys = {key.path.subject: known.secret(ROOT, key) for key in known.keys}
    return SimpleNamespace(
        torch=torch, engine=engine, processor=HydrascopeMark(None, engine.states), headers=headers, keys=keys
    )


def bias(served: Any, context: Any) -> np.ndarray:
    """What the processor adds to flat logits."""
    flat = served.torch.zeros(len(context.expanded_idx_mapping), V, device=DEVICE)
    return np.asarray(served.processor.apply(flat, context).cpu())


def test_each_request_is_marked_with_the_key_it_names(served: Any) -> None:
    """Two keys, two kinds of mark, one unmarked request, rows in another order than slots."""
    for slot, (prompt, name) in enumerate(
        (([1, 2, 3], "C1"), ([4, 5], "D"), ([6, 7], None), ([1, 2, 3], "C2"))
    ):
        served.engine.enter(slot, prompt)
        assert served.processor.add_request(slot, parameters(served.headers.get(name))) is (name is not None)
    got = bias(served, served.engine.context([3, 2, 0, 1]))
    wide = {"context_width": 2, "gamma": 0.25}
    assert np.allclose(got[0], 2.0 * RedGreen(served.keys["C2"], **wide).green_list([2, 3], V))
    assert not got[1].any()
    assert np.allclose(got[2], 2.0 * RedGreen(served.keys["C1"], **wide).green_list([2, 3], V))
    assert np.allclose(got[3], 1.0 * RedGreen(served.keys["D"], 1, 0.5).green_list([5], V))


def test_drafts_are_part_of_the_context_under_speculative_decoding(served: Any) -> None:
    """Each row sees the committed tokens and the drafts before it, and not those after."""
    served.engine.enter(0, [1, 2, 3])
    served.engine.enter(1, [8, 8, 2])
    served.processor.add_request(0, parameters(served.headers["C1"]))
    served.processor.add_request(1, parameters())
    got = bias(served, served.engine.context([1, 0], {0: [11, 12], 1: [13]}))
    mark = RedGreen(served.keys["C1"], 2, 0.25)
    assert not got[:2].any()
    for row, context in zip(got[2:], ([2, 3], [3, 11], [11, 12]), strict=True):
        assert np.allclose(row, 2.0 * mark.green_list(context, V))


def test_a_recycled_slot_keeps_nothing_of_its_last_request(served: Any) -> None:
    """Neither the key nor tokens beyond the new length."""
    served.engine.enter(0, [1, 2, 3, 4, 5, 6])
    served.processor.add_request(0, parameters(served.headers["C1"]))
    served.engine.enter(0, [1, 2])
    assert not served.processor.add_request(0, parameters())
    assert not bias(served, served.engine.context([0])).any()
    served.processor.add_request(0, parameters(served.headers["C2"]))
    mark = RedGreen(served.keys["C2"], 2, 0.25)
    assert np.allclose(bias(served, served.engine.context([0]))[0], 2.0 * mark.green_list([1, 2], V))


def test_repeats_code_and_sure_tokens_are_left_alone(served: Any) -> None:
    """A context that came before in this answer, an odd number of fences, less than 0.3 nats."""
    served.engine.enter(0, [1, 2])
    served.processor.add_request(0, parameters(served.headers["C1"]))
    marked = []
    for token in (3, 1, 2, 9, 4, 9, 5):
        marked.append(bool(bias(served, served.engine.context([0])).any()))
        served.engine.commit(0, token)
    assert marked == [True, True, True, False, False, False, True]
    sure = served.torch.full((1, V), -30.0, device=DEVICE)
    sure[0, 5] = 30.0
    assert (served.processor.apply(sure.clone(), served.engine.context([0])) == sure).all()


def test_short_contexts_greedy_and_structured_requests_are_left_alone(served: Any) -> None:
    """One token before a width of two; temperature 0; a grammar."""
    served.engine.enter(0, [1])
    assert served.processor.add_request(0, parameters(served.headers["C1"]))
    assert not bias(served, served.engine.context([0])).any()
    assert not served.processor.add_request(0, parameters(served.headers["C1"], temperature=0))
    assert not served.processor.add_request(0, parameters(served.headers["C1"], structured={"json": "{}"}))


def test_masked_tokens_stay_masked(served: Any) -> None:
    """A grammar's minus infinity is not lifted."""
    served.engine.enter(0, [1, 2])
    served.processor.add_request(0, parameters(served.headers["C1"]))
    logits = served.torch.zeros(1, V, device=DEVICE)
    logits[0, :100] = float("-inf")
    out = served.processor.apply(logits, served.engine.context([0]))
    assert served.torch.isinf(out[0, :100]).all()


def test_placeholder_tokens_stop_the_engine_with_the_reason(served: Any) -> None:
    """A -1 in the history would silently lose the mark; on a GPU it is looked for every 64 steps."""
    served.engine.enter(0, [1, 2])
    served.processor.add_request(0, parameters(served.headers["C1"]))
    served.engine.commit(0, -1)
    with pytest.raises(RefusalError, match="placeholders"):
        for _ in range(1 if DEVICE == "cpu" else 64):
            bias(served, served.engine.context([0]))


def test_admission_refuses_forged_stale_and_unknown_headers(served: Any) -> None:
    """As ValueError, which is how the engine fails one request; and the older interface altogether."""
    HydrascopeMark.validate_params(parameters(served.headers["C1"]))
    HydrascopeMark.validate_params(parameters())
    secret = served.processor.ring.gateway_secret
    known = served.headers["C1"].split(".")[1]
    for header in (
        served.headers["C1"][:-1] + "?",
        sign_header(secret, known, expires_at_s=1),
        sign_header(secret, "unknown", expires_at_s=2**40),
        "nonsense",
    ):
        with pytest.raises(ValueError, match=r"header|handle|signature"):
            HydrascopeMark.validate_params(parameters(header))
    with pytest.raises(HydrascopeError, match="Model Runner V2"):
        HydrascopeMark(None, SimpleNamespace(device="cpu"))


def test_text_served_through_the_stand_in_is_detected(served: Any) -> None:
    """300 tokens sampled step by step, then read back with the key; the other cluster sees nothing."""
    torch = served.torch
    torch.manual_seed(1)
    table = (torch.randn(V, V) * 1.2).to(DEVICE)
    served.engine.enter(0, [1, 2])
    served.processor.add_request(0, parameters(served.headers["C1"]))
    last = 2
    for _ in range(300):
        logits = served.processor.apply(table[last][None].clone(), served.engine.context([0]))
        last = int(torch.distributions.Categorical(logits=logits[0]).sample())
        served.engine.commit(0, last)
    tokens = served.engine.states.all_token_ids.gpu[0, 2:302].cpu().numpy()
    pairs = dedup_pairs([tokens], 2)
    assert RedGreen(served.keys["C1"], 2, 0.25).log10_p(*pairs) < -10
    assert RedGreen(served.keys["C0"], 2, 0.25).log10_p(*pairs) > -3
