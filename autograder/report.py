"""The instructor's page on one assignment of a class: how it went, what was misunderstood, which tests to doubt."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from markupsafe import Markup
from nbformat.notebooknode import NotebookNode

from autograder.assignment import Assignment, Task, grade_id, load_assignment
from autograder.classroom import write_atomically
from autograder.feedback import day, inline, percent, test_title, verdict
from autograder.marks import GradedClass, GradedError, Submission, feedback_link, read_class, report_path
from autograder.safe_html import page, visible
from autograder.variants import load_misconceptions

MIN_FOR_STATISTICS = 8  # below this number of submissions correlations say nothing
LEVELS = {
    "full": "namespaces, Landlock, seccomp and limits",
    "landlock": "Landlock, seccomp and limits, without namespaces",
    "unsafe": "no sandbox",
}


@dataclass(frozen=True)
class ItemStatistics:
    """How one test cell behaves in the class; None where the class is too small or too uniform to say.

    `correlation` is the corrected item-total correlation: Pearson's r between the points of the test and those of all
    other tests. `discrimination` is the mean share of points in the upper 27 % of the class less that in the lower 27 %
    (T. L. Kelley, 1939). `top` is the mean share of points among the best quarter, by the points of all other tests.
    """

    difficulty: float
    correlation: float | None
    discrimination: float | None
    top: float | None

    @property
    def alarm(self) -> str:
        if self.top is not None and self.top < 0.5:
            return f"The best quarter of the class got {100 * self.top:.0f} % of its points: the test may be broken."
        if self.correlation is not None and self.correlation < 0:
            return "Who does well elsewhere tends to fail it: the test may be broken or ambiguous."
        return ""


def item_statistics(points: np.ndarray, max_points: np.ndarray) -> list[ItemStatistics]:
    """Classical item analysis of points of shape (students, tests), with max_points of shape (tests,)."""
    shares, total = points / max_points, points.sum(axis=1)
    enough = len(points) >= MIN_FOR_STATISTICS
    items = []
    for item in range(points.shape[1]):
        rest = total - points[:, item]
        varies = enough and np.ptp(rest) > 0
        items.append(
            ItemStatistics(
                difficulty=float(shares[:, item].mean()),
                correlation=float(np.corrcoef(points[:, item], rest)[0, 1])
                if varies and np.ptp(points[:, item]) > 0
                else None,
                discrimination=_upper_less_lower(shares[:, item], total) if enough else None,
                top=_top_quarter(shares[:, item], rest) if varies else None,
            )
        )
    return items


def _top_quarter(shares: np.ndarray, rest: np.ndarray) -> float | None:
    """With all who tie with the last of them; None if that is more than half of the class."""
    top = rest >= np.sort(rest)[-math.ceil(len(rest) / 4)]
    return float(shares[top].mean()) if top.mean() <= 0.5 else None


def _upper_less_lower(shares: np.ndarray, total: np.ndarray) -> float | None:
    """Whoever has as many points as the last of a group belongs to it; None if the two groups then touch."""
    ordered, size = np.sort(total), max(1, round(0.27 * len(total)))
    low, high = ordered[size - 1], ordered[-size]
    if low >= high:
        return None
    return float(shares[total >= high].mean() - shares[total <= low].mean())


def reliability(points: np.ndarray) -> float | None:
    """Cronbach's α of points of shape (students, tests): k/(k − 1) · (1 − Σ var(test) / var(total))."""
    tests = points.shape[1]
    variance = points.sum(axis=1).var()
    if len(points) < MIN_FOR_STATISTICS or tests < 2 or variance == 0:
        return None
    return float(tests / (tests - 1) * (1 - points.var(axis=0).sum() / variance))


def write_report(classroom: Path, assignment: str, *, db_url: str | None = None) -> Path:
    """Write the page to `reports/<assignment>.html`; raises `GradedError` if nothing is graded.

    It links to the feedback pages that are there, so they are written first.
    """
    graded = read_class(classroom, assignment, db_url=db_url)
    if not graded.submissions:
        reason = f" {graded.problems[0]}" if graded.problems else " Grade it first."
        raise GradedError(f"There is no graded submission of {assignment} in {classroom}.{reason}")
    links = {
        submission.student: feedback_link(classroom, assignment, submission.student)
        for submission in graded.submissions
    }
    path = report_path(classroom, assignment)
    write_atomically(path, report_html(graded, load_assignment(assignment), links).encode())
    return path


def report_html(graded: GradedClass, assignment: Assignment, links: dict[str, str | None] | None = None) -> str:
    """The page's text; `links` are the addresses of the feedback pages, by student."""
    submissions = graded.submissions
    pending = {s.student: len(s.pending(assignment)) for s in submissions}
    tests_only = any(pending.values())
    max_score = sum(_test_points(task) for task in assignment.tasks) if tests_only else assignment.max_score
    scores = {s.student: _score(s, assignment, tests_only) for s in submissions}
    tests = _tests(submissions, assignment)
    misconceptions = _misconceptions(submissions, assignment)
    levels = Counter(str(s.result.get("level") or "not recorded") for s in submissions)
    return page(
        "report.html.j2",
        title=assignment.title,
        assignment=assignment.name,
        graded_at=_period(submissions),
        tests_only=tests_only,
        max_score=max_score,
        summary=_summary(list(scores.values()), max_score, submissions),
        histogram=_histogram(list(scores.values()), max_score),
        median_share=percent(median(scores.values()), max_score),
        attention=_attention(graded, assignment, tests, levels, pending),
        tasks=(tasks := _tasks(submissions, assignment)),
        hardest=_hardest(tasks),
        tests=tests,
        few=len(submissions) < MIN_FOR_STATISTICS,
        alpha=reliability(_points(submissions, assignment)),
        misconceptions=misconceptions,
        anchors={item["name"]: number for number, item in enumerate(misconceptions, start=1)},
        rows={submission.student: number for number, submission in enumerate(submissions, start=1)},
        task_heads=assignment.tasks,
        written=_written(submissions, assignment),
        levels=[(level, LEVELS.get(level, ""), count) for level, count in levels.most_common()],
        students=_students(submissions, assignment, scores, links or {}),
        count=len(submissions),
    )


def _test_points(task: Task) -> float:
    return sum(cell.metadata.nbgrader.points for cell in task.test_cells)


def _score(submission: Submission, assignment: Assignment, tests_only: bool) -> float:
    if not tests_only:
        return submission.score(assignment)
    return sum(submission.points(cell) or 0.0 for cell in _test_cells(assignment))


def _test_cells(assignment: Assignment) -> list[NotebookNode]:
    return [cell for task in assignment.tasks for cell in task.test_cells]


def _points(submissions: list[Submission], assignment: Assignment) -> np.ndarray:
    """Points of the test cells, of shape (students, tests)."""
    cells = _test_cells(assignment)
    rows = [[submission.points(cell) or 0.0 for cell in cells] for submission in submissions]
    return np.array(rows, dtype=float).reshape(len(submissions), len(cells))


def _period(submissions: list[Submission]) -> str:
    moments = []
    for submission in submissions:
        try:
            moments.append(datetime.fromisoformat(str(submission.result.get("graded_at"))))
        except ValueError:
            continue
    return day(max(moments, key=datetime.timestamp).isoformat()) if moments else ""


def _summary(scores: list[float], max_score: float, submissions: list[Submission]) -> list[tuple[str, str]]:
    seconds = [float(s.result["seconds"]) for s in submissions if isinstance(s.result.get("seconds"), int | float)]
    facts = [
        ("submissions", f"{len(scores)}"),
        ("median score", f"{percent(median(scores), max_score):.0f} %"),
        ("mean score", f"{percent(sum(scores) / len(scores), max_score):.0f} %"),
        ("with full marks", f"{sum(score >= max_score for score in scores)}"),
        ("without a point", f"{sum(score <= 0 for score in scores)}"),
    ]
    if seconds:
        facts.append(("median time to grade one", f"{median(seconds):.1f} s"))
    return facts


def _histogram(scores: list[float], max_score: float) -> list[dict[str, Any]]:
    """Ten bins of the share of points; the last one includes full marks."""
    shares = [percent(score, max_score) for score in scores]
    counts = [0] * 10
    for share in shares:
        counts[min(9, max(0, int(share // 10)))] += 1
    return [
        {
            "low": 10 * i,
            "high": 100 if i == 9 else 10 * i + 9,
            "count": count,
            "height": percent(count, max(counts)),
        }
        for i, count in enumerate(counts)
    ]


def _tasks(submissions: list[Submission], assignment: Assignment) -> list[dict[str, Any]]:
    """Per task, how many have all, some and none of the points of its tests, and how many rest on an earlier task."""
    numbers = {task.name: number for number, task in enumerate(assignment.tasks, start=1)}
    rows = []
    for number, task in enumerate(assignment.tasks, start=1):
        if not task.test_cells:
            continue
        full = _test_points(task)
        found = [(verdict(sum(s.points(cell) or 0.0 for cell in task.test_cells), full), s) for s in submissions]
        states = Counter(state for state, _ in found)
        resting = [earlier for state, s in found if state != "pass" and (earlier := _rests_on(s, task))]
        row = {"number": number, "name": task.name, "title": inline(task.title), "counts": states}
        row |= {state: percent(states[state], len(submissions)) for state in ("pass", "part", "fail")}
        row |= {
            "resting": len(resting),
            "earlier": _listed(sorted({numbers[name] for names in resting for name in names})),
            "own": len(submissions) - states["pass"] - len(resting),
        }
        rows.append(row)
    return rows


def _rests_on(submission: Submission, task: Task) -> list[str]:
    """The earlier tasks that a student has to mend first, if every failed test of this task uses one."""
    tests = [submission.tests.get(str(grade_id(cell)), {}) for cell in task.test_cells]
    failed = [test.get("rests_on", []) for test in tests if not test.get("passed")]
    return sorted({str(name) for names in failed for name in names}) if failed and all(failed) else []


def _listed(numbers: list[int]) -> str:
    """As in "task 2" and "tasks 2, 3 and 5"."""
    words = [str(number) for number in numbers]
    return f"tasks {', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else f"task {''.join(words)}"


def _hardest(tasks: list[dict[str, Any]]) -> str:
    """What the chart of the tasks shows."""
    if all(task["pass"] == 100 for task in tasks):
        return "everyone passed all tests"
    most = max(task["own"] for task in tasks)
    worst = [task for task in tasks if task["own"] == most]
    least = min(task["pass"] for task in worst)
    apart = ", apart from what earlier tasks caused" if any(task["pass"] < least for task in tasks) else ""
    return f"{_listed([task['number'] for task in worst])} went worst{apart}: {least:.0f} % passed all tests"


def _tests(submissions: list[Submission], assignment: Assignment) -> list[dict[str, Any]]:
    """Per test cell, how many pass it and how it behaves."""
    cells = _test_cells(assignment)
    points = _points(submissions, assignment)
    max_points = np.array([float(cell.metadata.nbgrader.points) for cell in cells])
    numbers = {task.name: number for number, task in enumerate(assignment.tasks, start=1)}
    return [
        {
            "id": str(grade_id(cell)),
            "task": numbers[assignment.task_of(str(grade_id(cell))).name],
            "title": test_title(cell),
            "passed": int((points[:, i] >= max_points[i]).sum()),
            "rate": percent(int((points[:, i] >= max_points[i]).sum()), len(points)),
            "statistics": statistics,
        }
        for i, (cell, statistics) in enumerate(zip(cells, item_statistics(points, max_points), strict=True))
    ]


def _misconceptions(submissions: list[Submission], assignment: Assignment) -> list[dict[str, Any]]:
    """Those that were found, the most common first."""
    known = {variant.name: variant for variant in load_misconceptions(assignment)}
    numbers = {task.name: number for number, task in enumerate(assignment.tasks, start=1)}
    students: dict[str, list[Submission]] = defaultdict(list)
    for submission in submissions:
        for name in _found(submission):
            students[name].append(submission)
    return [
        {
            "name": name,
            "message": known[name].message if name in known else "",
            "task": numbers[known[name].task(assignment).name] if name in known else None,
            "students": who,
            "share": percent(len(who), len(submissions)),
        }
        for name, who in sorted(students.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _found(submission: Submission) -> list[str]:
    """Names of a submission's misconceptions, each once."""
    return list(dict.fromkeys(str(t["misconception"]) for t in submission.tests.values() if t.get("misconception")))


def _written(submissions: list[Submission], assignment: Assignment) -> list[dict[str, Any]]:
    rows = []
    for number, task in enumerate(assignment.tasks, start=1):
        for cell in task.written_cells:
            points = [submission.points(cell) for submission in submissions]
            graded = [value for value in points if value is not None]
            rows.append(
                {
                    "number": number,
                    "title": inline(task.title),
                    "id": str(grade_id(cell)),
                    "graded": len(graded),
                    "waiting": len(points) - len(graded),
                    "mean": sum(graded) / len(graded) if graded else None,
                    "max_points": cell.metadata.nbgrader.points,
                }
            )
    return rows


def _students(
    submissions: list[Submission],
    assignment: Assignment,
    scores: dict[str, float],
    links: dict[str, str | None],
) -> list[dict[str, Any]]:
    return [
        {
            "id": submission.student,
            "name": submission.name,
            "score": scores[submission.student],
            "tasks": [_task_cell(submission, task) for task in assignment.tasks],
            "misconceptions": _found(submission),
            "repairs": [str(repair) for repair in submission.result.get("repairs", [])],
            "notes": [str(note) for note in submission.result.get("notes", [])],
            "level": str(submission.result.get("level") or "not recorded"),
            "link": links.get(submission.student),
        }
        for submission in submissions
    ]


def _task_cell(submission: Submission, task: Task) -> tuple[str, float]:
    """State and points of a task; it waits if only written answers keep it from full marks."""
    waiting = [cell for cell in task.written_cells if submission.points(cell) is None]
    points = submission.task_points(task)
    lost = task.points - points - sum(cell.metadata.nbgrader.points for cell in waiting)
    return ("wait" if waiting and lost <= 0 else verdict(points, task.points)), points


def _attention(
    graded: GradedClass,
    assignment: Assignment,
    tests: list[dict[str, Any]],
    levels: Counter[str],
    pending: dict[str, int],
) -> list[Markup]:
    """What an instructor should do something about, in sentences."""
    found = []
    for submission in graded.submissions:
        if problem := submission.result.get("problem"):
            found.append(_sentence("{} could not be graded: {}", submission.name, problem))
    if waiting := sum(pending.values()):
        answers = _count(waiting, "written answer")
        students = _count(sum(1 for count in pending.values() if count), "student")
        text = "{} of {} {} to be graded by hand, in the formgrader."
        found.append(_sentence(text, answers, students, "waits" if waiting == 1 else "wait"))
    for test in tests:
        if alarm := test["statistics"].alarm:
            found.append(
                _sentence('Task {}, <a href="#test-{}">{}</a>: {}', test["task"], test["id"], test["title"], alarm)
            )
    if unsafe := levels.get("unsafe"):
        text = "{} without a sandbox: the marks are only as honest as the students."
        found.append(_sentence(text, _count(unsafe, "submission ran", "submissions ran")))
    known = {str(grade_id(cell)): float(cell.metadata.nbgrader.points) for cell in _test_cells(assignment)}
    if stale := [s.name for s in graded.submissions if {n: t["max_points"] for n, t in s.tests.items()} != known]:
        found.append(_sentence("The tests have changed since {} graded: grade again.", _names(stale, "was", "were")))
    if graded.ungraded:
        found.append(_sentence("Handed in but not graded: {}.", ", ".join(graded.ungraded)))
    if graded.missing:
        found.append(_sentence("On the list of students, but without work: {}.", _some(graded.missing)))
    return found + [_sentence("{}", problem) for problem in graded.problems]


def _sentence(text: str, *values: object) -> Markup:
    return Markup(text).format(*(visible(str(value)) for value in values))


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _names(names: list[str], one: str, many: str) -> str:
    return f"{_some(names)} {one if len(names) == 1 else many}"
