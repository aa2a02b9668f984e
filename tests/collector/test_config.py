"""The agent's configuration and what it says of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.config import Misconfigured, address, load


def test_every_key_has_a_default_and_settings_stand_above_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('[node]\ncluster = "ml"\n[sample]\nperiod = 2\n')
    config = load(file, ("node.pool=a100", "sample.period=0.5", "spool.max_mb=10"))
    assert (config.node.cluster, config.node.pool, config.sample.period, config.spool.max_mb) == ("ml", "a100", 0.5, 10)
    assert config.node_name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[node]\nclustr = 'x'", "node.clustr: unknown key; did you mean cluster?"),
        ("[sample]\nperiod = 0", "sample.period: Expected `float` >= 0.1"),
        ("[sample", "is not valid TOML"),
        ("[identity]\nslurm = 'maybe'", "identity.slurm: Invalid enum value 'maybe'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as refused:
        load(file)
    assert says in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_missing_file_and_a_bad_setting_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(Misconfigured, match=r"write such as node\.pool=a100"):
        load(None, ("pool=a100",))


def test_settings_reach_into_tables_and_are_named_where_they_are_wrong(tmp_path: Path) -> None:
    config = load(None, ('identity.labels.team=["squad", "team"]',))
    assert config.identity.labels.team == ("squad", "team")
    assert "model" in config.identity.labels.model, "what is left out keeps its default"
    with pytest.raises(Misconfigured, match=r"--set: sample\.period: Expected"):
        load(None, ("sample.period=0",))
    with pytest.raises(Misconfigured, match="is not a list as TOML has it"):
        load(None, ("identity.labels.team=[squad",))
    with pytest.raises(Misconfigured, match="is not a table"):
        load(None, ("node.pool=a", "node.pool.x=b"))


def test_addresses() -> None:
    assert address("127.0.0.1:9477") == ("127.0.0.1", 9477)
    assert address("[::1]:80") == ("::1", 80)
    assert address(":9477") == ("0.0.0.0", 9477)
    with pytest.raises(Misconfigured, match="is not an address"):
        address("9477")
