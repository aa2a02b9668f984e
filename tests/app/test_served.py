"""Tokens by model, as the view has them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from accounting.config import load_config, write_project
from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.project import open_project
from accounting.stores.lake import Lake
from collector.central.findings import Findings
from tests.app.conftest import Open, run
from tests.app.test_pages import exact
from tests.collected import HOUR, allocated, counted, pod, put, stocked
from tests.segments import MIDNIGHT

LLAMA, QWEN = "meta-llama/Llama-3.1-8B", "Qwen/Qwen2.5-7B"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving") / "p"
    lake = Lake.create(load_config(write_project(folder)).lake)
    hours = [MIDNIGHT + n * HOUR for n in range(4)]
    pods = [pod("llama-0"), pod("llama-1"), pod("qwen-0", team="blue")]
    served = [counted(pods[0], LLAMA, hours[0], hours[1], requests=1_000, input_tokens=5_000_000, output_tokens=70_001)]
    served += [counted(pods[1], LLAMA, hours[1], hours[2], requests=11, input_tokens=3, output_tokens=4)]
    served += [counted(pods[2], QWEN, hours[1], hours[3], requests=7)]
    found = Findings(
        counted=served,
        stocked=[stocked(4, hours[0], hours[3])],
        allocated=[allocated(one, 1, hours[0], hours[3], node="n1") for one in pods],
    )
    put(folder / "inbox", "prometheus", found)
    ingest(lake, open_inbox("inbox", folder), hours[3])
    run(folder)
    return folder


def test_tokens_of_a_model_are_those_of_the_view(serving: Path, look: Open) -> None:
    html = look(serving, "chargeback").html
    rows = open_project(serving).query(
        "SELECT model, SUM(requests) AS requests, SUM(output_tokens) AS output_tokens FROM serving GROUP BY model"
    )

    assert dict(rows.select("model", "output_tokens").rows()) == {LLAMA: 70_005, QWEN: None}
    for model, requests, _ in rows.rows():
        assert exact(html, f"served_requests_vllm_{model}") == requests
    assert exact(html, f"served_output_tokens_vllm_{LLAMA}") == 70_005
    assert f"served_output_tokens_vllm_{QWEN}" not in html
    assert "70,005" in html


def test_a_team_sees_its_own_models(serving: Path, look: Open) -> None:
    html = look(serving, "chargeback", team="blue").html

    assert exact(html, f"served_requests_vllm_{QWEN}") == Decimal(7)
    assert LLAMA not in html


def test_a_company_without_engines_has_no_such_table(company: Path, look: Open) -> None:
    assert "Served models" not in look(company, "chargeback").html
