from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.commitments import CommitmentTable
from accounting.config import BigQueryTable, ConfigFile, LakeTable, decode, load_config, read_toml, write_project
from accounting.currencies import RatesTable
from accounting.errors import InputError
from accounting.grid import GridTable
from accounting.policy import Policy, PolicyKeys, base_policy, duration_ms, in_force, timeline


def write(folder: Path, text: str, name: str = "chipledger.toml") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def uncommented(text: str) -> str:
    return re.sub(
        r"(?m)^# (?=[A-Za-z0-9_]+ = |\[bigquery\]|\[rates\]|\[\[rates|\[\[grid|\[\[commitment|\[\[billing)", "", text
    )


def test_defaults(project: Path) -> None:
    config = load_config(project)

    assert config.folder == project
    assert config.lake == project / "lake"
    assert config.keep_days == 30
    assert config.zones == {"gcp": "America/Los_Angeles"}
    assert config.aliases == {}
    assert config.policies == (Policy(name="chipledger.toml"),)


def test_the_written_file_shows_every_key_with_its_default(project: Path) -> None:
    tables = tomllib.loads(uncommented((project / "chipledger.toml").read_text("utf-8")))
    raw = decode(ConfigFile, tables, "chipledger.toml")

    assert set(tables) == set(ConfigFile.__struct_fields__)
    assert set(tables["lake"]) == set(LakeTable.__struct_fields__)
    assert raw.lake == LakeTable()
    assert set(tables["bigquery"]) == set(BigQueryTable.__struct_fields__)
    assert raw.bigquery == BigQueryTable(project="my-project", dataset="chipledger")
    assert raw.rates is not None
    assert set(tables["rates"]) == set(RatesTable.__struct_fields__)
    assert raw.rates.currency == "USD"
    assert set(tables["grid"][0]) == {info.encode_name for info in msgspec.structs.fields(GridTable)}
    keys = {info.encode_name for info in msgspec.structs.fields(CommitmentTable)}
    assert set(tables["commitment"][0]) == keys
    assert set(tables["policy"]) == set(PolicyKeys.__struct_fields__)
    assert base_policy(raw.policy, "x") == Policy(name="x")


def test_bigquery_is_in_force_where_it_is_asked_for(tmp_path: Path) -> None:
    wanted = BigQueryTable(project="p-1", dataset="gpu", location="EU", endpoint="http://127.0.0.1:9050")
    write_project(tmp_path / "with", wanted)
    write_project(tmp_path / "without")

    assert load_config(tmp_path / "with").bigquery == wanted
    assert load_config(tmp_path / "without").bigquery is None


def test_the_policies_readme_holds_a_policy_that_loads(project: Path) -> None:
    readme = (project / "policies" / "README.md").read_text("utf-8")
    example = re.search(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert example
    write(project, example[1], "policies/2025-02.toml")

    dated = load_config(project).policies[1]

    assert (dated.start_ms, dated.idle_after_ms, dated.idle) == (1_738_368_000_000, 300_000, "usage")
    assert all(f"`{key}`" in readme for key in PolicyKeys.__struct_fields__)


def test_an_existing_project_is_not_overwritten(project: Path) -> None:
    file = write(project, "# mine\n")

    with pytest.raises(InputError, match="exists already"):
        write_project(project)

    assert file.read_text("utf-8") == "# mine\n"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    write(tmp_path, "", "taken")

    with pytest.raises(InputError, match="taken: is not a folder"):
        write_project(tmp_path / "taken")


def test_the_current_folder_is_the_default(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)

    assert load_config(None) == load_config(project) == load_config(project / "chipledger.toml")


def test_no_project_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"chipledger\.toml: not found; run `chipledger init DIR`"):
        load_config(tmp_path)


def test_all_keys(tmp_path: Path) -> None:
    text = """
    lake = { path = "/data/lake", keep_days = 0 }
    billing = { gcp = { zone = "America/Los_Angeles" }, dc1 = { zone = "Asia/Kolkata" } }
    accelerators = { "gpu-large" = "H100-80GB" }
    [policy]
    platform_team = "infra"
    active_above = 2.5
    idle_after = 90
    hold = "2m"
    idle = "evenly"
    unallocated = "platform"
    """

    config = load_config(write(tmp_path, text))

    assert (config.lake, config.keep_days) == (Path("/data/lake"), 0)
    assert config.zones == {"gcp": "America/Los_Angeles", "dc1": "Asia/Kolkata"}
    assert config.aliases == {"gpu-large": "H100-80GB"}
    assert config.policies == (
        Policy(
            name="chipledger.toml",
            platform_team="infra",
            active_above_ppm=25_000,
            idle_after_ms=90_000,
            hold_ms=120_000,
            idle="evenly",
            unallocated="platform",
        ),
    )


BAD = [
    ("lake = 3", r"chipledger\.toml: lake: Expected `object`, got `int`"),
    ("[lake]\nkeep_days = -1", r"chipledger\.toml: lake\.keep_days: Expected `int` >= 0"),
    ("[lake]\nkeepdays = 1", r"chipledger\.toml: lake\.keepdays: unknown key; did you mean keep_days\?"),
    ("[lakes]", r"chipledger\.toml: lakes: unknown key; did you mean lake\?"),
    ("zzz = 1", r"chipledger\.toml: zzz: unknown key; remove it"),
    ("[billing.gcp]\nzone = 'Europe/Berln'", r"billing\.gcp\.zone: 'Europe/Berln' is not a time zone; .*Europe/Berlin"),
    ("[[billing.gcp.overhead]]\nmatch = '*'", r"billing\.gcp\.overhead 1: needs `by` or `team`, and not both"),
    ("[[billing.gcp.overhead]]\nmatch = '*'\nby = 'cost'\nteam = 'x'", r"needs `by` or `team`, and not both"),
    (
        "[[billing.gcp.overhead]]\nmatch = '*'\nby = 'luck'",
        r"overhead\[0\]\.by: 'luck' is not known: write one of cost, time, platform",
    ),
    ("[billing.gcp]\nzone = '../etc'", r"billing\.gcp\.zone: '\.\./etc' is not a time zone"),
    ("[billing.gcp]\nzone = 'America'", r"billing\.gcp\.zone: 'America' is not a time zone"),
    ("[policy]\nidle = 'nobody'", r"chipledger\.toml: policy\.idle: 'nobody' is not known: write one of holder, usage"),
    ("[policy]\nidle_after = '5 minutes'", r"policy\.idle_after: '5 minutes' is not a duration; write"),
    ("[policy]\nidle_after = -5", r"policy\.idle_after: Expected `int` >= 0"),
    ("[policy]\nidle_after = true", r"policy\.idle_after: Expected `int \| str"),
    ("[policy]\nhold = '0'", r"policy\.hold: must be longer than 0"),
    ("[policy]\nactive_above = 100", r"policy\.active_above: 100 is not a percentage"),
    ("[policy]\nactive_above = nan", r"policy\.active_above: NaN is not a percentage"),
    ("[policy]\nactive_above = 0.00001", r"policy\.active_above: 0\.00001 is not a percentage"),
    ("[policy]\nplatform_team = ''", r"policy\.platform_team: Expected `str` of length >= 1"),
    ("[lake", r"chipledger\.toml: is not valid TOML: Expected"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_files_name_the_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        load_config(write(tmp_path, text))

    assert "\n" not in str(raised.value)


def test_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "chipledger.toml"
    file.write_bytes(b"# \xff")

    with pytest.raises(InputError, match="is not UTF-8 at byte 2"):
        load_config(file)


def test_a_folder_cannot_be_read_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_toml(tmp_path)


def test_dated_policies_inherit_in_order_of_their_start(tmp_path: Path) -> None:
    write(tmp_path, "[policy]\nplatform_team = 'infra'\nhold = '2m'\n")
    write(tmp_path, "from = 2025-03-01\n[policy]\nhold = 'auto'\n", "policies/a.toml")
    write(tmp_path, "from = 2025-02-01T00:00:00+05:30\n[policy]\nidle = 'usage'\n", "policies/b.toml")

    base, second, third = load_config(tmp_path).policies

    assert (base.name, base.start_ms, base.idle) == ("chipledger.toml", None, "holder")
    assert (second.name, second.start_ms, second.idle) == ("policies/b.toml", 1_738_348_200_000, "usage")
    assert (third.name, third.start_ms, third.idle) == ("policies/a.toml", 1_740_787_200_000, "usage")
    assert [p.hold_ms for p in (base, second, third)] == [120_000, 120_000, None]
    assert {p.platform_team for p in (base, second, third)} == {"infra"}


BAD_DATED = [
    ("[policy]\nidle = 'usage'", r"policies/b\.toml: from: is missing: add `from = …`"),
    ("from = '2025-02-01'", r"policies/b\.toml: from: '2025-02-01' is not a date; .* without quotes"),
    ("from = 2025-02-01T00:00:00", r"policies/b\.toml: from: 2025-02-01T00:00:00 has no offset"),
    ("from = 2025-02-01T00:00:00.0005Z", r"policies/b\.toml: from: .* finer than a millisecond"),
    ("from = 2025-01-01T00:00:00Z", r"policies/b\.toml: from: the same instant as in policies/a\.toml"),
    ("from = 2025-02-01\n[policy]\nidle_afer = 1", r"policies/b\.toml: policy\.idle_afer: unknown key; .* idle_after"),
    ("from = 2025-02-01\n[policy]\nhold = '1.5h'", r"policies/b\.toml: policy\.hold: '1\.5h' is not a duration"),
    ("from = 2025-02-01\nidle = 'usage'", r"policies/b\.toml: idle: unknown key"),
]


@pytest.mark.parametrize(("text", "message"), BAD_DATED)
def test_bad_policies_name_file_and_key(project: Path, text: str, message: str) -> None:
    write(project, "from = 2025-01-01\n", "policies/a.toml")
    write(project, text, "policies/b.toml")

    with pytest.raises(InputError, match=message):
        load_config(project)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        (0, 0),
        ("60s", 60_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("250ms", 250),
        (45, 45_000),
    ],
)
def test_durations(text: str | int, expected: int) -> None:
    assert duration_ms(text, "here") == expected


@given(starts=st.lists(st.integers(-(10**12), 10**13), unique=True, max_size=5), at=st.integers(-(10**12), 10**13))
def test_in_force_is_the_latest_that_has_begun(starts: list[int], at: int) -> None:
    policies = [Policy(name="base"), *(Policy(name=str(start), start_ms=start) for start in sorted(starts))]

    found = policies[in_force(policies, at)]

    begun = [start for start in starts if start <= at]
    assert found.start_ms == max(begun, default=None)


def test_the_digest_is_of_what_changes_numbers() -> None:
    base = base_policy(PolicyKeys(), "chipledger.toml")

    assert base.digest == base_policy(PolicyKeys(idle_after="1m"), "other.toml").digest
    assert base.digest != base_policy(PolicyKeys(idle_after="0"), "chipledger.toml").digest
    assert timeline(base, []) == (base,)
