"""`linerisk serve` refuses an impossible start with a message, before it listens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path


def _refused(home: Path, *, port: int, **environment: str) -> tuple[int, str]:
    """Exit code and message of a refused start, which has no other output."""
    command = [sys.executable, "-m", "linerisk", "serve", "--home", str(home), "--port", str(port)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False, text=True)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


def test_an_impossible_start_is_refused_with_one_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, message = _refused(tmp_path, port=port)
        assert (code, f"cannot listen on 127.0.0.1:{port}" in message) == (2, True)
    code, message = _refused(tmp_path, port=port)
    assert (code, "no model is live" in message) == (1, True)
    code, message = _refused(tmp_path, port=port, LINERISK_POLICIES=str(tmp_path))
    assert (code, "there is no policy" in message) == (1, True)
