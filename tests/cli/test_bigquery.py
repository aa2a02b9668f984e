"""BigQuery on the command line: what commands say, and what stays where it does not answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("google.cloud.bigquery_storage_v1", reason="the extra gcp is not installed")

from tests.cli.conftest import JOBS, Shell
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.serving import Loopback, serve
from tests.inputs.test_gcp_billing import ROWS
from tests.test_exports import NAME, Export

PLACE = ("--project", "acme", "--dataset", "gpu")


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with serve() as running:
        yield running


@pytest.fixture
def configured(shell: Shell, loopback: Loopback) -> Shell:
    """A published project with `[bigquery]`, of which nothing is pushed yet."""
    with (shell.folder / "chipledger.toml").open("a") as file:
        file.write(f'[bigquery]\nproject = "acme"\ndataset = "gpu"\nendpoint = "{loopback.url}"\n')
    return shell


def test_init_makes_the_warehouse_and_writes_where_it_is(shell: Shell, loopback: Loopback) -> None:
    made = shell("init", "new", "--store", "bigquery", *PLACE, "--endpoint", loopback.url)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(
        "BigQuery acme.gpu: 72 datasets, tables and views made, 0 brought up to date\nnew: project"
    )
    other = Shell(shell.folder / "new")
    assert other("status").stdout.startswith("BigQuery acme.gpu, format 1, generation 0: has all of the lake\n")
    assert "ok    bigquery: acme.gpu, format 1" in other("doctor").stdout
    assert made.stdout.endswith("next: cd new && chipledger import jobs FILE --mapping MAP.toml\n")

    again = shell("init", "second", "--store", "bigquery", *PLACE, "--endpoint", loopback.url)
    assert again.stdout.endswith("next: cd second && chipledger copy --from bigquery\n")


def test_what_init_cannot_reach_it_does_not_make(shell: Shell) -> None:
    done = shell("init", "new", "--store", "bigquery", *PLACE, "--endpoint", "http://127.0.0.1:9")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: BigQuery, looking at acme.gpu.switch: no answer (Connection refused); run it again\n"
    assert not (shell.folder / "new").exists()


def test_commands_that_write_push(configured: Shell, loopback: Loopback) -> None:
    assert "BigQuery acme.gpu: nothing is there yet" in configured("status").stdout
    assert "chipledger copy --to bigquery" in configured("doctor").stdout
    more = JOBS.replace("j1", "j9")

    done = configured(*configured.put("jobs", more))
    assert done.stdout.splitlines()[-1].startswith("BigQuery acme.gpu: 9 loads, ")
    assert configured("imports", "undo", "4").stdout.splitlines()[-1].startswith("BigQuery acme.gpu: no rows to load")
    assert configured("run").stdout.startswith("BigQuery acme.gpu: ")
    assert "has all of the lake" in configured("status").stdout
    assert loopback.sql("SELECT COUNT(*) FROM gpu_store.imports") == [(4,)]


def test_a_billing_export_is_imported_as_it_grows(configured: Shell, loopback: Loopback) -> None:
    export = Export.at(loopback)
    export.append(*ROWS)

    done = configured("import", "invoice", NAME, "--since", "2025-05", "--project", "acme")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{NAME}: 10 invoice imported as import 4, 0 rejected\nBigQuery acme.gpu: ")
    assert configured("import", "invoice", NAME).stdout == f"{NAME}: nothing to do, all of it is imported\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("jobs", NAME), "import: tables of BigQuery are imported as invoice, not as jobs"),
        (("invoice", NAME, "--source", "a"), "import: --source is of files: what a table had before stays"),
        (("invoice", "jobs.csv"), "import: --mapping is missing: write how the file's columns become ours"),
        (
            ("invoice", "jobs.csv", "--mapping", "jobs.toml", "--since", "2025-01"),
            "import: --since and --project are of tables: write bigquery:PROJECT.DATASET.TABLE",
        ),
        (("invoice", NAME, "--mapping", "jobs.toml"), "jobs.toml: format: a table of BigQuery is read by gcp_billing"),
    ],
)
def test_what_cannot_be_imported(shell: Shell, args: tuple[str, ...], said: str) -> None:
    done = shell("import", *args)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")


def test_a_push_that_fails_leaves_the_commit_and_says_how_it_goes_on(configured: Shell, loopback: Loopback) -> None:
    assert configured("copy", "--to", "bigquery").returncode == 0
    loopback.faults.add(Fault("POST", "/upload", 403, "quotaExceeded", times=9))
    done = configured(*configured.put("jobs", JOBS.replace("j1", "j9")))

    assert done.returncode == 1
    assert done.stderr.startswith("error: BigQuery, loading 5 rows into input_jobs: ")
    assert "see docs/bigquery.md, Quotas; it is in the lake and counts there: the next command" in done.stderr
    assert len(configured.lake.imports(live_only=True)) == 4
    assert "1 imports and 0 cluster-days of the lake are not there yet" in configured("status").stdout
    assert "warn  bigquery: " in configured("doctor").stdout

    loopback.faults.clear()
    assert "BigQuery acme.gpu: 1 loads, 5 rows" in configured("copy", "--to", "bigquery").stdout


def test_without_an_answer_status_tells_the_rest(configured: Shell, loopback: Loopback) -> None:
    loopback.faults.add(Fault("GET", "/datasets/gpu/tables/switch", 403, "accessDenied", times=2))
    done = configured("status")

    assert done.returncode == 0
    assert "docs/bigquery.md, Access\nimports: " in done.stdout
    assert "fail  bigquery: " in configured("doctor").stdout


def test_a_host_without_a_lake_asks_and_says_what_it_cannot(configured: Shell) -> None:
    lake, away = configured.folder / "lake", configured.folder / "away"
    lake.rename(away)
    unknown = configured("doctor")
    assert unknown.returncode == 1
    assert "fail  bigquery: BigQuery: there is no acme.gpu.switch: look at `project`" in unknown.stdout

    away.rename(lake)
    assert configured("copy", "--to", "bigquery").returncode == 0
    lake.rename(away)
    assert configured("query", "SELECT COUNT(*) AS n FROM runs", "--format", "csv").stdout == "n\n1\n"
    found = configured("doctor")
    assert found.returncode == 0
    assert "ok    bigquery: acme.gpu: last pushed 2" in found.stdout
    for command in ("status", "run"):
        done = configured(command)
        assert done.returncode == 2
        assert "ask this on the host that imports, or make this one that host with" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("copy",), "copy: write --to bigquery or --from bigquery"),
        (("copy", "--to", "bigquery", "--from", "bigquery"), "copy: write --to bigquery or --from bigquery"),
        (
            ("copy", "--to", "bigquery"),
            "no warehouse: write [bigquery] into chipledger.toml, or --project P --dataset D",
        ),
        (("copy", "--to", "bigquery", "--project", "p"), "the options name no warehouse: add --dataset D"),
        (("copy", "--from", "bigquery", "--location", "EU"), "the options name no warehouse: add --project P and"),
        (
            ("copy", "--to", "bigquery", "--project", "p", "--dataset", "a-b"),
            "options: dataset: write letters, digits and _ only",
        ),
        (
            ("copy", "--to", "bigquery", *PLACE, "--endpoint", "127.0.0.1:9"),
            "options: endpoint: write a URL such as http://",
        ),
        (("init", "x", "--store", "bigquery"), "init: --store bigquery needs --project P and --dataset D"),
        (
            ("init", "x", *PLACE),
            "init: --project, --dataset and the like are of --store bigquery: write that, or leave",
        ),
    ],
)
def test_what_is_missing_is_said(shell: Shell, args: tuple[str, ...], said: str) -> None:
    done = shell(*args)

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")


def test_a_project_has_one_warehouse(configured: Shell) -> None:
    done = configured("copy", "--to", "bigquery", *PLACE)

    assert done.returncode == 2
    assert done.stderr.startswith("error: chipledger.toml has [bigquery]: leave --project, --dataset away")
