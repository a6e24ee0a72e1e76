"""A receiver beside the run that lands: one thread, its own event loop, stopped politely."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydrascope.errors import ResourceError, UsageError
from hydrascope.pipeline.push.app import PushSettings, build_app
from hydrascope.pipeline.push.spool import Spool

__all__ = ["Receiver", "listen_address", "receive"]

STOP_S = 10
"""How long pushes that are on their way in may take to finish when the receiver stops."""


class Receiver:
    """A running receiver; made by `receive`."""

    def __init__(self, host: str, port: int, thread: threading.Thread) -> None:
        self.host = host
        self.port = port
        self._thread = thread

    def check(self) -> None:
        """Nothing, while it runs.

        Raises:
            ResourceError: it does not.
        """
        if not self._thread.is_alive():
            raise ResourceError(
                "the receiver stopped by itself",
                hint="run the same command again; what it answered with 200 is kept",
            )


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT, an IPv6 address in brackets.

    Raises:
        UsageError: not of that form.

    >>> listen_address("[::1]:4318")
    ('::1', 4318)
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65_535:
        raise UsageError(
            f"'{text}' is no address to listen on", hint="write HOST:PORT, such as 127.0.0.1:4318"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


@contextmanager
def receive(spool: Spool, host: str, port: int, settings: PushSettings) -> Iterator[Receiver]:
    """Take pushes until the context ends; those on their way in then are finished first.

    Args:
        spool: where they go.
        host, port: where to listen; port 0 takes a free one.

    Raises:
        UsageError: no token on an address that others reach, an address that cannot be had, or a missing extra.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise UsageError("--listen needs the extra 'push'", hint="pip install 'hydrascope[push]'") from error
    listener = _listen(host, port, settings)
    config = uvicorn.Config(
        build_app(spool, settings),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
    server: Any = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="receiver", daemon=True)
    thread.start()
    try:
        yield Receiver(host, listener.getsockname()[1], thread)
    finally:
        server.should_exit = True
        thread.join(STOP_S + 5)
        listener.close()


def _listen(host: str, port: int, settings: PushSettings) -> socket.socket:
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        if settings.token is None and not ipaddress.ip_address(address[0]).is_loopback:
            raise UsageError(
                f"{host} can be reached by others and no token is set",
                hint="set HYDRASCOPE_PUSH_TOKEN or --token-file, or listen on 127.0.0.1",
            )
        listener = socket.socket(family, kind, number)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another --listen HOST:PORT"
        ) from error
    return listener
