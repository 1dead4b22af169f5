"""Jobs in the background: records, progress, cancellation, failures, and going on after a killed server."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from expressedit_mcp.errors import InputError
from expressedit_mcp.jobs import ENDED, JobRecord, Jobs, Report


class Counting:
    """Work that reports one item per step and can be held between two."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.at = threading.Event()

    def __call__(self, request: Mapping[str, Any], report: Report) -> None:
        total = int(request["count"])
        if "fail" in request:
            report.item({"n": 0})
            raise {"input": InputError("too small"), "fault": ZeroDivisionError("x")}[
                request["fail"]
            ]
        for n in range(total):
            self.at.set()
            assert self.go.wait(20)
            report.step(n, total, f"step {n}")
            report.item({"n": n})


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def jobs(tmp_path: Path, counting: Counting) -> Iterator[Jobs]:
    made = Jobs(tmp_path / "jobs", {"count": counting})
    yield made
    counting.go.set()
    made.close()


def ended(jobs: Jobs, job_id: str) -> JobRecord:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        record = jobs.get(job_id)
        if record.state in ENDED:
            return record
        time.sleep(0.005)
    raise AssertionError(f"{job_id} did not end")


def test_a_job_runs_and_keeps_its_items(jobs: Jobs) -> None:
    started = jobs.start("count", {"count": 3})
    assert started.state == "waiting"
    record = ended(jobs, started.job_id)
    assert record.state == "done"
    assert [item["n"] for item in record.items] == [0, 1, 2]
    assert record.request == {"count": 3}


def test_jobs_run_one_after_the_other(jobs: Jobs, counting: Counting) -> None:
    counting.go.clear()
    first, second = (jobs.start("count", {"count": 1}).job_id for _ in range(2))
    assert counting.at.wait(20)
    assert jobs.get(second).state == "waiting"
    counting.go.set()
    assert ended(jobs, first).state == "done"
    assert ended(jobs, second).state == "done"


def test_a_running_job_is_cancelled_within_a_step_and_keeps_what_is_whole(
    jobs: Jobs, counting: Counting
) -> None:
    job_id = jobs.start("count", {"count": 1000}).job_id
    while not jobs.get(job_id).items:
        time.sleep(0.005)
    jobs.cancel(job_id)
    record = ended(jobs, job_id)
    assert record.state == "cancelled"
    assert 0 < len(record.items) < 1000


def test_a_waiting_job_is_cancelled_before_it_begins(jobs: Jobs, counting: Counting) -> None:
    counting.go.clear()
    jobs.start("count", {"count": 1})
    assert counting.at.wait(20)
    waiting = jobs.start("count", {"count": 1}).job_id
    jobs.cancel(waiting)
    counting.go.set()
    record = ended(jobs, waiting)
    assert (record.state, record.items) == ("cancelled", ())


@pytest.mark.parametrize(("fail", "says"), [("input", "too small"), ("fault", "ZeroDivisionError")])
def test_a_failure_is_recorded_in_words(jobs: Jobs, fail: str, says: str) -> None:
    record = ended(jobs, jobs.start("count", {"count": 1, "fail": fail}).job_id)
    assert record.state == "failed"
    assert says in record.error
    assert record.items == ({"n": 0},)


def test_an_ended_job_can_be_resumed(jobs: Jobs) -> None:
    job_id = jobs.start("count", {"count": 500}).job_id
    jobs.cancel(job_id)
    assert ended(jobs, job_id).state == "cancelled"
    assert jobs.resume(job_id).state == "waiting"
    record = ended(jobs, job_id)
    assert (record.state, len(record.items)) == ("done", 500)


def test_a_done_job_is_not_run_again(jobs: Jobs) -> None:
    job_id = jobs.start("count", {"count": 1}).job_id
    done = ended(jobs, job_id)
    assert jobs.resume(job_id) == done
    assert jobs.cancel(job_id) == done


@pytest.mark.parametrize("job_id", ["job_0000000000000000", "../../x", "", "img_1"])
def test_an_unknown_job_lists_the_latest(jobs: Jobs, job_id: str) -> None:
    known = jobs.start("count", {"count": 1}).job_id
    with pytest.raises(InputError, match=known):
        jobs.get(job_id)


def test_an_unknown_kind_is_refused(jobs: Jobs) -> None:
    with pytest.raises(InputError, match="kind"):
        jobs.start("dance", {})


def test_another_server_sees_and_cancels_a_job(jobs: Jobs, tmp_path: Path) -> None:
    other = Jobs(tmp_path / "jobs", {})
    job_id = jobs.start("count", {"count": 100_000}).job_id
    while other.get(job_id).state != "running":
        time.sleep(0.005)
    other.cancel(job_id)
    assert ended(other, job_id).state == "cancelled"
    other.close()


def test_newest_first(jobs: Jobs) -> None:
    ids = [jobs.start("count", {"count": 1}).job_id for _ in range(3)]
    assert [record.job_id for record in jobs.list()] == ids[::-1]


KILLED = """
import os, sys, time
from pathlib import Path
from expressedit_mcp.jobs import Jobs
def work(request, report):
    report.item({"n": 0})
    print("held", flush=True)
    time.sleep(60)
jobs = Jobs(Path(sys.argv[1]), {"count": work})
print(jobs.start("count", {"count": 2}).job_id, flush=True)
time.sleep(60)
"""


def test_a_killed_servers_job_is_interrupted_and_another_goes_on(
    tmp_path: Path, counting: Counting
) -> None:
    folder = tmp_path / "jobs"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = {process.stdout.readline().strip() for _ in range(2)}
    (job_id,) = lines - {"held"}
    jobs = Jobs(folder, {"count": counting})
    assert jobs.get(job_id).state == "running"
    process.kill()
    process.wait(10)
    for pulse in folder.glob("server_*"):
        os.utime(pulse, (0, 0))
    assert jobs.get(job_id).state == "interrupted"
    jobs.resume(job_id)
    record = ended(jobs, job_id)
    assert (record.state, len(record.items)) == ("done", 2)
    jobs.close()


def test_a_job_of_another_kind_does_not_wait_for_a_long_one(tmp_path: Path) -> None:
    long, short = Counting(), Counting()
    jobs = Jobs(tmp_path / "jobs", {"long": long, "short": short})
    try:
        long.go.clear()
        held = jobs.start("long", {"count": 2})
        assert long.at.wait(20)
        behind = jobs.start("long", {"count": 1})
        assert ended(jobs, jobs.start("short", {"count": 1}).job_id).state == "done"
        assert jobs.get(held.job_id).state == "running"
        assert jobs.get(behind.job_id).state == "waiting"
        long.go.set()
        assert ended(jobs, behind.job_id).state == "done"
    finally:
        long.go.set()
        jobs.close()
