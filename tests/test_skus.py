"""What texts of Google's SKUs tell."""

from __future__ import annotations

import pytest

from accounting import skus


@pytest.mark.parametrize(
    ("text", "accelerator", "purchase"),
    [
        ("Nvidia Tesla T4 GPU running in Americas", "T4", "on_demand"),
        ("Nvidia Tesla A100 GPU running in Americas", "A100-40GB", "on_demand"),
        ("Nvidia Tesla A100 80GB GPU running in Americas", "A100-80GB", "on_demand"),
        ("Nvidia L4 GPU running in Frankfurt", "L4", "on_demand"),
        ("Nvidia H100 80GB GPU running in Americas", "H100-80GB", "on_demand"),
        ("Nvidia H100 80GB Plus GPU running in Americas", "H100-80GB-MEGA", "on_demand"),
        ("H200 141GB GPU running in Americas", "H200", "on_demand"),
        ("A4 Nvidia B200 (1 gpu slice) running in Americas", "B200", "on_demand"),
        ("Nvidia H100 80GB GPU attached to Spot Preemptible VMs running in Americas", "H100-80GB", "spot"),
        ("Nvidia Tesla V100 GPU attached to Spot Preemptible VMs running in Salt Lake City", "V100-16GB", "spot"),
        ("Commitment v1: Nvidia H100 80GB GPU running in Americas for 1 Year", "H100-80GB", "committed"),
        ("Commitment v1: Nvidia L4 GPU in Iowa for 3 Years", "L4", "committed"),
        ("Reserved Nvidia H100 80GB GPU in Americas", "H100-80GB", "reservation"),
        ("Nvidia H100 80GB GPU in Calendar Mode running in Americas", "H100-80GB", "reservation"),
        ("DWS Defined Duration Nvidia H100 80GB GPU running in Americas", "H100-80GB", "on_demand"),
        ("Nvidia RTX PRO 6000 GPU running in Americas", "RTX-PRO-6000", "on_demand"),
        ("A3 Instance Core running in Americas", None, "on_demand"),
        ("Network Internet Egress from Americas to APAC", None, "on_demand"),
        ("Commitment - dollar based v1: Compute Flexible", None, "committed"),
    ],
)
def test_accelerator_and_purchase(text: str, accelerator: str | None, purchase: str) -> None:
    assert (skus.accelerator(text), skus.purchase(text)) == (accelerator, purchase)
    assert skus.is_fee(text) == (purchase == "committed")
