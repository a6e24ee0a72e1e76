"""What the operator has decided beforehand: allow-lists stop enforcement, indicators are shown, policy is obeyed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scanning import FAST, accused, campaigns, documents, scan_paths, scan_world
from worlds import World

from hydrascope.campaigns.judge import EnforcementSettings
from hydrascope.errors import ConfigError, UsageError
from hydrascope.pipeline import ScanSettings
from hydrascope.pipeline.control import Allow, Control, read_control, without_allowed
from hydrascope.schema import ACCOUNTS

EAGER = replace(
    FAST.detect,
    enforcement=EnforcementSettings(probability=0.6, q_value=0.2, min_members=3, max_innocent=0.4),
)
"""A policy under which the small world's campaign is enforceable."""


def write_control(tmp_path: Path, text: str) -> Path:
    """A control file."""
    path = tmp_path / "control.toml"
    path.write_text(text)
    return path


def scan_under(control: str, side: Path, tmp_path: Path) -> Path:
    """Findings under a control file and an eager policy."""
    scan_paths(
        [side / "log.parquet"],
        tmp_path / "out",
        side,
        detect=EAGER,
        control=read_control(write_control(tmp_path, control)),
    )
    return tmp_path / "out"


def enforceable(folder: Path) -> set[str]:
    """Accounts that may be acted on."""
    return {
        r["account_id"] for r in pq.read_table(folder / "accounts.parquet").to_pylist() if r["enforceable"]
    }


def test_without_a_list_the_campaign_is_enforceable(world: World, side: Path, tmp_path: Path) -> None:
    """And an indicator that others shared is found among its members."""
    folder = scan_under('[indicators]\ntls_fingerprint = ["t13d-campaign", "t13d-none"]\n', side, tmp_path)
    assert enforceable(folder) == world.campaign
    (document,) = [d for d in documents(folder) if d["verdict"] == "distillation"]
    assert document["indicators"] == [{"kind": "tls_fingerprint", "value": "t13d-campaign", "n_accounts": 24}]


def test_an_allowed_account_is_never_acted_on(world: World, side: Path, tmp_path: Path) -> None:
    """It stays in the campaign; the others stay enforceable."""
    folder = scan_under('[allow]\naccounts = ["camp003", "not in the log"]\n', side, tmp_path)
    assert accused(folder) == world.campaign
    assert enforceable(folder) == world.campaign - {"camp003"}


@pytest.mark.parametrize(
    "allow",
    ['addresses = ["198.51.100.0/24"]', 'addresses = ["0.0.0.0/0", "::/0"]'],
    ids=["pool", "everywhere"],
)
def test_an_allowed_address_stops_enforcement(side: Path, tmp_path: Path, allow: str) -> None:
    """A campaign that is mostly allow-listed is shown, and nobody in it is acted on."""
    folder = scan_under(f"[allow]\n{allow}\n", side, tmp_path)
    assert not enforceable(folder)
    assert [c["verdict"] for c in campaigns(folder)].count("distillation") == 1
    assert not any(c["enforceable"] for c in campaigns(folder))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[alow]\n", "did you mean 'allow'?"),
        ("[allow]\naddreses = []\n", "did you mean 'addresses'?"),
        ('[indicators]\nclient_ips = ["192.0.2.1"]\n', "did you mean 'client_ip'?"),
        ('[allow]\naddresses = ["192.0.2.300"]\n', "write 192.0.2.7 or 192.0.2.0/24"),
        ("[policy]\nprobabilty = 0.9\n", "did you mean 'probability'?"),
        ("[policy\n", "not valid TOML"),
    ],
)
def test_a_slip_in_the_control_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    """File, place and the nearest known name."""
    path = write_control(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_control(path)
    assert says in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '[allow]\naccounts = "camp003"\n',
        "[allow]\norganizations = [7]\n",
        '[indicators]\nclient_ip = "192.0.2.1"\n',
        '[policy]\nprobability = "high"\n',
        '[regions]\nserved = "US"\n',
        "allow = 3\n",
    ],
)
def test_a_value_of_the_wrong_type_is_refused(tmp_path: Path, text: str) -> None:
    """A string where a list belongs would otherwise be read letter by letter."""
    with pytest.raises(ConfigError):
        read_control(write_control(tmp_path, text))


def test_unknown_names_in_settings_are_refused(side: Path, tmp_path: Path) -> None:
    """Engine, evidence family or channel: the nearest name is the hint."""
    with pytest.raises(UsageError, match="duckdb"):
        scan_paths([side / "log.parquet"], tmp_path / "out", engine="duckdbb")
    with pytest.raises(UsageError, match="content"):
        scan_paths([side / "log.parquet"], tmp_path / "out", disabled_families=frozenset({"contnet"}))


@pytest.mark.parametrize(
    "family", ["identity", "egress", "client", "content", "configuration", "timing", "lifecycle"]
)
def test_a_family_that_must_not_be_used_adds_nothing(side: Path, tmp_path: Path, family: str) -> None:
    """Neither to a member's bits nor to a link."""
    scan_paths([side / "log.parquet"], tmp_path / "out", side, disabled_families=frozenset({family}))
    for document in documents(tmp_path / "out"):
        assert all(family not in member["families"] for member in document["members"])
    links = pq.read_table(tmp_path / "out" / "links.parquet").to_pylist()
    assert all(family not in dict(link["families"]) for link in links)


def test_settings_are_frozen() -> None:
    """A scan cannot change what it was told."""
    with pytest.raises(AttributeError):
        ScanSettings().seed = 3  # type: ignore[misc]


def test_a_declared_account_is_left_to_a_person(world: World, tmp_path: Path) -> None:
    """It may be in a campaign that is acted on; automation spares it, since somebody knows whom to ask."""
    known = [{**a, "declared": "reseller"} if a["account_id"] == "camp005" else a for a in world.accounts]
    folder = scan_world(replace(world, accounts=known), tmp_path, detect=EAGER)
    rows = {r["account_id"]: r for r in pq.read_table(folder / "accounts.parquet").to_pylist()}
    assert rows["camp005"]["campaign_id"] == rows["camp006"]["campaign_id"] is not None
    assert rows["camp006"]["enforceable"] and not rows["camp005"]["enforceable"]


def test_allowed_accounts_stand_by_for_nobody() -> None:
    """Listed by themselves or by their organization; one without an organization is not."""
    rows = [{"account_id": "a"}, {"account_id": "b", "organization_id": "org"}, {"account_id": "c"}]
    accounts = pa.Table.from_pylist(rows, schema=ACCOUNTS)
    control = Control(allow=Allow(accounts=("a",), organizations=("org",)))
    assert without_allowed(control, accounts)["account_id"].to_pylist() == ["c"]
    assert without_allowed(Control(), accounts) == accounts
