"""Kills a receiver at random moments while exchanges are pushed to it: run by test_push_kill.

Each turn forks a child that receives and lands; it is killed after a random time. The sender keeps a push until it is
answered with 200, and sends it again to the next child, sometimes even then. The fork happens before any thread exists.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path

import msgspec
from pushing import exchange_lines, hashed, log_request, post, rows_of, span_hashes, span_request

from hydrascope.pipeline.push import land_pushes, open_spool, receive
from hydrascope.pipeline.push.app import PushSettings
from hydrascope.pipeline.push.seal import SealSettings
from hydrascope.pipeline.watch import merge_parts, open_state

SETTINGS = SealSettings(settle_s=0.0, patience_s=3600.0)
Sent = tuple[bytes, str, str]
_stopping = threading.Event()


def _serve(folder: Path, port: int) -> None:
    with (
        open_state(folder / "state") as state,
        open_spool(folder / "spool") as spool,
        receive(spool, "127.0.0.1", port, PushSettings()) as receiver,
    ):
        while not _stopping.is_set():
            receiver.check()
            if land_pushes(state, spool, SETTINGS).n_files:
                merge_parts(state, at=4)
                state.publish()
            time.sleep(0.005)


def _push(number: int) -> Sent:
    """Every third push is of spans, every third of the log records of the spans before it."""
    if number % 3 == 0:
        return exchange_lines(range(number * 10, number * 10 + 10)), "/v1/exchanges", "application/x-ndjson"
    first = number // 3 * 5
    request = (span_request if number % 3 == 1 else log_request)(range(first, first + 5))
    path = "/v1/traces" if number % 3 == 1 else "/v1/logs"
    return msgspec.json.encode(request), path, "application/json"


def _send(port: int, push: Sent) -> bool:
    try:
        return post(port, push[0], push[1], media_type=push[2])[0] == 200
    except OSError:
        return False
    except Exception as error:  # the answer was cut off
        if type(error).__module__ != "http.client":
            raise
        return False


def _check(folder: Path, acknowledged: int, complete: bool) -> None:
    """After the last push everything is there once; before, nothing is there twice."""
    with open_state(folder / "state") as state, open_spool(folder / "spool") as spool:
        land_pushes(state, spool, SETTINGS)
        found = sorted(row["xid"] for row in rows_of(state))
        assert len(set(found)) == len(found), "an exchange is there twice"
        lines = [i for n in range(0, acknowledged, 3) for i in range(n * 10, n * 10 + 10)]
        both = [i for n in range(2, acknowledged, 3) for i in range(n // 3 * 5, n // 3 * 5 + 5)]
        wanted = sorted([*hashed(f"x{i}" for i in lines), *span_hashes(both)])
        assert set(wanted) <= set(found), "an acknowledged exchange is lost"
        assert not complete or wanted == found, "an exchange came from nowhere"
        assert all(row["prompt"] is not None for row in rows_of(state)), "halves did not meet"


def main(folder: Path, kills: int) -> int:
    """Kill `kills` receivers while pushing, then compare what is there with what was acknowledged."""
    chance = random.Random(11)
    port = _free_port()
    _child(_check, folder / "warm", 0, False)  # kernels are compiled and cached before the clock runs
    number = 0
    for turn in range(kills):
        pid = os.fork()
        if pid == 0:
            _exit(_serve, folder, port)
        until = time.monotonic() + chance.uniform(0.05, 0.8)
        while time.monotonic() < until:
            if not _send(port, _push(number)):
                time.sleep(0.01)
                continue
            number += 1
            if chance.random() < 0.3:
                _send(port, _push(chance.randrange(max(number - 9, 0), number)))
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        if not os.WIFSIGNALED(status):
            return 1
        if turn % 10 == 9:
            _child(_check, folder, number, False)
    number = _finish(folder, port, number)
    _child(_check, folder, number, True)
    sys.stdout.write(f"{kills} kills, {number} pushes acknowledged\n")
    return 0


def _finish(folder: Path, port: int, number: int) -> int:
    """The pushes up to the next that completes a pair are sent to a last child, which is stopped as a person would."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, lambda *_: _stopping.set())
        _exit(_serve, folder, port)
    target = number + 3 - number % 3
    until = time.monotonic() + 120
    while number < target and time.monotonic() < until:
        if _send(port, _push(number)):
            number += 1
        else:
            time.sleep(0.05)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    assert number == target, "the last pushes were not acknowledged"
    return number


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _child(work: object, *args: object) -> None:
    pid = os.fork()
    if pid == 0:
        _exit(work, *args)
    status = os.waitpid(pid, 0)[1]
    if status:
        raise SystemExit(f"{getattr(work, '__name__', work)} failed with {status}")


def _exit(work: object, *args: object) -> None:
    try:
        work(*args)  # type: ignore[operator]
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2])))
