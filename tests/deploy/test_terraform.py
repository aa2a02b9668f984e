"""What Terraform makes in Google Cloud: every part may do its work and no more; no team sees another's rows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest

from accounting.inbox import QUARANTINE
from accounting.tables import RESULTS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "terraform"
PLAIN = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
ACCOUNTS = {"agent", "pipeline", "dashboard"}
DATASETS = {"views", "input", "store"}
GUIDE = ROOT / "docs" / "bigquery.md"

Body = dict[str, Any]

needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")


@cache
def files() -> dict[str, Body]:
    return {f.name: hcl2.loads(f.read_text("utf-8"), serialization_options=PLAIN) for f in sorted(FOLDER.glob("*.tf"))}


def blocks(kind: str) -> list[Body]:
    return [block for file in files().values() for block in file.get(kind, [])]


def named(kind: str) -> dict[str, Body]:
    """Blocks with one label, such as variables, by that label."""
    return {name: body for block in blocks(kind) for name, body in block.items()}


def resources(kind: str) -> dict[str, Body]:
    return {name: body for block in blocks("resource") for name, body in block.get(kind, {}).items()}


def local(name: str) -> str:
    (found,) = [block[name] for block in blocks("locals") if name in block]
    return str(found)


def references(value: object, kind: str) -> set[str]:
    """Names of the resources of that type, or of variables (`var`), that a value refers to."""
    return set(re.findall(rf"\b{kind}\.(\w+)", json.dumps(value)))


def access(dataset: str) -> set[tuple[str, str]]:
    """Who has which role on a dataset."""
    body = resources("google_bigquery_dataset")[dataset]
    entries = [*body["access"], *(c for d in body.get("dynamic", []) for c in d["access"]["content"])]
    return {(str(e.get("role", "views of")), principal(e)) for e in entries}


def principal(entry: Body) -> str:
    """An account, `projectOwners`, `access.value` (each of the for_each), or the dataset whose views may read."""
    found = references(entry, "google_service_account") | references(entry, "google_bigquery_dataset")
    assert len(found) <= 1, entry
    return found.pop() if found else str(entry.get("special_group") or entry["group_by_email"])


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1"}
    command = ["terraform", f"-chdir={folder}", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def apply(folder: Path, **variables: object) -> subprocess.CompletedProcess[str]:
    """Terraform's own answer for variables and locals; without a resource it needs no provider and no network."""
    shutil.copy(FOLDER / "variables.tf", folder)
    values = {name: value for block in blocks("locals") for name, value in block.items()}
    outputs = {name: {"value": f"${{local.{name}}}"} for name in ("protected", "readers", "team_rows")}
    used = {name: {"value": f"${{var.{name}}}"} for name in named("variable")}
    (folder / "locals.tf.json").write_text(json.dumps({"locals": values, "output": outputs | used}))
    (folder / "terraform.tfvars.json").write_text(json.dumps({"project": "p", "inbox": "i", **variables}))
    return terraform(folder, "apply", "-auto-approve", "-input=false", "-no-color")


def test_it_makes_a_bucket_accounts_datasets_and_rights_and_no_table() -> None:
    assert {kind for block in blocks("resource") for kind in block} == {
        "google_bigquery_dataset",
        "google_bigquery_row_access_policy",
        "google_project_iam_member",
        "google_service_account",
        "google_storage_bucket",
        "google_storage_bucket_iam_member",
    }
    assert not blocks("module")
    assert not blocks("data")


def test_agents_may_create_objects_in_the_inbox_and_nothing_else() -> None:
    grants = resources("google_storage_bucket_iam_member").values()
    assert {(g["member"], g["role"]) for g in grants} == {
        ("${google_service_account.agent.member}", "roles/storage.objectCreator"),
        ("${google_service_account.pipeline.member}", "roles/storage.objectUser"),
    }
    assert {g["bucket"] for g in grants} == {"${google_storage_bucket.inbox.name}"}
    others = [b for b in blocks("resource") if "google_storage_bucket_iam_member" not in b]
    assert "agent" not in references(others, "google_service_account")


def test_no_segment_of_the_inbox_goes_by_its_age_and_nothing_of_it_is_public() -> None:
    (bucket,) = resources("google_storage_bucket").values()
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["public_access_prevention"] == "enforced"
    assert "force_destroy" not in bucket
    assert [c["matches_prefix"] for r in bucket["lifecycle_rule"] for c in r["condition"]] == [[f"{QUARANTINE}/"]]
    assert bucket["soft_delete_policy"][0]["retention_duration_seconds"] == "${var.inbox_restore_days * 86400}"


def test_each_dataset_is_open_to_whom_it_is_for() -> None:
    assert resources("google_bigquery_dataset").keys() == DATASETS
    of_all = {("OWNER", "projectOwners"), ("WRITER", "pipeline")}
    assert access("views") == of_all | {("READER", "dashboard"), ("READER", "${access.value}")}
    assert access("input") == of_all | {("views of", "views")}
    assert access("store") == of_all | {("views of", "views"), ("views of", "input")}


def test_readers_are_finance_and_the_teams() -> None:
    (readers,) = resources("google_bigquery_dataset")["views"]["dynamic"]
    assert readers["access"]["for_each"] == "${local.readers}"
    assert references(local("readers"), "var") == {"finance", "teams"}


def test_datasets_are_named_after_one_and_what_they_hold_is_not_destroyed() -> None:
    datasets = resources("google_bigquery_dataset")
    names = {name: body["dataset_id"] for name, body in datasets.items()}
    assert names == {"views": "${var.dataset}", "input": "${var.dataset}_input", "store": "${local.store}"}
    assert local("store") == "${var.dataset}_store"
    assert {body["location"] for body in datasets.values()} == {"${var.location}"}
    assert datasets["store"]["lifecycle"] == [{"prevent_destroy": True}]
    assert not any("delete_contents_on_destroy" in body for body in datasets.values())


def test_the_project_lets_them_run_jobs_and_read_sessions_and_no_more() -> None:
    grants = resources("google_project_iam_member").values()
    assert {(g["member"], g["role"]) for g in grants} == {
        ("${google_service_account.pipeline.member}", "roles/bigquery.jobUser"),
        ("${google_service_account.pipeline.member}", "roles/bigquery.readSessionUser"),
        ("${google_service_account.dashboard.member}", "roles/bigquery.jobUser"),
        ("${google_service_account.dashboard.member}", "roles/bigquery.readSessionUser"),
        ("group:${each.value}", "roles/bigquery.jobUser"),
    }
    assert {g["for_each"] for g in grants if "for_each" in g} == {"${local.readers}"}


def test_no_role_is_broader_than_its_part() -> None:
    roles = set(re.findall(r"roles/[\w.]+", json.dumps(blocks("resource"))))
    assert roles == {
        "roles/bigquery.jobUser",
        "roles/bigquery.readSessionUser",
        "roles/storage.objectCreator",
        "roles/storage.objectUser",
    }
    assert "allUsers" not in json.dumps(files())
    assert "allAuthenticatedUsers" not in json.dumps(files())


def test_every_account_is_used_and_has_no_key() -> None:
    assert resources("google_service_account").keys() == ACCOUNTS
    grants = [b for b in blocks("resource") if "google_service_account" not in b]
    assert references(grants, "google_service_account") == ACCOUNTS
    assert references(blocks("output"), "google_service_account") == ACCOUNTS


def test_every_variable_is_described_typed_used_and_documented() -> None:
    guide = GUIDE.read_text("utf-8")
    used = references([body for name, body in files().items() if name != "variables.tf"], "var")
    for name, body in named("variable").items():
        assert {"description", "type"} <= body.keys(), name
        assert name in used, name
        assert f"`{name}`" in guide, name
    assert used <= named("variable").keys()


def test_every_output_is_described_and_documented() -> None:
    guide = GUIDE.read_text("utf-8")
    for name, body in named("output").items():
        assert body["description"], name
        assert f"`{name}`" in guide, name


def test_every_result_with_a_team_has_policies_and_no_other_table() -> None:
    with_team = {table.name for table in RESULTS if any(column.name == "team" for column in table.columns)}
    assert set(re.findall(r'"(\w+)"', local("team_tables"))) == with_team
    policies = resources("google_bigquery_row_access_policy")
    assert {name: body["for_each"] for name, body in policies.items()} == {
        "all_rows": "${local.protected}",
        "team_rows": "${local.team_rows}",
    }
    assert {body["dataset_id"] for body in policies.values()} == {"${local.store}"}


def test_pipeline_dashboard_and_finance_see_all_rows() -> None:
    policy = resources("google_bigquery_row_access_policy")["all_rows"]
    assert policy["filter_predicate"] == "TRUE"
    assert policy["table_id"] == "${each.value}"
    assert references(policy["grantees"], "google_service_account") == {"pipeline", "dashboard"}
    assert references(policy["grantees"], "var") == {"finance"}


def test_teams_may_read_only_after_the_policies_hold() -> None:
    policies = resources("google_bigquery_row_access_policy")
    views = resources("google_bigquery_dataset")["views"]
    assert references(views["depends_on"], "google_bigquery_row_access_policy") == policies.keys()
    assert references(policies["team_rows"]["depends_on"], "google_bigquery_row_access_policy") == {"all_rows"}


@needs_terraform
def test_a_team_has_a_policy_on_each_table_that_shows_its_rows(tmp_path: Path) -> None:
    teams = {"search": "search@example.com", "ml-é 2": "ml@example.com"}
    answer = apply(tmp_path, teams=teams, finance=["money@example.com"], row_policies=True)
    assert answer.returncode == 0, answer.stderr

    said = json.loads(terraform(tmp_path, "output", "-json").stdout)
    rows = list(said["team_rows"]["value"].values())
    assert {(r["table"], r["filter"], r["group"]) for r in rows} == {
        (table, f'team = "{team}"', f"group:{group}")
        for table in ("charges", "serving", "usage", "workloads")
        for team, group in teams.items()
    }
    assert all(re.fullmatch(r"[A-Za-z0-9_]{1,256}", r["policy"]) for r in rows)
    assert len({(r["table"], r["policy"]) for r in rows}) == len(rows)
    assert set(said["readers"]["value"]) == {*teams.values(), "money@example.com"}


@needs_terraform
def test_the_guides_example_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"(?ms)^```hcl\n(.*?)^```", GUIDE.read_text("utf-8"))
    answer = apply(tmp_path, **hcl2.loads(example, serialization_options=PLAIN))
    assert answer.returncode == 0, answer.stderr
    rows = json.loads(terraform(tmp_path, "output", "-json", "team_rows").stdout)
    assert {r["filter"] for r in rows.values()} == {'team = "search"', 'team = "vision"'}


@needs_terraform
def test_before_the_tables_are_there_nothing_refers_to_them(tmp_path: Path) -> None:
    answer = apply(tmp_path, finance=["money@example.com"])
    assert answer.returncode == 0, answer.stderr
    assert json.loads(terraform(tmp_path, "output", "-json", "protected").stdout) == []


@needs_terraform
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"teams": {"search": "s@example.com"}}, "set row_policies = true"),
        ({"teams": {'a" OR "1" = "1': "s@example.com"}, "row_policies": True}, "cannot have quotation marks"),
        ({"teams": {"a\\": "s@example.com"}, "row_policies": True}, "cannot have quotation marks"),
        ({"dataset": "chip-ledger"}, "letters, digits and underscores only"),
        ({"inbox_restore_days": 3}, "7 to 90 days"),
        ({"quarantine_days": 0}, "at least one day"),
    ],
)
def test_what_would_open_rows_or_cannot_be_is_refused(tmp_path: Path, variables: Body, said: str) -> None:
    answer = apply(tmp_path, **variables)
    assert answer.returncode == 1
    assert said in " ".join(answer.stderr.split())


@needs_terraform
def test_terraform_finds_nothing_to_format() -> None:
    answer = terraform(FOLDER, "fmt", "-check", "-diff")
    assert answer.returncode == 0, answer.stdout


@needs_terraform
def test_terraform_finds_it_valid() -> None:
    if not (FOLDER / ".terraform").is_dir():
        pytest.skip("terraform init was not run in deploy/terraform: Google's provider is not here")
    answer = terraform(FOLDER, "validate", "-no-color")
    assert answer.returncode == 0, answer.stderr
