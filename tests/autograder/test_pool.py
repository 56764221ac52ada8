"""A worker may die, hang or fail: its task is given out again, and none is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.pool import Failure, Pool, PoolError


@dataclass(frozen=True)
class Work:
    """A setup for these tests: what a task does is its text."""

    folder: Path
    start: str = ""

    @contextmanager
    def __call__(self) -> Iterator[Callable[[str], Any]]:
        if self.start == "refuse":
            raise RuntimeError("No sandbox can be had here.\nA second line.")
        if self.start == "die":
            os._exit(7)
        yield self.do
        (self.folder / f"closed-{os.getpid()}").touch()

    def do(self, task: str) -> Any:
        if task.startswith("die once"):
            flag = self.folder / task
            if not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if task == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "fail":
            raise ValueError("no such thing\nmore")
        if task == "meet another worker":
            (self.folder / f"met-{os.getpid()}").touch()
            until = time.monotonic() + 30
            while len(list(self.folder.glob("met-*"))) < 2 and time.monotonic() < until:
                time.sleep(0.01)
        if task == "hang":
            time.sleep(3600)
        return task.upper(), os.getpid()


def run(pool: Pool, tasks: list[str]) -> dict[str, Any]:
    answers = list(pool.run((str(number), task) for number, task in enumerate(tasks)))
    assert len(answers) == len(tasks)
    return dict(answers)


def test_all_tasks_are_done_by_several_workers(tmp_path):
    with Pool(Work(tmp_path), 2) as pool:
        tasks = ["meet another worker", "meet another worker", *(f"task {number}" for number in range(40))]
        answers = run(pool, tasks)
        assert {key: answer[0] for key, answer in answers.items()} == {str(n): t.upper() for n, t in enumerate(tasks)}
        assert len({pid for _, pid in answers.values()}) == 2
        assert run(pool, ["again"])["0"][0] == "AGAIN"
    assert len(list(tmp_path.glob("closed-*"))) == 2


def test_a_killed_worker_loses_no_task(tmp_path):
    tasks = ["a", "die once 1", "b", "die once 2", "c"]
    with Pool(Work(tmp_path), 2) as pool:
        answers = run(pool, tasks)
    assert [answers[str(n)][0] for n in range(5)] == [task.upper() for task in tasks]


def test_a_task_that_always_kills_its_worker_fails_alone(tmp_path):
    with Pool(Work(tmp_path), 2, tries=3) as pool:
        answers = run(pool, ["a", "die", "b"])
    assert answers["1"] == Failure("the grading process ended while it was at work (killed by signal 9)")
    assert (answers["0"][0], answers["2"][0]) == ("A", "B")


def test_a_task_that_fails_is_tried_again_and_then_told(tmp_path):
    with Pool(Work(tmp_path), 1, tries=2) as pool:
        answers = run(pool, ["fail", "a"])
    assert answers["0"] == Failure("ValueError: no such thing")
    assert answers["1"][0] == "A"


def test_a_task_that_hangs_is_ended(tmp_path):
    with Pool(Work(tmp_path), 1, tries=1, seconds=0.5) as pool:
        answers = run(pool, ["hang", "a"])
    assert answers["0"] == Failure("it took more than 0.5 seconds")
    assert answers["1"][0] == "A"


def test_a_worker_that_died_while_idle_is_replaced(tmp_path):
    with Pool(Work(tmp_path), 1) as pool:
        _, pid = run(pool, ["a"])["0"]
        os.kill(pid, signal.SIGKILL)
        psutil.Process(pid).wait()
        assert run(pool, ["b"])["0"][0] == "B"


def test_ctrl_c_while_a_worker_starts_is_the_drivers_business(tmp_path, capfd):
    with Pool(Work(tmp_path), 1) as pool:
        pool._start()
        (pid,) = pool.pids
        os.kill(pid, signal.SIGINT)
        assert run(pool, ["a"])["0"] == ("A", pid)
    assert capfd.readouterr().err == ""


def test_a_worker_that_cannot_start_says_why(tmp_path):
    with pytest.raises(PoolError, match=r"^No sandbox can be had here\.$"), Pool(Work(tmp_path, "refuse"), 2) as pool:
        run(pool, ["a", "b"])


def test_workers_that_die_at_their_start_are_not_started_for_ever(tmp_path):
    with pytest.raises(PoolError, match="ended 3 times while it started"), Pool(Work(tmp_path, "die"), 1) as pool:
        run(pool, ["a"])


def test_tasks_are_drawn_only_when_a_worker_is_free(tmp_path):
    drawn = []

    def tasks() -> Iterator[tuple[str, str]]:
        for number in range(10):
            drawn.append(number)
            yield str(number), "x"

    with Pool(Work(tmp_path), 2) as pool:
        for _ in pool.run(tasks()):
            assert len(drawn) <= 10
            break
        assert len(drawn) <= 4


def test_workers_end_when_the_driver_is_killed(tmp_path):
    code = """
        from pathlib import Path
        from autograder.pool import Pool
        from tests.autograder.test_pool import Work

        if __name__ == "__main__":
            pool = Pool(Work(Path(".")), 2)
            for _ in pool.run(iter([("1", "a"), ("2", "b"), ("3", "hang"), ("4", "hang"), ("5", "a")])):
                print(*pool.pids, flush=True)
    """
    script = tmp_path / "driver.py"
    script.write_text(textwrap.dedent(code))
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        workers = [psutil.Process(pid) for pid in pids]
        driver.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert len(workers) >= 1
    assert alive == []
