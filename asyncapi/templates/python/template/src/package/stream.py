"""
The life of a subscription: connects, gives events to whoever iterates, and connects again where it broke off, as the errors of
the gateway say. Whoever iterates pulls: what is not asked for waits in a bounded queue, and then in the socket.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypedDict, TypeVar, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .backoff import Backoff
from .cursor_store import CursorStore, MemoryCursorStore
from .errors import RETRIES, StreamConnectionError, error_of
from .request import url_of

E = TypeVar("E")
T = TypeVar("T")

SILENT_HEARTBEATS = 3
"""As long without a word, and the connection is dead."""

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Far above what a gateway sends; a peer that sends more is no gateway."""


@dataclass(frozen=True)
class Ready:
    """The subscription is placed: what is recorded from now on is delivered."""

    cursor: str
    heartbeat: float
    """In seconds."""


@dataclass(frozen=True)
class Gap:
    """With on_lag="drop": positions that were passed over."""

    message: str
    missing: Sequence[Mapping[str, int]]


@dataclass(frozen=True)
class Notice:
    code: str
    message: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Lost:
    """A connection that broke, and when the next is tried."""

    error: Exception
    attempt: int
    """How many attempts in a row brought nothing."""
    delay: float
    """In seconds."""


class StreamOptions(TypedDict, total=False):
    """What to subscribe to, and how."""

    api_key: str | Callable[[], str | Awaitable[str]]
    """The secret, or what gives one for each connection."""
    topic: str
    """A topic filter: `*` is one level, `LA*` a level that begins so, a last `>` the rest."""
    where: Mapping[str, Any]
    """Which events, by their fields: {field: {eq, ne, in, gt, gte, lt, lte, prefix, isNull}}, and, or, not."""
    after: str
    """Where to begin where no cursor is kept: after this one;"""
    since: datetime | timedelta | str
    """since a time, for a duration, or from "earliest";"""
    last: int
    """so many matching events back. With none of these: what comes from now on."""
    on_lag: Literal["catch_up", "conflate", "drop", "end"]
    heartbeat: float
    """In seconds, 1 to 60. Something is heard at least this often; after three without a word the connection is given up."""
    store: CursorStore
    """Where the position is kept. A cursor in it goes before after, since and last. Default: in memory."""
    max_buffered: int
    """Messages that may wait for the application; beyond that, the socket is paused. Default: 256."""
    min_delay: float
    """The longest delay of the first attempt, in seconds. Default: 0.25."""
    max_delay: float
    """The longest delay of any attempt. Default: 30."""
    max_attempts: int
    """Attempts in a row that bring nothing, before the iterator ends with the last error. Default: no end."""
    connect_timeout: float
    """From connecting to being placed, in seconds. Default: 15."""
    on_ready: Callable[[Ready], None]
    on_gap: Callable[[Gap], None]
    on_notice: Callable[[Notice], None]
    on_lost: Callable[[Lost], None]


class _Ended(Exception):
    """A connection is over, and another may be tried."""

    def __init__(self, error: Exception, retry: str | None = None, after: float | None = None) -> None:
        self.error = error
        self.retry = retry
        self.after = after


class EventStream(Generic[E]):
    """An asynchronous iterator of events, and a context manager that closes it."""

    def __init__(self, url: str, fields: Sequence[str] | None, options: StreamOptions) -> None:
        self.cursor: str | None = None
        """Right after the last event that was given to the application."""
        self._url = url
        self._fields = fields
        self._options = options
        self._store = options.get("store") or MemoryCursorStore()
        self._backoff = Backoff(options.get("min_delay", 0.25), options.get("max_delay", 30.0))
        self._closed = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._silence = options.get("connect_timeout", 15.0)
        self._is_loaded = False
        self._position: str | None = None
        """Where the next connection resumes: right after the last message that was taken."""
        self._kept: str | None = None
        self._not_before = 0.0
        """Of the event loop's clock: the next attempt."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        await self.commit()
        while not self._closed.is_set():
            try:
                event = await self._receive()
            except _Ended as ended:
                await self._lost(ended)
                continue
            except BaseException as error:
                # An iterator that has thrown is over; one whose waiting was cancelled is not.
                if not isinstance(error, asyncio.CancelledError):
                    await self.close()
                raise
            if event is not None:
                return event
        raise StopAsyncIteration

    async def commit(self) -> None:
        """Keeps the position of the last event as dealt with; asking for the next one does so, too."""
        if self.cursor is not None:
            await self._keep(self.cursor)

    async def close(self) -> None:
        """Ends the iteration. What waited is dropped, and comes again to whoever resumes."""
        self._closed.set()
        await self._leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _keep(self, cursor: str) -> None:
        if cursor != self._kept:
            await self._store.save(cursor)
            self._kept = cursor

    async def _receive(self) -> E | None:
        """The next event; None: there was another message, or the stream was closed."""
        socket = self._socket or await self._connect()
        if socket is None:
            return None
        try:
            async with asyncio.timeout(self._silence):
                text = await socket.recv()
        except TimeoutError:
            raise _Ended(StreamConnectionError(f"Nothing was heard for {self._silence:g} s.")) from None
        except ConnectionClosed as closed:
            raise _closed_end(closed) from None
        try:
            message: dict[str, Any] = json.loads(text)
        except ValueError:
            raise _Ended(StreamConnectionError("The peer sent what is no JSON.")) from None
        return await self._take(message)

    async def _take(self, message: dict[str, Any]) -> E | None:
        kind, data, cursor = message["type"], message["data"], message.get("cursor")
        if cursor is not None:
            self._position = cursor
        match kind:
            case "sluice.ready":
                heartbeat = _seconds(data["heartbeat"])
                self._silence = SILENT_HEARTBEATS * heartbeat
                await self._keep(message["cursor"])
                self._tell("on_ready", Ready(message["cursor"], heartbeat))
            case "sluice.progress":
                self._backoff.reset()
                await self._keep(message["cursor"])
            case "sluice.gap":
                self._tell("on_gap", Gap(data["message"], data["missing"]))
            case "sluice.notice":
                self._tell("on_notice", Notice(data["code"], data["message"], data))
            case "sluice.error":
                raise _told_end(data, cursor)
            case _:
                self._backoff.reset()
                self.cursor = cursor
                return cast(E, message)
        return None

    async def _connect(self) -> ClientConnection | None:
        if not self._is_loaded:
            self._kept = self._position = await self._store.load()
            self._is_loaded = True
        if await self._until_closed(self._due()) is None:
            return None
        key = self._options.get("api_key")
        given = key() if callable(key) else key
        secret = await given if inspect.isawaitable(given) else given
        self._silence = self._options.get("connect_timeout", 15.0)
        try:
            socket = await self._until_closed(self._open(secret))
        except InvalidStatus as refused:
            status = refused.response.status_code
            error = StreamConnectionError(f"The connection was refused with HTTP {status}.", status)
            # What answers with 4xx instead of a WebSocket is no gateway, or has no such product.
            if 400 <= status < 500 and status not in (408, 425, 429):
                raise error from None
            raise _Ended(error) from None
        except (OSError, EOFError, InvalidHandshake) as error:
            raise _Ended(StreamConnectionError(f"The connection could not be made: {error}")) from error
        if socket is not None and self._closed.is_set():
            await socket.close()
            return None
        self._socket = socket
        return socket

    async def _open(self, secret: str | None) -> ClientConnection:
        return await connect(
            url_of(self._url, self._fields, cast(Mapping[str, Any], self._options), self._position),
            additional_headers={} if secret is None else {"Authorization": f"Bearer {secret}"},
            compression=None,
            open_timeout=self._silence,
            # Heartbeats stand for pings: a reader that is slow is not dead.
            ping_interval=None,
            close_timeout=1,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=max(1, self._options.get("max_buffered", 256)),
        )

    async def _due(self) -> bool:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._not_before - loop.time()))
        return True

    async def _until_closed(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What the work gives; None: the stream was closed before."""
        task = asyncio.ensure_future(work)
        closed = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait({task, closed}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            closed.cancel()
            if not task.done():
                task.cancel()

    async def _lost(self, ended: _Ended) -> None:
        await self._leave()
        delay = self._backoff.next(ended.retry, ended.after)
        attempt = self._backoff.attempt
        limit = self._options.get("max_attempts")
        if limit is not None and attempt > limit:
            await self.close()
            raise ended.error
        self._not_before = asyncio.get_running_loop().time() + delay
        self._tell("on_lost", Lost(ended.error, attempt, delay))

    async def _leave(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    def _tell(self, name: Literal["on_ready", "on_gap", "on_notice", "on_lost"], what: Any) -> None:
        listener = self._options.get(name)
        if listener is not None:
            cast(Callable[[Any], None], listener)(what)


def _told_end(data: Mapping[str, Any], cursor: str | None) -> Exception:
    """What the gateway's last word means: another attempt, or the error itself."""
    error = error_of(data, cursor)
    if error.retry not in ("now", "later"):
        return error
    after = error.retry_after_ms
    return _Ended(error, error.retry, None if after is None else after / 1000)


def _closed_end(closed: ConnectionClosed) -> Exception:
    """A gateway gives its reason as `CODE: text`."""
    if closed.rcvd is None:
        return _Ended(StreamConnectionError("The connection broke."))
    code, _, text = closed.rcvd.reason.partition(": ")
    if code in RETRIES:
        return _told_end({"code": code, "message": text or code, "retry": RETRIES[code]}, None)
    told = f"{closed.rcvd.code} {closed.rcvd.reason}".strip()
    return _Ended(StreamConnectionError(f"The connection was closed with {told}."))


def _seconds(duration: str) -> float:
    """Of ISO 8601, as far as heartbeats go."""
    found = re.fullmatch(r"PT(?:(\d+)M)?(?:([\d.]+)S)?", duration)
    if found is None:
        return 10.0
    return (float(found[1] or 0) * 60 + float(found[2] or 0)) or 10.0
