from __future__ import annotations

import polars as pl

from accounting.owners import parse_rules, preview, rule_lines
from accounting.pipeline import run
from accounting.project import open_project
from accounting.unowned import unowned
from tests.cli.conftest import CAPACITY, JOBS, PRICES, Shell


def quiet(text: str, done: float | None) -> None:
    """No progress."""


def moves(text: str) -> dict[str, list[list[str]]]:
    """By rule, what `owners` says that it would move: from whom, hours, cost, unpriced hours."""
    found: dict[str, list[list[str]]] = {}
    parts: list[list[str]] = []
    lines = text.partition("what each rule would move to TEAM")[2].partition("\nrules: ")[0].splitlines()[3:]
    for line in filter(None, lines):
        said, arrow, rest = line.partition(" -> TEAM")
        if arrow:
            parts = found[said] = []
        parts.append((rest if arrow else line).split())
    return found


def imported(shell: Shell, **files: str) -> Shell:
    for kind, csv in files.items():
        done = shell(*shell.put(kind, csv))
        assert done.returncode == 0, done.stderr
    assert shell("run").returncode in (0, 3)
    return shell


def jobs(*lines: str) -> str:
    """Rows: workload_id, account, user, team, cluster, pool, hour of start, hours."""
    rows = [line.split(",") for line in lines]
    return "workload_id,account,user,team,cluster,pool,accelerator,quantity,start,duration\n" + "".join(
        f"{','.join(row[:6])},H100-80GB,1,2025-01-01T{row[6]:0>2}:00:00Z,{int(row[7]) * 3600}\n" for row in rows
    )


def test_a_rule_is_narrowed_until_it_takes_only_what_nobody_owns(empty: Shell) -> None:
    log = jobs("j1,ml,bob,,c,p,0,4", "j2,ml,bob,,c,p,4,1", "j3,ml,eve,vision,c,p,0,2")

    text = imported(empty, jobs=log)("owners").stdout

    assert moves(text) == {"account=ml user=bob": [["unowned", "5.000", "-", "5.000"]]}
    assert text.endswith("selector,team\naccount=ml user=bob,TEAM\n")


def test_what_a_rule_would_take_from_others_is_told(empty: Shell) -> None:
    log = jobs(
        "train-1,,,,c,p,0,4", "train-2,,,,c,p,0,1", "train-3,,,nlp,c,p,0,2", "eval-1,,,,c,p,0,1", "x,o,,,c,p,0,1"
    )
    rules = "selector,team\naccount=o,ops\n"

    shell = imported(empty, jobs=log, prices=PRICES, teams=rules)
    text = shell("owners").stdout

    assert moves(text)["cluster=c workload_id=train-*"] == [
        ["unowned", "5.000", "10.00", "USD", "0.000"],
        ["nlp", "(the", "jobs'", "own", "word)", "2.000", "4.00", "USD", "0.000"],
    ]
    said = "cluster=c workload_id=train-* -> new"
    after = preview(open_project(shell.folder), parse_rules([said]), quiet).teams.select("team", "cost_after")
    assert {team: cost and float(cost) for team, cost in after.iter_rows()} == {
        "new": 14.0, "nlp": None, "ops": 2.0, "unowned": 2.0,
    }  # fmt: skip


def test_no_rule_is_offered_for_a_whole_cluster(empty: Shell) -> None:
    log = jobs("1,,,,c,,0,4", "2,,,,c,,0,1", "3,,,nlp,c,,0,2", ",,,,c,q,0,1", ",,,ops,c,q,0,3", ",,,,c,r,0,2")

    text = imported(empty, jobs=log)("owners").stdout

    assert "(cluster=c) " in text
    assert "(cluster=c pool=q) " in text
    assert "without any fact that tells them from others: map an account" in text
    assert moves(text) == {"cluster=c pool=r": [["unowned", "2.000", "-", "2.000"]]}
    assert text.endswith("selector,team\ncluster=c pool=r,TEAM\n")


def test_a_rule_that_would_contradict_another_is_not_offered(empty: Shell) -> None:
    rules = "selector,team,end\naccount=ml,nlp,2025-01-01T01:00:00Z\n"

    text = imported(empty, jobs=jobs("j1,ml,,,c,p,0,4"), teams=rules)("owners").stdout

    assert "account=ml: no rule line, it would contradict account=ml -> nlp: end that one" in text
    assert "account=ml,TEAM" not in text


def test_a_part_that_would_stay_is_not_counted_as_moved(empty: Shell) -> None:
    """Charges do not tell two jobs of one pool apart that have no id."""
    log = jobs(",a,,,c,p,0,4", ",b,,,c,p,0,1", "x,a,,,c,p,0,1")

    text = imported(empty, jobs=log)("owners").stdout

    assert moves(text)["account=a"] == [["unowned", "at", "most", "6.000", "-", "6.000"]]


def test_selectors_stand_biggest_first_with_a_rule_line_each(shell: Shell) -> None:
    done = shell("owners")

    listed, offered = done.stdout.split("\ntotal: ")
    assert [line.split() for line in listed.splitlines()[3:]] == [
        ["account=ml-b", "1", "24.000", "48.00", "USD", "0.000"],
        ["account=ml-a", "1", "20.000", "40.00", "USD", "0.000"],
        ["namespace=search", "1", "4.000", "8.00", "USD", "0.000"],
        ["cluster=west", "workload_id=j4", "1", "1.000", "1.00", "USD", "0.000"],
    ]
    assert offered.startswith("49.000 hours, 97.00 USD + 0.000 unpriced hours\n")
    assert moves(done.stdout) == {
        "account=ml-b": [["unowned", "24.000", "48.00", "USD", "0.000"]],
        "account=ml-a": [["unowned", "20.000", "40.00", "USD", "0.000"]],
        "namespace=search": [["unowned", "4.000", "8.00", "USD", "0.000"]],
        "cluster=west workload_id=j4": [["unowned", "1.000", "1.00", "USD", "0.000"]],
    }
    assert done.stdout.endswith(
        "selector,team\naccount=ml-b,TEAM\naccount=ml-a,TEAM\nnamespace=search,TEAM\ncluster=west workload_id=j4,TEAM\n"
    )


def test_the_rule_lines_can_be_imported_and_own_all(shell: Shell) -> None:
    text = shell("owners").stdout
    lines = text[text.index("selector,team") :].replace("TEAM", "nlp")

    assert shell(*shell.put("teams", lines)).returncode == 0
    assert shell("run").returncode == 0
    assert shell("owners").stdout == "nothing that is published is without a team\n"


def test_what_cannot_be_written_in_a_selector_still_matches(empty: Shell) -> None:
    jobs = JOBS.replace("ml-a", "ml a").replace("ml-b", '"ml;b,c"')
    for kind, csv in {"jobs": jobs, "prices": PRICES}.items():
        assert empty(*empty.put(kind, csv)).returncode == 0
    project = open_project(empty.folder)
    run(project.config, None, None, quiet)

    selectors = [group.selector for group in unowned(project)]

    assert selectors[:2] == ["account=ml?b?c", "account=ml?a"]
    named = preview(project, parse_rules([f"{said} -> nlp" for said in selectors]), quiet).teams
    assert "unowned" not in named.filter(pl.col("device_seconds_after") > 0)["team"].to_list()


def test_unpriced_spend_shows_its_hours(empty: Shell) -> None:
    for kind, csv in {"jobs": JOBS, "capacity": CAPACITY}.items():
        assert empty(*empty.put(kind, csv)).returncode == 0
    assert empty("run").returncode == 3

    done = empty("owners")

    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("account=ml-b "))
    assert row == ["account=ml-b", "1", "24.000", "-", "24.000"]
    assert "total: 49.000 hours, - + 49.000 unpriced hours" in done.stdout


def test_rows_without_an_id_have_the_facts_that_their_pool_shares(empty: Shell) -> None:
    jobs = "account,user,pool,accelerator,quantity,start,end\n" + "".join(
        f"{account},{user},{pool},H100-80GB,1,2025-01-01T0{hour}:00:00Z,2025-01-01T0{hour + 1}:00:00Z\n"
        for hour, (account, user, pool) in enumerate(
            [("a", "ann", "x"), ("a", "bob", "x"), ("b", "eve", "y"), ("c", "eve", "y")]
        )
    )
    assert empty(*empty.put("jobs", jobs)).returncode == 0
    project = open_project(empty.folder)
    run(project.config, None, None, quiet)

    found = unowned(project)

    assert [(group.selector, group.workloads, float(group.device_seconds)) for group in found] == [
        ("account=a", 2, 7200.0),
        ("user=eve", 2, 7200.0),
    ]


def test_a_preview_says_who_pays_and_writes_nothing(shell: Shell) -> None:
    before = shell.lake.generation()

    done = shell("owners", "--rule", "account=ml-* -> nlp", "--rule", "account=ml-b->vision")

    assert done.returncode == 0, done.stderr
    rows = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert rows["nlp"][1:] == ["-", "20.000", "-", "40.00", "40.00", "-", "0.000"]
    assert rows["vision"][1:] == ["5.000", "29.000", "10.00", "58.00", "48.00", "0.000", "0.000"]
    assert rows["unowned"][1:] == ["49.000", "5.000", "97.00", "9.00", "-88.00", "0.000", "0.000"]
    assert rows["total"][1:] == ["113.000", "113.000", "225.00", "225.00", "0.00", "0.000", "0.000"]
    assert done.stdout.endswith("the total is unchanged; nothing was written\n")
    assert shell.lake.generation() == before


def test_the_preview_is_what_the_next_run_publishes(shell: Shell) -> None:
    more = "selector,team,end\naccount=ml-b,vision,2025-01-01T12:00:00Z\nnamespace=s*,search,\n"
    project = open_project(shell.folder)
    args = shell.put("teams", more)
    told = shell("owners", "--rules", args[2], "--mapping", args[4])
    assert told.returncode == 0, told.stderr
    assert shell(*args).returncode == 0
    foreseen = preview(project, parse_rules([]), quiet)  # the rules are imported and not run yet
    assert foreseen.waiting == 3

    assert shell("run").returncode == 0

    after = project.query("SELECT team, SUM(cost) AS cost FROM charges GROUP BY team ORDER BY team")
    assert after.rows() == foreseen.teams.select("team", "cost_after").sort("team").rows()
    printed = {
        line.split("  ")[0]: line.split()[4]
        for line in told.stdout.splitlines()
        if line.startswith(("vision", "search", "unowned"))
    }
    assert printed == {team: f"{cost:.2f}" for team, cost in after.rows() if team != "platform"}


def test_rules_that_match_nothing_change_nothing(shell: Shell) -> None:
    assert "nothing changes" in shell("owners", "--rule", "account=none -> nlp").stdout


def test_rule_lines_are_csv() -> None:
    assert rule_lines(["account=a"]) == "selector,team\naccount=a,TEAM\n"


def test_before_the_first_run_nothing_is_known(empty: Shell) -> None:
    assert empty("owners").stdout == "nothing is published yet; next: chipledger run\n"
