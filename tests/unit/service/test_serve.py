"""How `linerisk serve` starts: what cannot work is said in words, and nothing listens until that is known."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from linerisk.service.serve import await_check

_CHECK = "LINERISK_CHECK"


_IGNORING = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"


def _refused(home: Path, *, port: int, launcher: Sequence[str] = (), **environment: str) -> tuple[int, str]:
    """Exit code and words of a start that is refused; nothing else may have been said."""
    command = [*launcher, sys.executable, "-m", "linerisk", "serve", "--home", str(home), "--port", str(port)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False, text=True)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stderr


def test_what_cannot_work_is_said_in_words_and_nothing_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = _refused(tmp_path, port=port)
        assert (code, f"127.0.0.1:{port} cannot be listened on" in said) == (2, True)
    code, said = _refused(tmp_path, port=port)
    assert (code, "no model is live" in said) == (1, True)
    code, said = _refused(tmp_path, port=port, LINERISK_POLICIES=str(tmp_path))
    assert (code, "there is no policy" in said) == (1, True)


def test_a_launcher_that_ignores_its_children_hides_no_refusal(tmp_path: Path) -> None:
    code, said = _refused(tmp_path, port=0, launcher=[sys.executable, "-c", _IGNORING])
    assert (code, "no model is live" in said) == (1, True)


def test_the_server_waits_for_its_check_and_ends_as_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended_with(code: str) -> None:
        check = subprocess.Popen([sys.executable, "-c", code])
        monkeypatch.setenv(_CHECK, str(check.pid))
        try:
            await_check()
        finally:
            check.returncode = 0  # waited for already
            assert _CHECK not in os.environ  # no worker may wait for what is no child of its own

    ended_with("")
    with pytest.raises(SystemExit) as left:
        ended_with("raise SystemExit(2)")
    assert left.value.code == 2
    with pytest.raises(SystemExit, match="ended by signal 9"):
        ended_with(f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})")


def test_a_server_without_a_check_waits_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_CHECK, raising=False)
    await_check()
