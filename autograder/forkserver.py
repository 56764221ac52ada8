"""A warm process that student processes are forked from: torch is imported once, not once per submission.

    trusted process ── ForkServer.spawn(budget) ──> server ── fork ──> student process: serve(sock, scratch)

The server holds no secret: no tests, no solutions, no database. Each student process has two sockets to the trusted
side. The caller's `sock` carries the conversation; the server keeps the other one, the *lifeline*: it reports on it how
the student process ended, and kills the student process when it is asked to or when the trusted end closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import site
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from autograder.sandbox import processes
from autograder.sandbox.protocol import END, MESSAGE_BYTES, RETIRE, Exit, clean_environment

if TYPE_CHECKING:
    from autograder.assignment import Budget

STUDENT = "autograder.student:serve"
FORKS_PER_SERVER = 1000
# Seconds after which a server that does not answer counts as dead.
_PATIENCE_TO_START, _PATIENCE_TO_SPAWN, _PATIENCE_TO_END = 180.0, 60.0, 5.0

# Isolated from the environment and the current folder; what the user has installed for themself is added back.
_MAIN = """
import json, site, sys
for folder in json.loads(sys.argv[1])["packages"]:
    site.addsitedir(folder)
from autograder.sandbox.server import main
main()
"""

_Answer = TypeVar("_Answer")


class ForkServerError(RuntimeError):
    """The fork server cannot give out a student process; the message is one sentence that says why."""


class StudentProcess:
    """One running student process; leaving its `with` block kills it and everything that it started."""

    def __init__(self, sock: socket.socket, lifeline: socket.socket, ended: Exit | None = None):
        self.sock = sock
        self._lifeline = lifeline
        self._exit = ended

    def kill(self) -> None:
        """End the student process and all its descendants, at once."""
        if self._exit is None:
            with contextlib.suppress(OSError):  # it has ended already: wait() says how
                self._lifeline.send(b"{}")

    def wait(self, timeout: float | None = None) -> Exit:
        """How the student process ended; raises TimeoutError when it has not after `timeout` seconds."""
        if self._exit is None:
            self._lifeline.settimeout(timeout)
            try:
                message = self._lifeline.recv(MESSAGE_BYTES)
            except TimeoutError:
                raise TimeoutError(f"The student process still runs after {timeout} seconds.") from None
            except OSError:
                message = b""
            self._exit = Exit(**json.loads(message)) if message else Exit("lost", "ended with its fork server")
            self._lifeline.close()
        return self._exit

    def __enter__(self) -> StudentProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()
        self.sock.close()


class ForkServer:
    """Gives out student processes; starts its server at once, restarts it when it dies, renews it after many forks.

    `level` asks for a step of the sandbox's ladder ("full", "landlock"); by default the best one that this machine
    has. `unsafe=True` allows to run without a sandbox where there is none, and `level="unsafe"` asks for it.
    `entry` is the function ("module:name") that runs in the student process as `entry(sock, scratch)`.
    """

    def __init__(
        self,
        level: str | None = None,
        unsafe: bool = False,
        *,
        entry: str = STUDENT,
        forks_per_server: int = FORKS_PER_SERVER,
    ):
        self._options = {"level": level, "unsafe": unsafe, "entry": entry}
        self._forks_per_server = forks_per_server
        self._lock = threading.Lock()
        self._retired: list[_Server] = []
        self._server = _Server(self._options)

    @property
    def level(self) -> str:
        """The step of the ladder in force: "full", "landlock" or "unsafe"."""
        with self._lock:
            return self._insist(_Server.level)

    def spawn(self, budget: Budget) -> StudentProcess:
        """A student process, isolated and ready.

        Raises ForkServerError when the server cannot isolate one, or has died twice in a row.
        """
        with self._lock:
            self._retired = [server for server in self._retired if not server.ended()]
            if self._server.forks >= self._forks_per_server:
                self._server.retire()
                self._retired.append(self._server)
                self._server = _Server(self._options)
            return self._insist(lambda server: server.spawn(budget))

    def _insist(self, ask: Callable[[_Server], _Answer]) -> _Answer:
        """Ask the server, or when it dies over it, its successor."""
        try:
            return ask(self._server)
        except _ServerDied:
            self._server.close()
            self._server = _Server(self._options)
        try:
            return ask(self._server)
        except _ServerDied as died:
            raise ForkServerError(f"The fork server died twice in a row: {died}") from None

    def close(self) -> None:
        """End the servers and every student process that still runs."""
        with self._lock:
            for server in [*self._retired, self._server]:
                server.close()
            self._retired = []

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _ServerDied(Exception):
    """The server's end of the control socket closed; the message is the last thing that it had to say."""


class _Server:
    """One server process, seen from the trusted side."""

    def __init__(self, options: dict[str, Any]):
        self.forks = 0
        self._level: str | None = None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._folder = Path(tempfile.mkdtemp(prefix="descent-"))
        packages = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
        options = {
            **options,
            "packages": packages,
            "fonts": _matplotlib_cache(),
            "control": theirs.fileno(),
            "folder": str(self._folder),
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _MAIN, json.dumps(options)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=clean_environment("/nonexistent", tempfile.gettempdir()),
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def level(self) -> str:
        if self._level is None:
            message = _receive(self._control, _PATIENCE_TO_START)
            if message is None:
                raise _ServerDied(self._last_words())
            if "failed" in message:
                raise ForkServerError(message["failed"])
            self._level = str(message["level"])
        return self._level

    def spawn(self, budget: Budget) -> StudentProcess:
        self.level()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        lifeline, their_lifeline = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, their_lifeline:
            try:
                fds = [theirs.fileno(), their_lifeline.fileno()]
                socket.send_fds(self._control, [json.dumps(asdict(budget)).encode()], fds)
            except OSError:
                raise _ServerDied(self._last_words()) from None
        self.forks += 1
        message = _receive(lifeline, _PATIENCE_TO_SPAWN)
        if message is None:
            raise _ServerDied(self._last_words())
        if "failed" in message:
            raise ForkServerError(f"A student process could not be isolated: {message['failed']}")
        if "started" in message:
            return StudentProcess(ours, lifeline)
        lifeline.close()  # it was killed before it began: who asks it something learns of that
        return StudentProcess(ours, lifeline, Exit(**message))

    def retire(self) -> None:
        """Let the server end by itself once its last student process has."""
        with contextlib.suppress(OSError):  # it is dead, which is all that was asked
            self._control.send(json.dumps(RETIRE).encode())

    def ended(self) -> bool:
        if self._process.poll() is None:
            return False
        self.close()
        return True

    def close(self) -> None:
        # A message, because a process that was forked from this one may keep the socket open.
        with contextlib.suppress(OSError):
            self._control.send(json.dumps(END).encode())
        self._control.close()
        try:
            self._process.wait(timeout=_PATIENCE_TO_END)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._stderr.close()
        processes.remove_folder(self._folder)

    def _last_words(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it closed its socket."
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with status {code}."


def _matplotlib_cache() -> str:
    """Where matplotlib keeps its list of this machine's fonts for the user who grades."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("MPLCONFIGDIR") or f"{cache}/matplotlib"


def _receive(sock: socket.socket, timeout: float) -> dict[str, Any] | None:
    """One message, or None when the other end has closed or says nothing for too long."""
    sock.settimeout(timeout)
    try:
        data = sock.recv(MESSAGE_BYTES)
    except (ConnectionResetError, TimeoutError):
        return None
    return json.loads(data) if data else None
