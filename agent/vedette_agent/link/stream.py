"""Stream: one gRPC call, from connecting to its end; does what a `Session` decides.

One reader and one writer task use the call, through `read()` and `write()`; a feeder brings facts from the
outbox and a watch wakes the session at its deadlines. The first of them to find an end ends them all, and
the call is always cancelled, because an abandoned call is never collected.

A heartbeat never waits behind data. The writer takes frames from two queues, heartbeats and answers first;
the feeder, not the writer, waits for the disk; the data queue is short and its frames are small. What is
left is the one data frame that gRPC may be holding because the server reads slowly. That wait is bounded by
the in-flight window, which the server sizes to what it is ready to take, and a server that reads nothing
acknowledges nothing: the silence ends the stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio

from vedette_agent.clock import Clock
from vedette_agent.errors import OutboxError
from vedette_agent.facts import GapReason
from vedette_agent.link import frames, wire
from vedette_agent.link.drift import Drift
from vedette_agent.link.session import (
    Acknowledged,
    Action,
    Cause,
    Close,
    Ended,
    Opened,
    Rescheduled,
    Send,
    SendData,
    SendHeartbeat,
    Session,
)
from vedette_agent.log import Logger
from vedette_agent.outbox.outbox import Outbox

_log = Logger("link")

#: Data frames read ahead of the writer; small, so that what is queued is soon sent.
_MAX_QUEUED_DATA = 32
#: Bytes read from the outbox at a time.
_MAX_PEEK_BYTES = 256 * 1024
#: How long the end of a stream may take: the goodbye to leave, the server to answer it, in seconds.
_CLOSING_TIMEOUT = 1.0
#: A step of this machine's wall clock that needs a new hello, in microseconds.
_CLOCK_STEP_US = 2_000_000
#: What the server's error says when the credential is of another kind.
_WRONG_TOKEN = b"TOKEN_NOT_AGENT"


class Stream:
    """One attempt to reach the server, and the stream that comes of it.

    Args:
        flush_seconds: how long `stop` goes on sending what is left.
        on_welcome: called when the stream is open for data.
    """

    def __init__(
        self,
        *,
        channel: grpc.aio.Channel,
        metadata: Sequence[tuple[str, str]],
        outbox: Outbox,
        clock: Clock,
        welcome_timeout: float,
        flush_seconds: float,
        on_welcome: Callable[[frames.Welcome], None],
    ) -> None:
        self._channel = channel
        self._metadata = tuple(metadata)
        self._outbox = outbox
        self._outbox_id = outbox.outbox_id
        self._clock = clock
        self._flush_seconds = flush_seconds
        self._on_welcome = on_welcome
        self._connect_timeout = welcome_timeout
        self._session = Session(welcome_timeout=welcome_timeout)
        self._urgent: deque[frames.Outgoing] = deque()
        self._data: deque[frames.Outgoing] = deque()
        self._to_write = asyncio.Event()
        self._to_feed = asyncio.Event()
        self._rescheduled = asyncio.Event()
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._call: grpc.aio.StreamStreamCall[bytes, bytes] | None = None
        self._live_since: float | None = None
        self._wall_at_hello_us = 0
        self._drift = Drift()
        #: Server clock minus this machine's at the last frame that told; None before.
        self.clock_skew_us: int | None = None
        #: Monotonic time of the last ack; None before.
        self.last_ack: float | None = None

    @property
    def live_seconds(self) -> float:
        """How long the stream has been open for data; 0 when it never was."""
        return 0.0 if self._live_since is None else self._clock.monotonic() - self._live_since

    async def run(self, hello: Callable[[], frames.Hello]) -> Ended:
        """Connect, say hello and serve the stream until it ends; returns how it ended.

        Args:
            hello: makes the first frame, once there is a connection: the time in it must be fresh.
        """
        started = self._clock.monotonic()
        connecting = asyncio.create_task(self._connect())
        try:
            await asyncio.wait((connecting, self._ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        return self._ended.result() if self._ended.done() else await self._serve(hello, started)

    async def _connect(self) -> None:
        """Return when the channel is connected or has failed, which the call will tell; or took too long."""
        waiting = {grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING}
        try:
            async with asyncio.timeout(self._connect_timeout):
                while (state := self._channel.get_state(try_to_connect=True)) in waiting:
                    await self._channel.wait_for_state_change(state)
        except TimeoutError:
            text = f"no connection within {self._connect_timeout:g} s"
            self._act(self._session.end(Ended(cause=Cause.TRANSPORT, text=text, status="UNAVAILABLE")))

    async def _serve(self, hello: Callable[[], frames.Hello], started: float) -> Ended:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        method = self._channel.stream_stream(wire.CONNECT_METHOD)
        self._call = method(metadata=self._metadata)
        unlisten = self._outbox.on_append(self._appended)
        tasks = [self._start(work) for work in (self._read(), self._write(), self._feed(), self._watch())]
        try:
            self._wall_at_hello_us = self._wall_since_monotonic()
            self._act(self._session.open(hello(), started))
            ended = await asyncio.shield(self._ended)
            if ended.cause is Cause.STOPPED:
                await self._leave(tasks[:2])
            return ended
        finally:
            unlisten()
            for task in tasks:
                task.cancel()
            self._call.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self, reason: frames.StopReason) -> None:
        """Leave: send what is left for a short while, then say goodbye."""
        self._act(self._session.stop(reason, self._flush_seconds, self._clock.monotonic()))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """Let a bug in one of the tasks surface where the stream is awaited."""
        if self._ended.done():
            return
        if task.cancelled():
            # gRPC cancels a pending read or write together with the call.
            self._ended.set_result(
                Ended(cause=Cause.TRANSPORT, text="the call was cancelled", status="CANCELLED")
            )
        elif error := task.exception():
            self._ended.set_exception(error)

    async def _leave(self, tasks: list[asyncio.Task[None]]) -> None:
        """Give the goodbye time to leave and the server time to close."""
        await asyncio.wait(tasks, timeout=_CLOSING_TIMEOUT)

    # --- carrying out ---------------------------------------------------------------------------------------

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(frame=frame):
                    self._urgent.append(frame)
                    self._to_write.set()
                case SendData(frame=fact):
                    self._data.append(fact)
                    self._to_write.set()
                case SendHeartbeat():
                    self._urgent.append(self._heartbeat())
                    self._to_write.set()
                case Opened(welcome=welcome):
                    self._opened(welcome)
                case Acknowledged():
                    self._acknowledged(action)
                case Rescheduled():
                    self._rescheduled.set()
                    self._to_feed.set()
                case Close(ended=ended):
                    self._close(ended)

    def _opened(self, welcome: frames.Welcome) -> None:
        self._on_welcome(welcome)
        self._live_since = self._clock.monotonic()
        if welcome.series_count:
            self._outbox.limit_series(welcome.series_count)
        self._rescheduled.set()

    def _acknowledged(self, action: Acknowledged) -> None:
        now = self._clock.monotonic()
        self.last_ack = now
        self._outbox.acknowledge(action.watermark)
        self._to_feed.set()
        self.clock_skew_us = action.server_time_us - self._clock.now_us()
        self._compare_clocks(self.clock_skew_us, now)

    def _compare_clocks(self, skew_us: int, now: float) -> None:
        """End the stream when the server, which judges our times by what hello told, has to learn anew."""
        step_us = self._wall_since_monotonic() - self._wall_at_hello_us
        if abs(step_us) > _CLOCK_STEP_US:
            text = f"this machine's clock was set by {step_us / 1e6:+.1f} s; saying hello again"
            self._act(self._session.end(Ended(cause=Cause.CLOCK_STEPPED, text=text)))
        elif (drift_us := self._drift.observe(skew_us, now)) is not None:
            text = f"this machine's clock drifted by {-drift_us / 1e6:+.1f} s since hello; saying hello again"
            self._act(self._session.end(Ended(cause=Cause.CLOCK_DRIFTED, text=text)))

    def _wall_since_monotonic(self) -> int:
        """Return what changes only when the wall clock is set, or while the machine sleeps."""
        return self._clock.now_us() - round(self._clock.monotonic() * 1e6)

    def _close(self, ended: Ended) -> None:
        if not self._ended.done():
            self._ended.set_result(ended)
        self._to_write.set()

    def _heartbeat(self) -> frames.Heartbeat:
        return frames.Heartbeat(
            agent_time_us=self._clock.now_us(),
            outbox_fact_count=self._outbox.fact_count,
            outbox_size_bytes=self._outbox.size_bytes,
        )

    # --- the tasks ------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        call = self._open_call()
        try:
            # What is read is bytes until the end of the stream, which is an object of its own.
            while isinstance(payload := await call.read(), bytes):
                self._act(self._session.receive(wire.decode(payload), self._clock.monotonic()))
        except grpc.aio.AioRpcError:
            pass  # what ended it is read from the call below
        except ValueError as error:
            self._act(self._session.end(Ended(cause=Cause.VIOLATION, text=f"the server sent {error}")))
            return
        await self._transport_ended(call)

    async def _transport_ended(self, call: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
        """A dead stream looks like a polite end, so only the status tells, and not even that reliably."""
        status = (await call.code()).name
        details = await call.details() or "the stream ended without a word"
        if _WRONG_TOKEN in _rich_details(await call.trailing_metadata()) + details.encode():
            status = _WRONG_TOKEN.decode()
        ended = Ended(cause=Cause.TRANSPORT, text=f"{status}: {details}", status=status)
        self._act(self._session.end(ended))

    async def _write(self) -> None:
        call = self._open_call()
        while True:
            while not self._urgent and (self._ended.done() or not self._data):
                if self._ended.done():
                    await call.done_writing()
                    return
                self._to_write.clear()
                await self._to_write.wait()
            frame = self._urgent.popleft() if self._urgent else self._data.popleft()
            try:
                await call.write(wire.encode(frame))
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                return  # the call is over; the reader finds out why
            self._session.sent(self._clock.monotonic())
            if len(self._data) < _MAX_QUEUED_DATA:
                self._to_feed.set()

    async def _feed(self) -> None:
        while True:
            self._to_feed.clear()
            if len(self._data) >= _MAX_QUEUED_DATA or not await self._bring_facts():
                await self._to_feed.wait()

    async def _bring_facts(self) -> bool:
        """Queue the next facts that may be sent; returns False when there are none."""
        room = self._session.room(self._outbox.newest_event_seq, self._clock.monotonic())
        if room is None:
            return False
        try:
            records = await self._outbox.peek(
                room.after_seq, max_count=room.count, max_bytes=_MAX_PEEK_BYTES, up_to_seq=room.up_to_seq
            )
        except OutboxError as error:
            self._act(self._session.end(Ended(cause=Cause.OUTBOX_MOVED, text=str(error))))
            return False
        if self._outbox.outbox_id != self._outbox_id:
            text = "the outbox has a new id"
            self._act(self._session.end(Ended(cause=Cause.OUTBOX_MOVED, text=text)))
            return False
        facts = [
            frames.FactFrame(seq=record.seq, kind=record.kind, payload=record.payload) for record in records
        ]
        for fact in facts:
            if self._session.too_large(fact):
                _log.error("link.fact_too_large", seq=fact.seq, size_bytes=len(fact.payload))
                await self._outbox.replace_by_gap(fact.seq, GapReason.INVALID_VALUE)
                return True
        self._act(self._session.offer(facts, self._outbox.series))
        return bool(facts)

    async def _watch(self) -> None:
        while True:
            self._rescheduled.clear()
            deadline = self._session.next_deadline()
            now = self._clock.monotonic()
            if self._session.throttled_until > now:
                # Nothing else wakes the feeder when a throttle ends.
                deadline = min(deadline or self._session.throttled_until, self._session.throttled_until)
            await _first_of(self._rescheduled, None if deadline is None else max(0.0, deadline - now))
            self._act(self._session.poll(self._clock.monotonic()))
            self._to_feed.set()

    def _appended(self) -> None:
        self._act(self._session.appended(self._outbox.next_seq, self._clock.monotonic()))
        self._to_feed.set()

    def _open_call(self) -> grpc.aio.StreamStreamCall[bytes, bytes]:
        if self._call is None:
            raise RuntimeError("the stream was not run")
        return self._call


async def _first_of(event: asyncio.Event, seconds: float | None) -> None:
    """Return when `event` is set, or after `seconds`.

    Not through `wait_for`: in Python 3.11 it loses a cancellation that comes together with the event.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _rich_details(metadata: Any) -> bytes:  # noqa: ANN401 - grpc.aio's Metadata or None
    values = [value for key, value in metadata or () if key == "grpc-status-details-bin"]
    return b"".join(value for value in values if isinstance(value, bytes))
