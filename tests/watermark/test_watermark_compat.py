"""Readers against the libraries that make the marks: pinned values always, the libraries where installed.

The pinned values were printed by transformers 5.23.0 with torch 2.13.0 and by the Philox source of vLLM 0.33.0.
"""

from __future__ import annotations

import numpy as np
import pytest

from hydrascope.errors import RefusalError, UsageError
from hydrascope.watermark import Mark, Scheme, decoy_keys, dedup_pairs
from hydrascope.watermark.adapters.engine_config import engine_config
from hydrascope.watermark.pairs import windows
from hydrascope.watermark.schemes.hf_kgw import HfRedGreen
from hydrascope.watermark.schemes.hf_synthid import HfSynthID, hf_synthid_keys
from hydrascope.watermark.schemes.synthid import tournament
from hydrascope.watermark.schemes.vllm_philox import dual_keys, philox_uniforms
from hydrascope.watermark.score import score_keys

LEFT_11 = [0, 2, 4, 7, 9, 13, 18, 20, 24, 25, 26, 27, 33, 35, 37, 38, 52, 59, 65, 74, 86, 93, 94, 95]
SELF_7_19 = [
    *(3, 8, 9, 10, 12, 19, 20, 21, 23, 27, 28, 30, 37, 39, 40),
    *(45, 56, 59, 62, 67, 71, 79, 82, 84, 85, 86, 92, 94, 96),
]
SYNTHID = [[0, 0, 1, 0], [1, 1, 0, 1], [0, 1, 1, 1], [0, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0]]
PHILOX = {
    (42, (1, 2, 3, 4)): [
        0.5361072421073914,
        0.6940827369689941,
        0.22023026645183563,
        0.7877641320228577,
        0.007195889484137297,
    ],
    (2**64 - 1, (-1, -1, 7)): [
        0.7854555249214172,
        0.876554012298584,
        0.8750048279762268,
        0.4712936580181122,
        0.6058987379074097,
    ],
    (0x123456789ABCDEF0, (9, 8, 7, 6, 5)): [
        0.7773197889328003,
        0.14169178903102875,
        0.7760828733444214,
        0.3727538287639618,
        0.43987998366355896,
    ],
}


def test_transformers_lists_are_rebuilt_as_pinned() -> None:
    """Lefthash and selfhash, whole vocabulary."""
    vocabulary = np.arange(97)
    left = HfRedGreen(15485863, 97, 0.25)
    assert vocabulary[left.green([[11]] * 97, vocabulary)].tolist() == LEFT_11
    selfhash = HfRedGreen(987654321, 97, 0.25, seeding="selfhash", width=3)
    assert vocabulary[selfhash.green([[7, 19]] * 97, vocabulary)].tolist() == SELF_7_19


def test_transformers_synthid_bits_are_as_pinned() -> None:
    """Also past 65,536, where that format wraps around."""
    mark = HfSynthID(keys=(654, 400, 836, 123), ngram_len=3)
    context, token = windows([1, 5, 9, 2, 40000, 65537, 7, 7], 2)
    assert mark.bits(mark.hashes(context, token)).tolist() == SYNTHID


@pytest.mark.parametrize(("key", "context"), list(PHILOX))
def test_vllm_uniforms_are_as_pinned(key: int, context: tuple[int, ...]) -> None:
    """Padding, two context blocks, and every one of the four output words."""
    got = philox_uniforms(key, [context] * 5, [0, 1, 2, 3, 150000])
    assert got.tolist() == PHILOX[key, context]


def test_vllm_dual_keys_are_two_digests_of_one_key() -> None:
    """SHA-256 of a domain and the key, first eight bytes."""
    assert len(set(dual_keys(42))) == 2
    assert all(0 <= key < 2**64 for key in dual_keys(2**64 - 1))


def test_contexts_that_no_key_changes_are_not_counted() -> None:
    """Token 0 as a lefthash context seeds one list for all keys."""
    a, b = (HfRedGreen(key, 97, 0.25) for key in (3, 5))
    assert (a.green([[0]] * 97, range(97)) == b.green([[0]] * 97, range(97))).all()
    assert a.keyed([[0], [1]]).tolist() == [False, True]


def test_pairs_that_draw_the_same_bits_are_counted_once() -> None:
    """Token ids that agree modulo 65,536 are one input of that format."""
    mark = HfSynthID(keys=hf_synthid_keys(7))
    contexts = [[1, 2, 3, 4], [1 + 65536, 2, 3, 4], [9, 2, 3, 4]]
    assert len(mark.classes(contexts, [5, 5, 5])) == 2
    assert mark.mean_score(contexts, [5, 5, 5])[1] == 2


def test_configs_are_read_and_wrong_ones_named() -> None:
    """Misspelled fields, keys that are missing, tokens of another vocabulary."""
    with pytest.raises(UsageError, match="greenlist_ration"):
        HfRedGreen.from_config({"greenlist_ration": 0.5}, 97)
    with pytest.raises(UsageError, match="SynthID mark needs keys"):
        HfSynthID.from_config({"ngram_len": 5})
    with pytest.raises(RefusalError, match="outside a vocabulary"):
        HfRedGreen(3, 97).green([[1]], [97])


@pytest.mark.parametrize(
    ("seeding", "width"), [("lefthash", 1), ("lefthash", 3), ("selfhash", 2), ("selfhash", 4)]
)
def test_transformers_agrees_list_by_list(seeding: str, width: int) -> None:
    """200 random tokens, default key and another."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    ids = np.random.default_rng(width).integers(1, 5000, 200)
    for key in (15485863, 987654321):
        config = transformers.WatermarkingConfig(seeding_scheme=seeding, context_width=width, hashing_key=key)
        theirs = transformers.WatermarkLogitsProcessor(vocab_size=5000, device="cpu", **config.to_dict())
        mine = HfRedGreen.from_config(config.to_dict(), 5000)
        context, token = windows(ids, mine.pair_width)
        for row, t, green in zip(context.tolist(), token.tolist(), mine.green(context, token), strict=True):
            seen = torch.tensor([*row, t] if seeding == "selfhash" else row)
            assert bool(t in theirs._get_greenlist_ids(seen)) == green


@pytest.mark.parametrize("scheme", [Scheme.HF_KGW, Scheme.HF_SYNTHID])
def test_text_that_transformers_marks_with_a_committed_key_is_found(scheme: Scheme) -> None:
    """generate(watermarking_config=...) with the configuration of a key, on a tiny random model."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    sizes = {"vocab_size": 300, "n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 300}
    config = transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=None, pad_token_id=0)
    model = transformers.GPT2LMHeadModel(config).eval()
    mark = Mark(scheme=scheme, context_width=1 if scheme is Scheme.HF_KGW else 4)
    keys = decoy_keys(3, 6, sliced=False)
    make = transformers.WatermarkingConfig
    if scheme is Scheme.HF_SYNTHID:
        make = transformers.SynthIDTextWatermarkingConfig
    out = model.generate(
        torch.tensor([[1, 2, 3, 4, 5]] * 3),
        attention_mask=torch.ones(3, 5, dtype=torch.long),
        do_sample=True,
        max_new_tokens=200,
        top_k=0,
        watermarking_config=make(**engine_config(mark, keys[2])),
    )
    pairs = dedup_pairs([row[5:] for row in out.numpy()], mark.context_width)
    log10_p = score_keys(mark, keys, *pairs, n_vocabulary=300).log10_p
    assert int(np.argmin(log10_p)) == 2
    assert log10_p[2] < -8
    assert np.delete(log10_p, 2).min() > -3


def test_only_engine_native_marks_have_an_engine_configuration() -> None:
    """Ours go through adapters; the engines' own fields are as they name them."""
    key = decoy_keys(0, 1)[0]
    assert engine_config(Mark(scheme=Scheme.VLLM_GUMBEL, context_width=4), key) == {
        "algorithm": "gumbel",
        "key": key.handle,
        "context_width": 4,
    }
    assert engine_config(Mark(scheme=Scheme.VLLM_RED_GREEN), key)["algorithm"] == "red_green"
    assert engine_config(Mark(scheme=Scheme.HF_KGW, context_width=1), key)["hashing_key"] < 2**63
    assert len(engine_config(Mark(scheme=Scheme.HF_SYNTHID), key)["keys"]) == 30
    with pytest.raises(UsageError, match="not made by an engine"):
        engine_config(Mark(scheme=Scheme.RED_GREEN), key)


@pytest.mark.parametrize("ngram_len", [2, 3, 5])
def test_transformers_agrees_on_synthid(ngram_len: int) -> None:
    """Bits of a text, and the tournament on logits."""
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    config = transformers.SynthIDTextWatermarkingConfig(keys=list(hf_synthid_keys(9)), ngram_len=ngram_len)
    arguments = {k: v for k, v in config.to_dict().items() if k != "watermarking_type"}
    theirs = transformers.SynthIDTextWatermarkLogitsProcessor(**arguments, device="cpu")
    mine = HfSynthID.from_config(config.to_dict())
    ids = torch.tensor(rng.integers(0, 150_000, (1, 300)))
    context, token = windows(ids[0].numpy(), mine.pair_width)
    assert (theirs.compute_g_values(ids)[0].numpy() == mine.bits(mine.hashes(context, token))).all()
    logits, bits = torch.tensor(rng.normal(size=(1, 200))), torch.tensor(rng.integers(0, 2, (1, 200, 30)))
    assert np.allclose(theirs.update_scores(logits, bits)[0], tournament(logits[0], bits[0]))
