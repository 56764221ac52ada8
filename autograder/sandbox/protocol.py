"""What the trusted process and the fork server tell each other."""

from __future__ import annotations

from dataclasses import dataclass

MESSAGE_BYTES = 65536
# Requests that are not for a student process: end at once, or when the last one has ended.
END, RETIRE = "end", "retire"


@dataclass(frozen=True)
class Exit:
    """How a student process ended.

    `reason` is "exited" (by itself), "killed" (by `kill()`, or for what `detail` says), "memory" or "cpu" (a budget),
    "crashed" (a signal: the interpreter itself broke), or "lost" (with its server or by somebody on the machine: not
    the student's doing, so it deserves another try). `detail` is "" or a phrase to put behind "it". `cpu_seconds`
    counts the process and the children that it waited for; `memory_mb` is its peak resident memory, most of which it
    shares with the server.
    """

    reason: str
    detail: str = ""
    cpu_seconds: float = 0.0
    memory_mb: float = 0.0


def clean_environment(home: str, temporary: str) -> dict[str, str]:
    """All that the server and its children know of the environment: a home, one thread each."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": home,
        "TMPDIR": temporary,
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "MPLBACKEND": "Agg",
        # A forked child hangs in its first parallel operation if its parent ever ran one.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
