"""What runs in a sandboxed process when the sandbox itself is examined: Python text in, one JSON value out."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any


def serve(sock: socket.socket, scratch: Path) -> None:
    """Run each text that arrives; its variable `answer`, or the error, goes back as one line of JSON."""
    with sock.makefile("rw") as lines:
        for line in lines:
            names: dict[str, Any] = {"scratch": scratch, "sock": sock, "answer": None}
            try:
                exec(json.loads(line), names)
                reply = {"answer": names["answer"]}
            except BaseException as error:
                reply = {"error": type(error).__name__, "text": str(error), "errno": getattr(error, "errno", None)}
            lines.write(json.dumps(reply, default=str) + "\n")
            lines.flush()
