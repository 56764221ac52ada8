"""What runs in a student process: the submission's cells, as Jupyter would run them, then calls of its functions.

Nothing in here is trusted by the judge, and nothing in here is a secret: the student's code lives in this process and
may change all of it. It is written for the honest student, whose outputs and errors should look as they did at home.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import getpass
import io
import os
import selectors
import socket
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import LSString, SList
from traitlets import Instance
from traitlets.config import Config

from autograder import channel
from autograder.calls import MAX_TEXT, TimeIsUp, perform, reseed, text_of, time_limit
from autograder.channel import ChannelError, NotPlain

NO_PROGRAMS = "[No other program is started while a notebook is graded.]"
WIDGET = "application/vnd.jupyter.widget-view+json"
NO_INPUT = "Nobody can answer input() while a notebook is graded: put the value into the cell."


class Recorder:
    """Collects the outputs of one cell in nbformat's form, up to a number of bytes for the whole notebook."""

    def __init__(self) -> None:
        self.left = 1 << 20
        self.begin(listen=False)

    def begin(self, *, listen: bool) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.listening = listen
        self.cut = False
        self.asked_input = False
        self.showed_widget = False
        self.timed_out = False
        self._clear_on_next = False

    def stream(self, name: str, text: str) -> None:
        text = self._take(text)
        if not text:
            return
        self._clear_if_due()
        last = self.outputs[-1] if self.outputs else None
        if last and last["output_type"] == "stream" and last["name"] == name:
            last["text"].append(text)
        else:
            self.outputs.append({"output_type": "stream", "name": name, "text": [text]})

    def add(self, output_type: str, data: dict, metadata: dict | None, **extra: Any) -> None:
        data = {mime: _jsonable(value) for mime, value in data.items()}
        self.showed_widget = self.showed_widget or WIDGET in data
        size = sum(len(value) if isinstance(value, str) else 1000 for value in data.values())
        if not self.listening or not self._allowed(size):
            return
        self._clear_if_due()
        self.outputs.append({"output_type": output_type, "data": data, "metadata": metadata or {}, **extra})

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        lines = [str(line)[:MAX_TEXT] for line in traceback[-50:]]
        if self.listening:
            self.outputs.append({"output_type": "error", "ename": name, "evalue": value[:MAX_TEXT], "traceback": lines})

    def clear(self, wait: bool) -> None:
        self._clear_on_next = True
        if not wait:
            self._clear_if_due()

    def finished(self) -> list[dict[str, Any]]:
        """The outputs, with progress bars as they looked at last."""
        self.listening = False
        for output in self.outputs:
            output.pop("display_id", None)
            if output["output_type"] == "stream":
                output["text"] = _as_seen("".join(output["text"]))
        return self.outputs

    def _clear_if_due(self) -> None:
        if self._clear_on_next:
            self.outputs.clear()
            self._clear_on_next = False

    def _take(self, text: str) -> str:
        if not self.listening:
            return ""
        kept = text[: max(self.left, 0)]
        self.cut = self.cut or len(kept) < len(text)
        self.left -= len(kept)
        return kept

    def _allowed(self, size: int) -> bool:
        if size > self.left:
            self.cut = True
            return False
        self.left -= size
        return True


def _as_seen(text: str) -> str:
    """Text after its carriage returns: of a progress bar, the last state."""
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _jsonable(value: Any) -> Any:
    """Images come as bytes and are kept as base64, as in a notebook file."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


class Stream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of the student's code."""

    encoding = "utf-8"  # type: ignore[assignment]
    errors = "replace"  # type: ignore[assignment]

    def __init__(self, name: str, recorder: Recorder) -> None:
        self.name = f"<{name}>"
        self._name, self._recorder = name, recorder

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._recorder.stream(self._name, text)
        return len(text)

    def writable(self) -> bool:
        return True


class _DisplayHook(DisplayHook):
    """Records the value of a cell's last expression."""

    shell: Any

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        self.shell.recorder.add("execute_result", format_dict, md_dict, execution_count=self.prompt_count)

    def finish_displayhook(self) -> None:
        self._is_active = False


class _DisplayPublisher(DisplayPublisher):
    """Records what `display` shows."""

    def publish(self, data, metadata=None, *args, transient=None, update=False, **kwargs) -> None:  # type: ignore
        recorder = self.shell.recorder
        display_id = (transient or {}).get("display_id")
        if update:
            for output in recorder.outputs:
                if display_id is not None and output.get("display_id") == display_id:
                    output["data"] = {mime: _jsonable(value) for mime, value in data.items()}
            return
        extra = {"display_id": display_id} if display_id is not None else {}
        recorder.add("display_data", data, metadata, **extra)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.recorder.clear(wait)


class _Transformer(TransformerManager):
    """Looks for magics, which takes longer than most cells run, only in what is not Python as it stands."""

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        with warnings.catch_warnings(), contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            warnings.simplefilter("ignore")  # running the cell gives them
            ast.parse("".join(lines))
            return lines
        return super().do_token_transforms(lines)


class Shell(InteractiveShell):
    """IPython without a terminal, a history file or a kernel; outputs go to its `recorder`."""

    recorder: Recorder
    input_transformer_manager = Instance(_Transformer, ())

    def __init__(self, **kwargs: Any) -> None:
        self.recorder = Recorder()
        super().__init__(displayhook_class=_DisplayHook, display_pub_class=_DisplayPublisher, **kwargs)

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        if etype is TimeIsUp:
            stb = [str(evalue)]
            self.recorder.timed_out = True
        self.recorder.error(etype.__name__, text_of(evalue), stb)

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no window to show anything in."""

    def enable_matplotlib(self, gui: str | None = None) -> Any:
        """Figures are images in the notebook, whatever `%matplotlib` asks for."""
        return super().enable_matplotlib("inline")

    def ask_exit(self) -> None:
        """`exit` and `quit` end no kernel here."""

    def system(self, cmd: str) -> None:  # type: ignore[override]
        """`!pip install x` starts nothing here; as in Jupyter, the cell goes on after a command that fails."""
        print(NO_PROGRAMS, file=sys.stderr)
        self.user_ns["_exit_code"] = 127

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> SList | LSString:
        self.system(cmd)
        return SList() if split else LSString()

    def init_history(self) -> None:
        super().init_history()
        assert self.history_manager is not None
        self.history_manager.enabled = False


@cache
def preload() -> Shell:
    """Build the shell; done in the fork server, it costs nothing in the student processes."""
    import matplotlib
    from matplotlib_inline import backend_inline

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config)
    matplotlib.use("module://matplotlib_inline.backend_inline")
    backend_inline.configure_inline_support(shell, "module://matplotlib_inline.backend_inline")
    matplotlib.interactive(True)
    import statistics  # noqa: F401, where no file of a student's can take its place: code that is read may use it (`utils.modules`)

    # The sandbox has no epoll, which the event loops of `await` would choose.
    selectors.DefaultSelector = selectors.PollSelector  # type: ignore
    # Done here once: the first float16 number asks what the processor can do, in files that the sandbox hides, and the
    # first cell imports more of IPython.
    torch.ones(1, dtype=torch.float16).float()
    shell.run_cell("pass")
    return shell


def preload_more() -> None:
    """What takes long and few students use; done in a fork server that has a second student to fork for."""
    torch.optim.SGD([torch.zeros(1)], lr=0.0)  # the first optimizer imports torch's compiler


def serve(sock: socket.socket, scratch: Path) -> None:
    """Answer the judge's requests, one by one, until it hangs up."""
    student = Student(scratch)
    home = os.getpid()
    while True:
        try:
            request = channel.unpack(channel.receive_frame(sock))
        except ChannelError:
            return
        try:
            reply = student.answer(request)
        except Exception as error:
            reply = {"broken": type(error).__name__}
        if os.getpid() != home:  # a fork that the student's code made and that found its way back here
            os._exit(0)
        try:
            data = channel.pack({"id": request["id"], **reply})
        except ChannelError:
            data = channel.pack({"id": request["id"], "broken": "the answer cannot be sent"})
        channel.send_frame(sock, data)


class Student:
    """The state of one student process: its shell, and where its cells' code came from."""

    def __init__(self, scratch: Path) -> None:
        self.shell = preload()
        self.shell.ipython_dir = str(scratch)
        self.cell_of_file: dict[str, int] = {}
        self.solutions: dict[int, dict[str, Any]] = {}
        sys.stdout, sys.stderr = Stream("stdout", self.shell.recorder), Stream("stderr", self.shell.recorder)
        builtins.input = self._no_input
        getpass.getpass = self._no_input
        sys.path.append("")  # behind the libraries: no file of the student's takes the place of one

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        operations: dict[str, Callable[[dict], dict]] = {
            "begin": self._begin,
            "run": self._run,
            "call": self._call,
            "replay": self._replay,
            "value": self._value,
            "load": self._load,
        }
        return operations[request["op"]](request)

    def _begin(self, request: dict[str, Any]) -> dict[str, Any]:
        reseed(request["seed"])
        self.shell.recorder.left = request["output_bytes"]
        for name, data in request["files"].items():
            with contextlib.suppress(OSError):  # no room: who opens the file is told
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_bytes(data)
        return {}

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        recorder = self.shell.recorder
        recorder.begin(listen=True)
        number = self.shell.execution_count
        known = set(self.shell.compile._filename_map)
        try:
            with time_limit(request["seconds"], "This cell"):
                self.shell.run_cell(request["source"], store_history=True)
        except TimeIsUp:
            recorder.timed_out = True
        for name in set(self.shell.compile._filename_map) - known:
            self.cell_of_file[name] = request["cell"]
        return {
            "outputs": channel.dumps(recorder.finished()),
            "execution_count": number,
            "asked_input": recorder.asked_input,
            "showed_widget": recorder.showed_widget,
            "cut": recorder.cut,
            "timed_out": recorder.timed_out,
        }

    def _value(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"value": channel.dumps(self.shell.user_ns[request["name"]])}
        except KeyError:
            return {"missing": True}
        except NotPlain as error:
            return {"refused": error.found}

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        """Keep a namespace of its own for a known solution, to call its functions as one calls a student's."""
        torch.set_grad_enabled(True)  # whatever the one before it has left behind
        torch.set_default_dtype(torch.float32)
        names: dict[str, Any] = {"__name__": "solution"}
        exec(compile(request["source"], "<solution>", "exec"), names)
        self.solutions[request["solution"]] = names
        return {}

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call a function of the student's, or a probe; the global generator of torch goes along and comes back."""
        if request["rng"] is not None:
            torch.default_generator.set_state(torch.frombuffer(bytearray(request["rng"]), dtype=torch.uint8))
        rng = channel.generator_state(torch.default_generator)
        self.shell.recorder.begin(listen=False)
        reply = perform(request, self.shell.user_ns, request["seconds"], self.cell_of_file)
        after = channel.generator_state(torch.default_generator)
        return {**reply, "rng": after if after != rng else None}

    def _replay(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do one call after the other, each with its seed, until the time is up or one has taken all of it."""
        self.shell.recorder.begin(listen=False)
        names = self.shell.user_ns if request["solution"] is None else self.solutions[request["solution"]]
        replies, began = [], time.monotonic()
        for call in request["calls"]:
            reseed(call["seed"])
            replies.append(perform(call, names, request["seconds"], self.cell_of_file))
            if "timeout" in replies[-1] or time.monotonic() - began > request["seconds"]:
                break
        return {"replies": replies}

    def _no_input(self, prompt: object = "", *_: object, **__: object) -> str:
        self.shell.recorder.asked_input = True
        raise StdinNotImplementedError(NO_INPUT)
