"""The HTTP side of a push: who may, how much, and what is answered.

A push is answered with 200 when it is on the disk. Where there is no room the answer is 503 with Retry-After and not 429:
OpenTelemetry's Python exporter drops a batch on 429 and sends it again on 503.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import dataclass
from typing import Any

from hydrascope.pipeline.push.body import PATHS, RefusedError, check_type, kind_of_push, too_large, unpack
from hydrascope.pipeline.push.spool import Accepted, ConflictError, Spool, SpoolFullError

__all__ = ["PushSettings", "build_app"]

_KEY_CHARS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """What a receiver takes."""

    token: str | None = None
    """Bearer token that a push must carry; None: no token, which only a loopback address may do."""
    most_bytes: int = 32 << 20
    """Most bytes of one push, before and after decompression."""
    inflight_bytes: int = 256 << 20
    """Most bytes of pushes that are on their way in at one time."""
    body_timeout_s: float = 60.0
    """A push that takes longer to arrive is given up."""
    retry_after_s: int = 10
    """When a sender is asked to come back, if there is no room."""


def build_app(spool: Spool, settings: PushSettings) -> Any:
    """The ASGI application: POST to `body.PATHS`, GET /healthz."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    desk = _Desk(spool, settings)
    routes = [Route(path, desk.take, methods=["POST"]) for path in PATHS]
    routes.append(Route("/healthz", desk.health, methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_such_way, RefusedError: _refuse})


class _Desk:
    """Takes pushes in, one after the other or many at once."""

    def __init__(self, spool: Spool, settings: PushSettings) -> None:
        self._spool, self._settings = spool, settings
        self._inflight = 0
        self._storing = asyncio.Semaphore(4)
        self._scratch = spool.folder / "incoming"

    async def health(self, request: Any) -> Any:
        """Up, and with room."""
        from starlette.responses import JSONResponse

        return JSONResponse({"status": "ok"})

    async def take(self, request: Any) -> Any:
        """One push."""
        self._check_token(request.headers.get("authorization", ""))
        path = request.url.path
        protobuf = check_type(path, request.headers.get("content-type", ""))
        taken = 0
        try:
            async with asyncio.timeout(self._settings.body_timeout_s):
                chunks: list[bytes] = []
                async for chunk in request.stream():
                    self._inflight += len(chunk)
                    taken += len(chunk)
                    self._check_size(taken)
                    chunks.append(chunk)
            async with self._storing:
                accepted = await asyncio.to_thread(self._store, request, path, b"".join(chunks), protobuf)
        except TimeoutError:
            raise RefusedError(408, "the push did not arrive in time") from None
        finally:
            self._inflight -= taken
        return _accepted(accepted, path, protobuf)

    def _check_token(self, header: str) -> None:
        wanted = self._settings.token
        scheme, _, given = header.partition(" ")
        if wanted is None:
            return
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), wanted.encode()):
            raise RefusedError(401, "no or a wrong token", "send the header 'Authorization: Bearer TOKEN'")

    def _check_size(self, taken: int) -> None:
        if taken > self._settings.most_bytes:
            raise too_large(self._settings.most_bytes)
        if self._inflight > self._settings.inflight_bytes:
            raise self._busy("too many pushes at once")

    def _busy(self, what: str) -> RefusedError:
        return RefusedError(503, what, "send it again later", self._settings.retry_after_s)

    def _store(self, request: Any, path: str, packed: bytes, protobuf: bool) -> Accepted:
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= _KEY_CHARS:
            raise RefusedError(400, f"an idempotency key has 1 to {_KEY_CHARS} characters")
        encoding = request.headers.get("content-encoding", "").strip().lower()
        body = unpack(packed, encoding, self._settings.most_bytes)
        try:
            kind = kind_of_push(
                path,
                body,
                protobuf=protobuf,
                format=request.query_params.get("format"),
                scratch=self._scratch,
            )
            return self._spool.store(body, kind=kind, scope=f"{path} {kind}", key=key)
        except SpoolFullError:
            raise self._busy("too much waits to be landed") from None
        except ConflictError:
            raise RefusedError(422, "this idempotency key was used for another push") from None
        except OSError as error:
            raise self._busy(f"the push could not be written: {error.strerror}") from error


def _accepted(accepted: Accepted, path: str, protobuf: bool) -> Any:
    """OTLP's empty response where OTLP was sent; otherwise what became of the push."""
    from starlette.responses import JSONResponse, Response

    if protobuf:
        return Response(b"", media_type="application/x-protobuf")
    if path != "/v1/exchanges":
        return JSONResponse({})
    return JSONResponse({"id": accepted.id, "duplicate": accepted.duplicate})


async def _refuse(request: Any, error: Exception) -> Any:
    """A `google.rpc.Status`, in JSON or, to who sent protobuf, in protobuf; JSON carries the hint beside it."""
    from starlette.responses import Response

    refused = error if isinstance(error, RefusedError) else RefusedError(500, "it went wrong")
    headers = {}
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refused.retry_after_s is not None:
        headers["retry-after"] = str(refused.retry_after_s)
    if "protobuf" in request.headers.get("content-type", ""):
        return Response(_status(refused), refused.status, headers, "application/x-protobuf")
    content = {"code": refused.code, "message": refused.what}
    if refused.hint is not None:
        content["hint"] = refused.hint
    return Response(json.dumps(content) + "\n", refused.status, headers, "application/json")


async def _no_such_way(request: Any, error: Any) -> Any:
    """Another path or method."""
    hint = f"POST to {', '.join(PATHS)}"
    return await _refuse(request, RefusedError(error.status_code, str(error.detail), hint))


def _status(refused: RefusedError) -> bytes:
    """`google.rpc.Status` on the wire: field 1 the code, field 2 the message."""
    told = refused.what if refused.hint is None else f"{refused.what}; {refused.hint}"
    message = told.encode()[:10_000]
    size = len(message)
    length = bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([8, refused.code, 18, *length, size]) + message
