"""Reads a findings folder for those who show it to a person.

`campaigns.json` must be there and be whole. Everything else may be absent: without `manifest.json` the run
facts are unknown, without `accounts.parquet` nothing is known of accounts outside campaigns, without
`links.parquet` only the links kept in `campaigns.json` are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hydrascope.errors import FindingsError
from hydrascope.report.shape import CampaignEntry, GraphLink, MemberEntry

__all__ = [
    "FINDINGS_VERSION",
    "AccountRow",
    "Findings",
    "RunFacts",
    "membership",
    "read_account",
    "read_account_ids",
    "read_findings",
    "read_links",
]

FINDINGS_VERSION = 1

RESCAN = "make it again: hydrascope scan LOG... --out {path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What `manifest.json` says of the run; None where it does not."""

    version: str | None = None
    engine: str | None = None
    seed: int | None = None
    n_exchanges: int | None = None
    n_accounts: int | None = None
    n_rejects: int | None = None
    n_files: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    false_alarm_rate: float | None = None
    """Share of false alarms tolerated among what may be acted on automatically."""
    chance_links: float | None = None
    """Share of chance links tolerated among all links."""
    rejects: Mapping[str, int] = field(default_factory=dict)
    """Records not read, by reason."""
    followed: bool = False
    """Whether it went on from earlier findings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account's row of `accounts.parquet`."""

    account_id: str
    campaign_id: str | None = None
    probability: float | None = None
    bits: float | None = None
    enforceable: bool | None = None
    distillation_share: float | None = None
    n_exchanges: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A findings folder: its campaigns, the facts of its run, and where the rest lies."""

    path: Path
    campaigns: tuple[CampaignEntry, ...]
    run: RunFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignsFile:
    """The top of `campaigns.json`."""

    version: Any = None
    campaigns: tuple[CampaignEntry, ...] = ()


def read_findings(path: Path | str) -> Findings:
    """Reads the findings folder at `path`.

    Raises:
        FindingsError: the folder is missing, incomplete, damaged or of another version; the hint says what
            to type next.
    """
    folder = Path(path)
    check_folder(folder)
    campaigns = read_campaigns(folder / "campaigns.json")
    return Findings(path=folder, campaigns=campaigns, run=read_run(folder))


def check_folder(folder: Path) -> None:
    """Refuses what is not a whole findings folder."""
    if not folder.exists():
        raise FindingsError(
            "no such findings folder", file=str(folder), hint="make one: hydrascope scan LOG... --out DIR"
        )
    if not folder.is_dir():
        raise FindingsError(
            "this is a file, not a findings folder",
            file=str(folder),
            hint=f"give the folder that holds it: {folder.parent}",
        )
    if not (folder / "campaigns.json").is_file():
        raise FindingsError(
            "no campaigns.json in it: not a findings folder, or a scan that did not finish",
            file=str(folder),
            hint=f"a scan resumes where it stopped: hydrascope scan LOG... --out {folder}",
        )


def read_campaigns(file: Path) -> tuple[CampaignEntry, ...]:
    """The campaigns of `campaigns.json`, in the file's order."""
    try:
        whole = msgspec.json.decode(file.read_bytes(), type=CampaignsFile)
    except msgspec.DecodeError:
        return read_tolerantly(file)
    check_version(whole.version, file)
    return whole.campaigns


def check_version(version: object, file: Path) -> None:
    """Refuses another version of the format than `FINDINGS_VERSION`."""
    if version != FINDINGS_VERSION:
        raise FindingsError(
            f"version {version!r} of the findings format; this program reads version {FINDINGS_VERSION}",
            file=str(file),
            hint=RESCAN.format(path=file.parent) + ", or use the version of hydrascope that wrote it",
        )


def read_tolerantly(file: Path) -> tuple[CampaignEntry, ...]:
    """The same, slower, with nulls read as absent; what is then still wrong is a `FindingsError`."""
    raw = read_json(file)
    if not isinstance(raw, dict):
        raise FindingsError("not an object", file=str(file), hint=RESCAN.format(path=file.parent))
    check_version(raw.get("version"), file)
    try:
        return msgspec.convert(without_nulls(raw), CampaignsFile, strict=False).campaigns
    except msgspec.ValidationError as error:
        raise FindingsError(
            f"a field is not as expected: {error}", file=str(file), hint=RESCAN.format(path=file.parent)
        ) from None


def read_json(file: Path) -> Any:
    """The decoded file; a damaged one is a `FindingsError`."""
    try:
        return msgspec.json.decode(file.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FindingsError(
            f"damaged or cut off ({error})", file=str(file), hint=RESCAN.format(path=file.parent)
        ) from None


def without_nulls(value: Any) -> Any:
    """The same JSON with null fields left out, so that each reads as its default."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value if v is not None]
    return value


def read_run(folder: Path) -> RunFacts:
    """The facts of the run, from the manifest and, where it is silent, from `accounts.parquet`."""
    file = folder / "manifest.json"
    raw = read_json(file) if file.is_file() else {}
    facts = facts_of(raw if isinstance(raw, dict) else {})
    if facts.n_exchanges is not None and facts.n_accounts is not None:
        return facts
    n_accounts, n_exchanges = count_accounts(folder)
    return replace(
        facts,
        n_accounts=n_accounts if facts.n_accounts is None else facts.n_accounts,
        n_exchanges=n_exchanges if facts.n_exchanges is None else facts.n_exchanges,
    )


def facts_of(raw: Mapping[str, Any]) -> RunFacts:
    """What a manifest says, in whichever of the usual places it says it."""
    rates = part(raw, "error_rates")
    files = raw.get("inputs") or []
    rejects = counts(raw.get("rejects"))

    def number(*names: str) -> Any:
        values = (source.get(n) for source in (raw, part(raw, "settings")) for n in names)
        return next((v for v in values if isinstance(v, int | float) and not isinstance(v, bool)), None)

    n_rejects = number("n_rejects")
    return RunFacts(
        version=text_or_none(raw.get("hydrascope")),
        engine=text_or_none(raw.get("engine")),
        seed=number("seed"),
        n_exchanges=number("exchanges", "n_exchanges"),
        n_accounts=number("accounts", "n_accounts"),
        n_rejects=n_rejects
        if n_rejects is not None
        else (sum(rejects.values()) if "rejects" in raw else None),
        n_files=len(files) or None,
        first_seen=moment(raw.get("first_seen")),
        last_seen=moment(raw.get("last_seen")),
        false_alarm_rate=number("false_alarm_rate") or number_in(part(rates, "enforcement"), "q_value"),
        chance_links=number_in(part(rates, "links"), "max_null_share"),
        rejects=rejects,
        followed=(number_in(part(rates, "online"), "run") or 0) > 1,
    )


def counts(value: Any) -> dict[str, int]:
    """Counts by reason, largest first; empty where the manifest gives none."""
    if not isinstance(value, dict):
        return {}
    found = {str(k): int(v) for k, v in value.items() if isinstance(v, int | float)}
    return dict(sorted(found.items(), key=lambda kv: (-kv[1], kv[0])))


def part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside a manifest; empty where it has none."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def number_in(raw: Mapping[str, Any], name: str) -> float | None:
    """A number inside a manifest's object."""
    value = raw.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def text_or_none(value: Any) -> str | None:
    """The value as text, None for None."""
    return None if value is None else str(value)


def moment(value: Any) -> datetime | None:
    """An ISO time as UTC; None where it is absent or is not one."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def count_accounts(folder: Path) -> tuple[int | None, int | None]:
    """Accounts and exchanges of the whole log, from `accounts.parquet`; None without it."""
    file = folder / "accounts.parquet"
    if not file.is_file():
        return None, None
    table = open_parquet(file, columns=["n_exchanges"])
    return table.num_rows, pc.sum(table["n_exchanges"]).as_py()


def membership(findings: Findings, name: str) -> tuple[CampaignEntry | None, MemberEntry | None]:
    """The campaign that an account belongs to, and its place in it."""
    for campaign in findings.campaigns:
        for member in campaign.members:
            if member.account_id == name:
                return campaign, member
    return None, None


def read_account(findings: Findings, account_id: str) -> AccountRow | None:
    """The row of an account of the log; None where the log has no such account or the file is absent."""
    file = findings.path / "accounts.parquet"
    if not file.is_file():
        return None
    rows = open_parquet(file, filters=pc.field("account_id") == account_id).to_pylist()
    known = AccountRow.__dataclass_fields__
    return AccountRow(**{k: v for k, v in rows[0].items() if k in known}) if rows else None


def read_account_ids(findings: Findings) -> list[str]:
    """Every account that the folder knows, sorted."""
    file = findings.path / "accounts.parquet"
    ids = {m.account_id for c in findings.campaigns for m in c.members}
    if file.is_file():
        ids.update(open_parquet(file, columns=["account_id"])["account_id"].to_pylist())
    return sorted(ids)


def read_links(findings: Findings, accounts: Iterable[str], *, both: bool = False) -> list[GraphLink]:
    """The links of `links.parquet` that touch any of `accounts` (`both`: join two of them), strongest first."""
    file = findings.path / "links.parquet"
    if not file.is_file():
        return []
    ids = pa.array(sorted(set(accounts)), pa.string())
    a, b = pc.field("account_a").isin(ids), pc.field("account_b").isin(ids)
    table = open_parquet(file, filters=(a & b) if both else (a | b))
    links = [link_of(row) for row in table.to_pylist()]
    return sorted(links, key=lambda link: (-link.bits, link.account_a, link.account_b))


def link_of(row: Mapping[str, Any]) -> GraphLink:
    """A row of `links.parquet` as a link."""
    return GraphLink(
        account_a=row["account_a"],
        account_b=row["account_b"],
        bits=row.get("bits") or 0.0,
        surprise=row.get("surprise"),
        families=dict(row.get("families") or ()),
        sentences=tuple(row.get("sentences") or ()),
    )


def open_parquet(file: Path, **options: Any) -> pa.Table:
    """The table in `file`; a damaged one is a `FindingsError`."""
    try:
        return pq.read_table(file, **options)
    except (pa.ArrowInvalid, OSError) as error:
        raise FindingsError(
            f"damaged, or not the parquet file expected ({str(error).splitlines()[0]})",
            file=str(file),
            hint=RESCAN.format(path=file.parent),
        ) from None
