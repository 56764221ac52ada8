"""A student process seen through its outputs: what Jupyter would show, within the budgets, and lost processes."""

import textwrap
from dataclasses import replace

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

from autograder.assignment import Budget
from autograder.calls import Call
from autograder.forkserver import ForkServer
from autograder.session import CodeCell, Session, StudentLost

BUDGET = Budget(cell_seconds=20, call_seconds=10, notebook_seconds=100, output_kb=200)


@pytest.fixture(scope="module")
def server():
    with ForkServer(unsafe=True) as server:
        yield server


@pytest.fixture
def open_session(server):
    sessions = []

    def open_(*cells: str, **budget) -> Session:
        numbered = [CodeCell(i, textwrap.dedent(c).strip(), f"Cell {i}") for i, c in enumerate(cells)]
        session = Session(server.spawn, replace(BUDGET, **budget), numbered, seed=7)
        sessions.append(session)
        session.ensure()
        return session

    yield open_
    for session in sessions:
        session.close()


@pytest.fixture
def run(open_session):
    """The outputs of the last of some cells."""

    def run_(*cells: str, **budget):
        session = open_session(*cells, **budget)
        outputs = session.outcomes[len(cells) - 1].outputs
        nbformat.validate(new_notebook(cells=[new_code_cell("", outputs=outputs)]))
        return outputs

    return run_


def test_what_honest_notebooks_do_works_without_the_calls_that_the_sandbox_refuses(open_session):
    cells = [
        "import asyncio\nawait asyncio.sleep(0)\nprint(await asyncio.to_thread(abs, -3))",
        """import sqlite3
with sqlite3.connect("data.db") as database:
    database.execute("create table t (n)")
    database.execute("insert into t values (4)")
print(sqlite3.connect("data.db").execute("select n from t").fetchall())""",
        """import shutil
shutil.copy2("data.db", "copy.db")
print(asyncio.new_event_loop().run_until_complete(asyncio.wait_for(asyncio.sleep(0, 5), 1)))""",
    ]
    shown = [output for outcome in open_session(*cells).outcomes.values() for output in outcome.outputs]
    assert [output.get("text", output) for output in shown] == ["3\n", "[(4,)]\n", "5\n"]


def call(session: Session, name: str, *args, source=None, **kwargs):
    """Call by name; the decoded value, or the reply when there is none."""
    made = Call.of(name, source, args, kwargs)
    reply = session.call(made)
    value = session.take_back(made, reply)
    return value if "value" in reply else reply


def test_streams_results_and_errors_come_in_order(run):
    outputs = run(
        """
        import sys
        print("a"); print("b")
        print("c", file=sys.stderr)
        1 + 1
        """
    )
    assert [o.output_type for o in outputs] == ["stream", "stream", "execute_result"]
    assert (outputs[0].name, outputs[0].text) == ("stdout", "a\nb\n")
    assert (outputs[1].name, outputs[1].text) == ("stderr", "c\n")
    assert (outputs[2].data["text/plain"], outputs[2].execution_count) == ("2", 1)
    (error,) = run("def f():\n    return 1 / 0", "f()")
    assert (error.ename, error.evalue) == ("ZeroDivisionError", "division by zero")
    assert any("return 1 / 0" in line for line in error.traceback)
    assert any("Cell In[1]" in line for line in error.traceback)
    (error,) = run("def f(:\n  pass")
    assert error.ename == "SyntaxError"


def test_a_semicolon_hides_a_result(run):
    assert run("3;") == []


def test_figures_appear_at_the_end_of_their_cell(run):
    for code in ("plt.plot([1, 2])\nprint('after')", "plt.plot([1, 2])\nplt.show()\nprint('after')"):
        outputs = run("import matplotlib.pyplot as plt", code)
        figures = [o for o in outputs if o.output_type == "display_data"]
        assert len(figures) == 1
        assert figures[0].data["image/png"].startswith("iVBOR")
        assert "<Figure size" in figures[0].data["text/plain"]


def test_rich_display_and_what_a_page_could_run(run):
    outputs = run(
        """
        from IPython.display import HTML, Javascript, Latex, Markdown, SVG, display
        display(HTML("<b onclick='x()'>bold</b><script>alert(1)</script>"))
        display(Javascript("alert(1)"))
        display(SVG("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"))
        display(Markdown("*fine*"), Markdown("<img src=x onerror=alert(1)>"), Latex("$x^2$"))
        """
    )
    assert outputs[0].data["text/html"] == "<b>bold</b>"
    kinds = [set(o.data) for o in outputs[1:]]
    assert kinds == [
        {"text/plain"},
        {"text/plain"},
        {"text/plain", "text/markdown"},
        {"text/plain"},
        {"text/plain", "text/latex"},
    ]
    assert "alert" not in str([o.data for o in outputs])


def test_displays_can_be_updated_and_cleared(run):
    outputs = run(
        """
        from IPython.display import clear_output, display
        print("gone")
        clear_output(wait=True)
        handle = display("one", display_id=True)
        handle.update("two")
        """
    )
    assert [o.data["text/plain"] for o in outputs] == ["'two'"]


def test_a_progress_bar_is_kept_as_it_looked_at_last(run):
    (output,) = run("for i in range(3): print(f'\\r{i}/3', end='')\nprint('\\rdone')")
    assert output.text == "done\n"


def test_a_widget_is_kept_as_text_and_the_result_says_so(open_session):
    session = open_session("x = 1", "import ipywidgets\nipywidgets.IntSlider()")
    (output,) = session.outcomes[1].outputs
    assert output.data["text/plain"].startswith("IntSlider")
    assert set(output.data) == {"text/plain"}
    assert session.notes == ["Cell 1 shows a widget, which nobody moves while a notebook is graded."]


def test_exit_does_no_harm(run):
    assert run("exit()", "print(1)")[0].text == "1\n"


@pytest.mark.parametrize("backend", ["inline", "widget", "notebook", "qt", ""])
def test_figures_are_images_whatever_backend_is_asked_for(run, backend):
    (figure,) = run(f"%matplotlib {backend}", "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    assert "image/png" in figure.data


def test_numbers_of_16_bits_and_optimizers_work(run):
    """What torch reads or imports at their first use is out of reach in the sandbox, or slow."""
    (result,) = run("""
        import sys, torch
        sys.modules.keys() >= {"torch._dynamo"}, torch.ones(2, dtype=torch.float16).float().tolist()
    """)
    assert result["data"]["text/plain"] == "(True, [1.0, 1.0])"


def test_magics_and_await_work(run):
    assert run("%matplotlib inline\n%time x = 1", "print(x)")[0].text == "1\n"
    assert run("import asyncio\nawait asyncio.sleep(0)\nprint('slept')")[0].text == "slept\n"


def test_a_shell_command_starts_nothing_and_the_cell_goes_on(run):
    notice, printed = run("!pip install torch\nfiles = !ls\n%pip install torch\nprint('on', list(files))")
    assert notice.text == 3 * "[No other program is started while a notebook is graded.]\n"
    assert printed.text.endswith("on []\n")


def test_input_is_refused_in_words(open_session):
    session = open_session("name = input('who?')", "import getpass\ngetpass.getpass()")
    assert session.outcomes[0].outputs[0].ename == "StdinNotImplementedError"
    assert session.notes == [
        f"Cell {i} asks for input(), which nobody answers while a notebook is graded." for i in (0, 1)
    ]


def test_output_is_cut_at_the_budget(open_session):
    session = open_session("for i in range(10**4): print('x' * 100)", "print('later')", output_kb=20)
    text = "".join(o.text for o in session.outcomes[0].outputs)
    assert 20 * 1024 <= len(text) < 21 * 1024
    assert session.notes == ["The notebook wrote more than 20 kB: the rest is not kept."]


def test_a_long_line_without_end_is_no_problem(open_session):
    session = open_session("print('x' * 10**6, end='')", output_kb=2000)
    assert len(session.outcomes[0].outputs[0].text) == 10**6
    assert session.notes == []


def test_a_loop_is_stopped_and_the_rest_runs(open_session):
    session = open_session("while True: pass", "print('on')", cell_seconds=2)
    assert session.outcomes[0].outputs[-1].ename == "TimeIsUp"
    assert session.outcomes[1].outputs[0].text == "on\n"
    assert session.notes == ["Cell 0 was stopped after the 2 seconds it may take."]


STUBBORN = """
import signal
for number in (signal.SIGALRM, signal.SIGPROF):
    signal.signal(number, signal.SIG_IGN)
while True: pass
"""

WRITE = """
import os
for fd in range(3, 20):
    try:
        os.write(fd, {})
    except OSError:
        pass
"""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (STUBBORN, "ran longer than the 2 seconds"),
        ("import os; os._exit(0)", "ended the Python process"),
        ("import ctypes; ctypes.string_at(0)", "crashed the Python interpreter"),
        (WRITE.format("b'x' * 100"), "sent something"),
        (WRITE.format("bytes(8)"), "sent something"),
        ("import autograder.channel as c\nc.pack = lambda *a, **k: b'\\xc0'", "sent something"),
        ("import autograder.channel as c\nc.send_frame = lambda *a: None", "ran longer"),
    ],
)  # fmt: skip
def test_a_cell_that_ends_the_process_counts_as_not_run(open_session, code, words):
    cells = ("x = 1\nprint('first')", code, "y = x + 1\ndef f(): return y")
    session = open_session(*cells, cell_seconds=2)
    assert call(session, "f") == 2
    assert len(session.notes) == 1
    assert session.notes[0].startswith("Cell 1 ")
    assert words in session.notes[0]
    assert session.outcomes[0].outputs[0].text == "first\n"


def test_a_notebook_that_keeps_ending_its_process_is_given_up(open_session):
    with pytest.raises(StudentLost):
        open_session(*["import os; os._exit(0)"] * 6)


def test_a_notebook_has_a_time_of_its_own(open_session):
    with pytest.raises(StudentLost, match="used up the 3 seconds"):
        open_session(*[STUBBORN] * 3, cell_seconds=1, notebook_seconds=3)


def test_calls_return_raise_and_change(open_session):
    session = open_session(
        """
        import torch
        def add(a, b=2): return a + b
        def fill(x, items): x.fill_(7); items.append(x); return x
        class Odd(ValueError): pass
        def fail(): raise Odd("no")
        def odd(): return object()
        print("never seen")
        """
    )
    assert call(session, "add", 1) == 3
    assert call(session, "add", torch.ones(2), b=torch.ones(2)).tolist() == [2.0, 2.0]
    x, items = torch.zeros(2, 2).T, []
    assert call(session, "fill", x, items) is x
    assert x.tolist() == [[7.0, 7.0], [7.0, 7.0]]
    assert items[0] is x
    error = call(session, "fail")["error"]
    assert error == {"builtin": "ValueError", "name": "Odd", "text": "no", "cell": 0, "line": 5}
    assert call(session, "odd")["refused"] == "object"
    assert call(session, "absent")["missing"] is True
    assert call(session, "p", 4, source="def p(k):\n    return [add(k), torch.ones(1)]") == [6, torch.ones(1)]


def test_sleeping_takes_time_too(open_session):
    session = open_session("import time\nwhile True: time.sleep(0.01)", "print('on')", cell_seconds=0.5)
    assert session.outcomes[1].outputs[0].text == "on\n"
    assert session.notes == ["Cell 0 was stopped after the 0.5 seconds it may take."]


def test_a_call_that_takes_too_long_costs_only_itself(open_session):
    session = open_session("def slow():\n    while True: pass", "def fine(): return 1", call_seconds=1)
    assert call(session, "slow")["timeout"] is True
    assert call(session, "fine") == 1


def test_a_call_that_ends_the_process_is_followed_by_a_fresh_one(open_session):
    session = open_session(
        "import os\nn = 0", "def die(): os._exit(0)\ndef count():\n    global n\n    n += 1\n    return n"
    )
    assert [call(session, "count"), call(session, "count")] == [1, 2]
    with pytest.raises(StudentLost, match="ended the Python process"):
        call(session, "die")
    assert call(session, "count") == 1
    assert session.notes == []


def test_the_global_generator_goes_along_and_comes_back(open_session):
    session = open_session("import torch\ndef draw(n): return torch.rand(n)\ndef cheat(): torch.manual_seed(1)")
    torch.manual_seed(3)
    ours = [torch.rand(3), torch.rand(700), torch.rand(3)]
    torch.manual_seed(3)
    assert torch.equal(call(session, "draw", 3), ours[0])
    assert torch.equal(torch.rand(700), ours[1])
    assert torch.equal(call(session, "draw", 3), ours[2])
    torch.manual_seed(1)
    chosen = torch.rand(3)
    call(session, "cheat")
    assert not torch.equal(torch.rand(3), chosen)


def test_answers_that_do_not_decode_end_the_process(open_session):
    session = open_session(
        """
        import autograder.calls, autograder.student
        def evil(request, *rest):
            return {"value": b"\\xdd\\xff\\xff\\xff\\xff", "changed": {}}
        autograder.student.perform = evil
        """
    )
    with pytest.raises(StudentLost, match="not plain data"):
        call(session, "anything")
    assert not session.hopeless


@pytest.mark.parametrize("changed", ["{0: b''}", "{-1: b'\\xc0'}", "{5: b'\\xc0'}", "[1]", "{'a': 1}", "{0: b'\\xc0'}"])
def test_forged_changes_are_refused(open_session, changed):
    session = open_session(
        f"""
        import autograder.student
        autograder.student.perform = lambda *a: {{"value": b"\\xc0", "changed": {changed}}}
        """
    )
    with pytest.raises(StudentLost):
        call(session, "anything", [1, 2])


def test_a_fork_of_the_student_code_does_not_answer_twice(open_session):
    session = open_session("import os\ndef forking():\n    return os.fork() == 0\ndef fine(): return 1")
    assert call(session, "forking") in (True, False)
    assert call(session, "fine") == 1


def values(session: Session, name: str, arguments: list, seconds: float = 5.0) -> list:
    """Of a replay, what the calls gave that were answered."""
    calls = [Call.of(name, None, (argument,), {}) for argument in arguments]
    replies = session.replay([(call, 7) for call in calls], seconds)
    return [session.take_back(call, reply) for call, reply in zip(calls, replies, strict=False)]


def test_each_call_of_a_replay_starts_from_its_seed(open_session):
    session = open_session("import torch\ndef draw(n): return torch.rand(n)")
    one, *others = values(session, "draw", [2, 2, 2])
    assert [torch.equal(one, other) for other in others] == [True, True]


def test_a_replay_ends_with_the_call_that_takes_its_time(open_session):
    session = open_session("def f(x):\n    while x == 2: pass\n    return x")
    assert values(session, "f", [1, 2, 3], seconds=0.2) == [1, None]


@pytest.mark.parametrize("replies", ["None", "[]", "[{}, {}]", "[1]"])
def test_a_forged_replay_is_refused(open_session, replies):
    session = open_session(f"import autograder.student as s\ns.Student._replay = lambda *_: {{'replies': {replies}}}")
    with pytest.raises(StudentLost, match="not an answer"):
        values(session, "f", [1])


def test_answers_may_take_up_the_memory_of_the_submission_and_no_more(open_session):
    session = open_session("import torch\ndef large(): return torch.zeros(1 << 18)", memory_mb=256)
    call = Call.of("large", None, (), {})
    session._bytes_left = 3 << 20
    for _ in range(2):
        assert session.take_back(call, session.call(call)).numel() == 1 << 18
    with pytest.raises(StudentLost, match="not an answer"):
        session.call(call)


def test_lists_of_references_to_lists_are_refused(open_session):
    session = open_session("def laugh(a, b):\n    a[:] = [b] * 1000\n    b[:] = [1.0] * 1000")
    call = Call.of("laugh", None, ([], []), {})
    reply = session.call(call)
    with pytest.raises(StudentLost, match="not plain data"):
        session.take_back(call, reply)
