"""Keys: derivation, roots, and the registry that commits to them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydrascope.errors import ConfigError, InputError, StateError, UsageError
from hydrascope.watermark import TRACE, Key, KeyPath, Level, Mark, decoy_keys, derive_key
from hydrascope.watermark.chain import hash_line
from hydrascope.watermark.keys import create_root, derive_salt, derive_secret, read_root
from hydrascope.watermark.registry import Registry, create_registry, read_registry, verify_commitment

ROOT = bytes(range(32))
AT = datetime(2026, 11, 1, tzinfo=UTC)


def registry(n: int = 5) -> Registry:
    """A registry with `n` cluster keys."""
    subjects = [f"C{i}" for i in range(n)]
    opened = create_registry(ROOT, "demo", at=AT)
    return opened.commit(ROOT, subjects, level=Level.CLUSTER, mark=TRACE, tokenizer="bytes", at=AT)


def test_hkdf_is_that_of_rfc_5869() -> None:
    """A pinned derivation, so that no release ever loses a deployment's keys."""
    assert derive_secret(ROOT, "key", "a", length=16).hex() == "59bd21979b840c4aa87df00c740c23ca"
    key = derive_key(ROOT, KeyPath(deployment="demo", subject="C1", block=0, slot=1))
    assert key.to_bytes().hex() == "dd4e1054361948dab69053a712883ab3241b07ac3965a61301"


def test_every_field_of_a_path_changes_the_key() -> None:
    """Deployment, model, epoch, level, subject, scheme: none is ignored, and none runs into the next."""
    base = KeyPath(deployment="ab", model="c", subject="s")
    others = [
        replace(base, deployment="a", model="bc"),
        replace(base, model="d"),
        replace(base, epoch=1),
        replace(base, level=Level.DEPLOYMENT),
        replace(base, subject="t"),
        replace(base, scheme="red_green/h1/g0.25/siphash"),
        replace(base, block=0),
        replace(base, block=1),
    ]
    keys = [derive_key(ROOT, path) for path in (base, *others)]
    assert len({(key.k0, key.k1) for key in keys}) == len(keys)
    assert derive_key(bytes(32), base) != derive_key(ROOT, base)


def test_slots_share_a_block_but_not_a_handle() -> None:
    """64 keys, one PRF word; the 64-bit handles are their own."""
    paths = [KeyPath(deployment="d", subject=f"C{i}", block=0, slot=i) for i in range(64)]
    keys = [derive_key(ROOT, path) for path in paths]
    assert len({(key.k0, key.k1) for key in keys}) == 1
    assert len({key.handle for key in keys}) == 64
    with pytest.raises(UsageError, match="slot"):
        derive_key(ROOT, replace(paths[0], slot=64))


def test_derived_bits_are_uniform_across_neighbouring_subjects() -> None:
    """4,000 keys: each of the 192 bits is set in half of them, within 5 deviations."""
    keys = [derive_key(ROOT, KeyPath(deployment="d", subject=str(i))) for i in range(4000)]
    rows = np.frombuffer(b"".join(key.to_bytes()[:24] for key in keys), dtype=np.uint8).reshape(-1, 24)
    shares = np.unpackbits(rows, axis=1).mean(axis=0)
    assert np.abs(shares - 0.5).max() < 5 * 0.5 / np.sqrt(len(keys))


def test_account_keys_have_to_be_asked_for() -> None:
    """They link one account's texts, so nothing makes one by accident."""
    path = KeyPath(deployment="d", level=Level.ACCOUNT, subject="a1")
    with pytest.raises(UsageError, match="account keys are off"):
        derive_key(ROOT, path)
    assert derive_key(ROOT, path, per_account=True).name == "account:a1@0"


def test_keys_are_kept_out_of_repr() -> None:
    """A log line must not leak one."""
    key = Key(name="cluster:C1@0", k0=123456789, k1=987654321)
    assert repr(key) == "Key('cluster:C1@0')"


def test_decoys_are_reproducible_and_never_the_real_keys() -> None:
    """Same seed, same decoys; another seed, others."""
    assert decoy_keys(1, 130) == decoy_keys(1, 130)
    assert decoy_keys(1, 3) == decoy_keys(1, 130)[:3]
    assert not {k.k0 for k in decoy_keys(1, 64)} & {k.k0 for k in decoy_keys(2, 64)}
    assert len({k.k0 for k in decoy_keys(1, 64, sliced=False)}) == 64


def test_a_root_comes_from_a_private_file_or_the_environment(tmp_path: Path) -> None:
    """Mode 0600 or nothing; never overwritten; hexadecimal of 128 bits or more."""
    file = tmp_path / "root.hex"
    root = create_root(file)
    assert read_root(file) == root
    assert read_root(environ={"HYDRASCOPE_ROOT_KEY": root.hex()}) == root
    with pytest.raises(UsageError, match="never overwritten"):
        create_root(file)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        read_root(file)
    with pytest.raises(ConfigError, match="no root secret is named"):
        read_root(environ={})
    with pytest.raises(ConfigError, match="no hexadecimal secret"):
        read_root(environ={"HYDRASCOPE_ROOT_KEY": "abc"})
    with pytest.raises(InputError):
        read_root(tmp_path / "nowhere")


def test_a_registry_reads_back_what_was_committed(tmp_path: Path) -> None:
    """Written, read, verified with the root, and every key opens its commitment."""
    file = tmp_path / "reg.jsonl"
    registry().write(file)
    known = read_registry(file)
    assert known.lines == registry().lines
    assert known.verify(ROOT) == 6
    for committed in known.keys:
        key = known.secret(ROOT, committed)
        assert verify_commitment(committed.commitment, key, derive_salt(ROOT, committed.path), committed.path)
    assert ROOT.hex() not in file.read_text()


def test_a_commitment_binds_key_salt_and_path() -> None:
    """None of the three can be exchanged afterwards."""
    known = registry()
    a, b = known.keys[:2]
    key, salt = known.secret(ROOT, a), derive_salt(ROOT, a.path)
    assert not verify_commitment(a.commitment, known.secret(ROOT, b), salt, a.path)
    assert not verify_commitment(a.commitment, key, derive_salt(ROOT, b.path), a.path)
    assert not verify_commitment(a.commitment, key, salt, b.path)


def test_slots_fill_blocks_and_are_never_reused() -> None:
    """Revoked keys keep their place; a new epoch starts over under another block key."""
    known = registry(66)
    assert [(k.path.block, k.path.slot) for k in known.keys[62:]] == [(0, 62), (0, 63), (1, 0), (1, 1)]
    revoked = known.revoke(ROOT, known.find("C65"), at=AT, reason="leaked")
    again = revoked.commit(ROOT, ["C65", "C66"], level=Level.CLUSTER, mark=TRACE, tokenizer="bytes", at=AT)
    new = {key.path.subject: key.path for key in again.keys if key.revoked_at is None}
    assert (new["C65"].epoch, new["C66"].epoch) == (1, 0)
    assert (new["C66"].block, new["C66"].slot) == (1, 2)
    places = [(k.path.epoch, k.path.block, k.path.slot) for k in again.keys]
    assert len(places) == len(set(places))


def test_a_leaked_block_is_revoked_as_a_whole() -> None:
    """The 64 keys of its word, in their epoch, and no others."""
    known = registry(70).rotate(ROOT, at=AT)
    block = known.block_of(known.find("C3")[0])
    assert [key.path.subject for key in block] == [f"C{i}" for i in range(64)]
    assert {key.path.epoch for key in block} == {0}


def test_an_active_key_is_not_doubled() -> None:
    """Committing twice for one subject is refused, also within one call."""
    for subjects in (["C1"], ["N", "N"]):
        with pytest.raises(UsageError, match="active"):
            registry().commit(ROOT, subjects, level=Level.CLUSTER, mark=TRACE, tokenizer="bytes", at=AT)


def test_rotation_retires_and_renews_and_forgets_nothing() -> None:
    """Old keys stay as tests; the new epoch has new secrets."""
    known = registry(3).rotate(ROOT, at=AT)
    assert len(known.keys) == 6
    assert [k.active for k in known.keys] == [False] * 3 + [True] * 3
    assert [k.path.epoch for k in known.keys] == [0] * 3 + [1] * 3
    secrets = [known.secret(ROOT, key) for key in known.keys]
    assert len({(s.k0, s.k1) for s in secrets}) == 2
    assert known.verify(ROOT) == len(known.lines)


def test_another_root_is_refused() -> None:
    """It neither opens commitments nor appends."""
    other = bytes(32)
    with pytest.raises(StateError, match="did not open this registry"):
        registry().commit(other, ["N"], level=Level.CLUSTER, mark=TRACE, tokenizer="bytes", at=AT)
    with pytest.raises(StateError, match="does not open the commitment"):
        registry().secret(other, registry().keys[0])
    with pytest.raises(StateError, match="did not open"):
        registry().verify(other)


def test_a_tail_cut_off_cleanly_is_noticed(tmp_path: Path) -> None:
    """Whole lines removed from the end leave a valid chain, but not the head."""
    file = tmp_path / "reg.jsonl"
    registry().write(file)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-2]))
    with pytest.raises(StateError, match="has 4 lines, its head says 6"):
        read_registry(file)
    Path(f"{file}.head").unlink()
    with pytest.raises(StateError, match="head is missing"):
        read_registry(file)
    with pytest.raises(StateError, match="does not end as its head says"):
        read_registry(file, head=registry().head)


def test_a_rewritten_chain_is_caught_by_the_root_and_by_a_published_head(tmp_path: Path) -> None:
    """Whoever recomputes every hash, and the sidecar, still lacks the root."""
    forged = create_registry(bytes(32), "demo", at=AT)
    line = {**forged.lines[0], "root": registry().lines[0]["root"]}
    body = {k: v for k, v in line.items() if k not in ("hash", "mac")}
    fake = Registry(({**body, "hash": hash_line(body), "mac": line["mac"]},))
    with pytest.raises(StateError, match="not written with the root"):
        fake.verify(ROOT)
    file = tmp_path / "reg.jsonl"
    fake.write(file)
    with pytest.raises(StateError, match="does not end"):
        read_registry(file, head=registry().head)


def test_an_append_to_a_file_that_moved_on_is_refused(tmp_path: Path) -> None:
    """Two writers do not interleave."""
    file = tmp_path / "reg.jsonl"
    known = registry(2)
    known.revoke(ROOT, known.find("C0"), at=AT, reason="first").write(file)
    with pytest.raises(StateError, match="other lines"):
        known.revoke(ROOT, known.find("C1"), at=AT, reason="second").write(file)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_byte_is_refused_at_the_first_broken_line(
    data: st.DataObject, tmp_path: Path
) -> None:
    """Flip, drop, or insert one character, drop or swap lines, cut the end: a StateError with a line, never a key."""
    file = tmp_path / "reg.jsonl"
    for old in (file, Path(f"{file}.head")):
        old.unlink(missing_ok=True)
    registry().write(file)
    text = file.read_text()
    kind = data.draw(st.sampled_from(["flip", "drop", "insert", "line", "swap", "cut"]))
    at = data.draw(st.integers(0, len(text) - 1))
    lines = text.splitlines(keepends=True)
    number = data.draw(st.integers(0, len(lines) - 1))
    if kind == "flip":
        new = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda c: c != text[at]))
        changed = text[:at] + new + text[at + 1 :]
    elif kind == "drop":
        changed = text[:at] + text[at + 1 :]
    elif kind == "insert":
        changed = text[:at] + data.draw(st.sampled_from("0aZ{}\n")) + text[at:]
    elif kind == "line":
        changed = "".join(lines[:number] + lines[number + 1 :])
    elif kind == "swap":
        changed = "".join(lines[number:] + lines[:number])
    else:
        changed = text[:at]
    if changed == text or _same(changed, text):
        return
    file.write_text(changed)
    with pytest.raises(StateError) as caught:
        read_registry(file).verify(ROOT)
    assert caught.value.line is not None or changed == ""


def _same(changed: str, text: str) -> bool:
    """Whether two files hold the same objects, in spite of another blank or an empty line's end."""
    try:
        return [json.loads(x) for x in changed.split("\n") if x] == [
            json.loads(x) for x in text.split("\n") if x
        ] and (changed.endswith("\n"))
    except ValueError:
        return False


def test_marks_refuse_what_they_cannot_do() -> None:
    """Names get the nearest match; widths and shares the list."""
    with pytest.raises(UsageError, match="not a scheme"):
        Mark(scheme="red_gren")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="context width 5"):
        Mark(scheme="red_green", context_width=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="gamma"):
        Mark(scheme="red_green", gamma=0.3)  # type: ignore[arg-type]
    assert Mark(scheme="vllm_gumbel", context_width=16).native  # type: ignore[arg-type]
