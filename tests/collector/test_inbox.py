from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from collector.inbox import BucketInbox, FolderInbox, Unavailable, open_inbox
from tests.collector.bucket import serving

NAME = "segments/agent/stream-1.seg"


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_folder_keeps_the_first_of_a_name(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "in box"
    folder.mkdir()
    inbox = open_inbox(form.format(folder))

    assert inbox.put(NAME, b"first")
    assert not inbox.put(NAME, b"second")
    assert [path.name for path in (folder / NAME).parent.iterdir()] == ["stream-1.seg"]
    assert (folder / NAME).read_bytes() == b"first"


def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "mount"
    with pytest.raises(Unavailable, match="No such file or directory"):
        FolderInbox(folder).put(NAME, b"data")
    assert not folder.exists()

    folder.mkdir()
    assert FolderInbox(folder).put(NAME, b"data")


def test_a_folder_s_leftover_of_an_interrupted_put_is_in_no_one_s_way(tmp_path: Path) -> None:
    target = tmp_path / NAME
    target.parent.mkdir(parents=True)
    (target.parent / f".stream-1.seg.{os.getpid()}.tmp").write_bytes(b"half of wh")

    assert FolderInbox(tmp_path).put(NAME, b"whole")
    assert target.read_bytes() == b"whole"


def test_of_many_at_once_one_is_first(tmp_path: Path) -> None:
    inbox = FolderInbox(tmp_path)
    results: list[bool] = []
    names = [f"segments/agent/{number}.seg" for number in range(40)]
    # One process is one writer of a name: threads put different names into the same folder.
    threads = [threading.Thread(target=lambda name=name: results.append(inbox.put(name, b"x"))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [True] * 40


def test_a_bucket_keeps_the_first_of_a_name() -> None:
    with serving() as bucket:
        inbox = open_inbox("s3://company/inbox", bucket.settings)

        assert inbox.put(NAME, b"first")
        assert not inbox.put(NAME, b"second")
        assert bucket.objects == {f"/company/inbox/{NAME}": b"first"}


@pytest.mark.parametrize("fault", ["SlowDown", "InternalError", "AccessDenied", "cut"])
def test_what_a_bucket_refuses_is_tried_once_and_told_in_a_line(fault: str) -> None:
    with serving() as bucket:
        inbox = open_inbox("s3://company", bucket.settings)
        bucket.faults = [fault]

        with pytest.raises(Unavailable) as told:
            inbox.put(NAME, b"data")

        assert "\n" not in str(told.value)
        assert len(bucket.puts) == 1
        assert bucket.objects == {}
        assert inbox.put(NAME, b"data")


def test_a_put_whose_answer_was_lost_is_there_when_it_is_put_again() -> None:
    with serving() as bucket:
        inbox = open_inbox("s3://company", bucket.settings)
        bucket.faults = ["lost"]

        with pytest.raises(Unavailable):
            inbox.put(NAME, b"data")

        assert not inbox.put(NAME, b"data")
        assert bucket.objects == {f"/company/{NAME}": b"data"}


@pytest.mark.parametrize("url", ["", "http://host/x", "s3://", "s3:/x", "file://", "ftp://a/b", "file://host/x"])
def test_an_inbox_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"inbox .*neither a folder"):
        open_inbox(url)


def test_a_bucket_without_what_it_needs_is_refused_in_a_line() -> None:
    with pytest.raises(ValueError, match=r"inbox 'az://container': .*Account must be specified"):
        open_inbox("az://container")


def test_clouds_are_buckets() -> None:
    assert isinstance(open_inbox("gs://company/inbox"), BucketInbox)
    assert isinstance(open_inbox("az://company/inbox", {"account_name": "company"}), BucketInbox)
