"""JupyterLab in a real browser, for tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium, needs_chromium

PATIENCE = 180_000  # ms: a loaded machine starts kernels slowly

marks = [pytest.mark.slow, pytest.mark.browser, needs_chromium]


@contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """A JupyterLab server on a folder; gives the start of its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=test", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    # JupyterLab draws only the cells in view unless told otherwise, and a test looks at all of them.
    settings = folder / ".settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    environment = {**os.environ, "PATH": path, "JUPYTER_PREFER_ENV_PATH": "1", "HOME": str(folder)}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / ".settings")
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            try:
                urllib.request.urlopen(f"{address}/api?token=test").close()
                break
            except urllib.error.URLError:
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"JupyterLab did not start: {(folder / 'server.log').read_text()[-2000:]}")
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def browser_page() -> Iterator[Any]:
    with chromium("--disable-gpu", "--disable-quic", "--disable-background-networking") as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        yield page


def run_all_cells(page: Any, address: str, notebook: str) -> None:
    """Opens a notebook and starts all of its cells.

    The notebook's own indicator says "idle" before there is a kernel, and what is run then is lost; the status bar waits.
    """
    page.goto(f"{address}/lab/tree/{notebook}?token=test&reset")
    page.locator("#jp-main-statusbar", has_text="Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
