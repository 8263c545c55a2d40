"""Session: one stream to the server as a state machine without I/O.

Theory of operation. The shell (`stream.py`) owns the socket, the clock and the outbox; the session owns
every decision. The shell feeds it frames that arrived (`receive`), facts that could be sent (`offer`), the
passing of time (`poll`), what left (`sent`) and the wish to stop (`stop`). It answers with actions, to be
carried out in their order:

    idle --open--> hello sent --welcome--> live --stop--> draining --all acknowledged or out of time--> closed
                        |                    |                |
                        +----- reject, reconnect, silence, a violated rule, transport end ------------> closed

- Only `room` decides what may be sent: nothing before the welcome, never more unacknowledged facts than the
  server allows, no metrics while throttled, always in the order of seq without a hole.
- The link is dead when no frame came for two heartbeat intervals. The server acknowledges at least once an
  interval, so silence means that it, its database or the way to it hangs. Transport keepalive cannot know
  that: a blocked server still answers pings.
- A heartbeat is due when nothing left for one interval; every frame that leaves counts as one.
- A closed session is never opened again. What to do next is for `backoff.py` and `link.py`, from its `Ended`.

Times are monotonic seconds. Nothing here does I/O or reads the clock. Callers pass `now` in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette_agent.facts import FactKind, Series
from vedette_agent.link import frames

#: Silence of this many heartbeat intervals is death.
_SILENCE_INTERVALS = 2
#: In-flight window until the server names one, in facts.
_DEFAULT_IN_FLIGHT = 256
#: Most facts of one `offer`, so that a long backlog is read in small bites.
_MAX_OFFER = 64
#: Most descriptors of one frame; the protocol allows 1000, small frames let a heartbeat pass.
_MAX_DESCRIPTORS = 200
#: Longest throttle that is believed, in seconds: a slip of the server must not blind it for a day.
_MAX_THROTTLE = 600.0
#: Bounds of a heartbeat interval that is believed, in seconds.
_MIN_INTERVAL, _MAX_INTERVAL = 0.05, 3600.0


class State(StrEnum):
    """Where a session is in its life."""

    IDLE = "idle"
    HELLO_SENT = "hello_sent"
    LIVE = "live"
    DRAINING = "draining"
    CLOSED = "closed"


class Cause(StrEnum):
    """Why a session ended."""

    #: On our own wish, with a goodbye if there was time.
    STOPPED = "stopped"
    #: The server asked for another stream.
    RECONNECT = "reconnect"
    #: The server refused to go on; see `Ended.reject`.
    REJECTED = "rejected"
    #: No frame for two heartbeat intervals.
    SILENCE = "silence"
    #: The server did not answer the hello in time.
    NO_WELCOME = "no_welcome"
    #: The server broke a rule of the protocol.
    VIOLATION = "violation"
    #: The server has facts of this outbox that the outbox does not know: it is an old copy.
    OUTBOX_BEHIND = "outbox_behind"
    #: The outbox changed under the stream: renewed, or facts ahead of the last sent one were dropped.
    OUTBOX_MOVED = "outbox_moved"
    #: This machine's clock was set: the server must learn of it in a hello.
    CLOCK_STEPPED = "clock_stepped"
    #: This machine's clock ran away from the server's: the server must learn of it in a hello.
    CLOCK_DRIFTED = "clock_drifted"
    #: The transport ended or never came to be; see `Ended.status`.
    TRANSPORT = "transport"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a session ended, with what the next attempt needs to know."""

    cause: Cause
    text: str
    #: Set with REJECTED.
    reject: frames.Reject | None = None
    #: Set with RECONNECT.
    reconnect: frames.Reconnect | None = None
    #: Name of the transport's status, e.g. "UNAVAILABLE"; set with TRANSPORT.
    status: str = ""


# --- actions ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a frame ahead of all facts."""

    frame: frames.Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class SendData:
    """Send a frame in its order among the facts."""

    frame: frames.SeriesFrame | frames.FactFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class SendHeartbeat:
    """Send a heartbeat ahead of all facts, with the clock and the outbox as they are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The server welcomed us; the deadlines changed."""

    welcome: frames.Welcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """Everything up to the watermark is durable at the server."""

    watermark: int
    server_time_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled:
    """The deadlines changed otherwise; ask `next_deadline` again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Let what was queued ahead of facts leave, then end the stream."""

    ended: Ended


Action = Send | SendData | SendHeartbeat | Opened | Acknowledged | Rescheduled | Close


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What may be sent next."""

    #: Facts after this seq.
    after_seq: int
    #: At most so many; at least 1.
    count: int
    #: Not beyond this seq; None for no such bound.
    up_to_seq: int | None = None


class Session:
    """One stream to the server; see the theory of operation above.

    Args:
        welcome_timeout: seconds that the server may take to answer the hello.
    """

    def __init__(self, *, welcome_timeout: float) -> None:
        self.state = State.IDLE
        self._welcome_timeout = welcome_timeout
        self._opened_at = 0.0
        self._interval = 0.0
        self._in_flight = _DEFAULT_IN_FLIGHT
        self._frame_size = 0
        self._last_received = 0.0
        self._last_sent = 0.0
        self._heartbeat_queued = False
        self._throttled_until = 0.0
        self._drain_until = 0.0
        self._stop_reason = frames.StopReason.REQUESTED
        self._next_seq = 1
        self._acked_seq = 0
        self._sent_seq = 0
        self._announced = 0

    @property
    def acked_seq(self) -> int:
        """Highest seq that the server said is durable."""
        return self._acked_seq

    @property
    def is_open_for_data(self) -> bool:
        """Whether facts may be sent, now or when there is room."""
        return self.state in {State.LIVE, State.DRAINING}

    @property
    def sent_seq(self) -> int:
        """Highest seq that was given out for sending."""
        return self._sent_seq

    # --- life -----------------------------------------------------------------------------------------------

    def open(self, hello: frames.Hello, now: float) -> list[Action]:
        """Start the stream with a hello."""
        self.state = State.HELLO_SENT
        self._opened_at = self._last_received = self._last_sent = now
        self._next_seq = hello.next_seq
        self._acked_seq = self._sent_seq = hello.oldest_seq - 1
        return [Send(frame=hello)]

    def stop(self, reason: frames.StopReason, flush: float, now: float) -> list[Action]:
        """Leave on purpose: send what is left for at most `flush` seconds, then say goodbye."""
        self._stop_reason = reason
        self._drain_until = now + flush
        match self.state:
            case State.LIVE:
                self.state = State.DRAINING
                return [Rescheduled(), *self._finish_draining(now)]
            case State.HELLO_SENT:
                return self._say_goodbye()
            case State.IDLE:
                return self._close(Ended(cause=Cause.STOPPED, text="stopped before it was connected"))
            case State.DRAINING | State.CLOSED:
                return []

    def appended(self, next_seq: int, now: float) -> list[Action]:
        """Take note that the outbox grew: the next new fact will get `next_seq`."""
        self._next_seq = next_seq
        return self._finish_draining(now)

    def end(self, ended: Ended) -> list[Action]:
        """Close for a reason that the shell knows: the transport's, or the outbox's."""
        return self._close(ended)

    # --- what arrives ---------------------------------------------------------------------------------------

    def receive(self, frame: frames.Incoming, now: float) -> list[Action]:
        """Take in one frame from the server."""
        if self.state is State.CLOSED:
            return []
        self._last_received = now
        if isinstance(frame, frames.Reject):
            return self._close(Ended(cause=Cause.REJECTED, text=_reject_text(frame), reject=frame))
        if isinstance(frame, frames.Reconnect):
            text = "the server asked to come back on another stream"
            return self._close(Ended(cause=Cause.RECONNECT, text=text, reconnect=frame))
        if isinstance(frame, frames.Welcome) is not (self.state is State.HELLO_SENT):
            return self._violation(f"sent {type(frame).__name__.lower()} while {self.state}")
        match frame:
            case frames.Welcome():
                return self._welcome(frame)
            case frames.Ack():
                return self._ack(frame, now)
            case frames.Configure(heartbeat_interval=interval):
                return self._configure(interval)
            case frames.Throttle(retry_after=retry_after):
                self._throttled_until = now + min(max(retry_after, 0.0), _MAX_THROTTLE)
                return [Rescheduled()]
            case frames.Command(command_id=command_id, name=name):
                error = f'this agent allows no command "{name[:64]}"'
                return [Send(frame=frames.Result(command_id=command_id, error=error))]
            case frames.UnknownFrame():
                return []

    def _welcome(self, frame: frames.Welcome) -> list[Action]:
        if frame.watermark >= self._next_seq:
            text = f"the server has fact {frame.watermark}, this outbox only up to {self._next_seq - 1}"
            return self._close(Ended(cause=Cause.OUTBOX_BEHIND, text=text))
        self.state = State.LIVE
        self._interval = _believable(frame.heartbeat_interval)
        self._in_flight = frame.in_flight_count or _DEFAULT_IN_FLIGHT
        self._frame_size = frame.frame_size_bytes
        # A watermark below our oldest fact is a server restored from a backup; what lies between is gone here
        # too.
        self._acked_seq = self._sent_seq = max(frame.watermark, self._acked_seq)
        acknowledged = Acknowledged(watermark=self._acked_seq, server_time_us=frame.server_time_us)
        return [Opened(welcome=frame), acknowledged]

    def _ack(self, frame: frames.Ack, now: float) -> list[Action]:
        if frame.watermark > self._sent_seq:
            return self._violation(f"acknowledged fact {frame.watermark}, sent only up to {self._sent_seq}")
        self._acked_seq = max(self._acked_seq, frame.watermark)
        acknowledged = Acknowledged(watermark=self._acked_seq, server_time_us=frame.server_time_us)
        return [acknowledged, *self._finish_draining(now)]

    def _configure(self, interval: float | None) -> list[Action]:
        if interval is None:
            return []
        self._interval = _believable(interval)
        return [Rescheduled()]

    # --- what leaves ----------------------------------------------------------------------------------------

    def room(self, newest_event_seq: int, now: float) -> Room | None:
        """Return what may be sent now, or None.

        While throttled, metrics are held back; those ahead of an event go with it, because facts keep their
        order and the server asked for events to go on.
        """
        free = self._in_flight - (self._sent_seq - self._acked_seq)
        waiting = self._next_seq - 1 - self._sent_seq
        count = min(free, waiting, _MAX_OFFER)
        if not self.is_open_for_data or count <= 0:
            return None
        if now >= self._throttled_until:
            return Room(after_seq=self._sent_seq, count=count)
        if newest_event_seq <= self._sent_seq:
            return None
        return Room(after_seq=self._sent_seq, count=count, up_to_seq=newest_event_seq)

    def offer(self, facts: Sequence[frames.FactFrame], series: Sequence[Series]) -> list[Action]:
        """Send facts that `room` asked for, and announce the series that this stream has not heard of.

        Args:
            facts: in the order of seq, without a hole.
            series: all series of the outbox in the order of their numbers, at least those that `facts` use.
        """
        if not self.is_open_for_data or not facts:
            return []
        actions: list[Action] = []
        if any(fact.kind is FactKind.BATCH for fact in facts):
            actions += self._announce(series)
        for fact in facts:
            if fact.seq != self._sent_seq + 1:
                text = f"fact {self._sent_seq + 1} is no longer in the outbox, the next is {fact.seq}"
                return [*actions, *self._close(Ended(cause=Cause.OUTBOX_MOVED, text=text))]
            self._sent_seq = fact.seq
            actions.append(SendData(frame=fact))
        return actions

    def too_large(self, fact: frames.FactFrame) -> bool:
        """Say whether the server would refuse a fact for its size."""
        return 0 < self._frame_size < len(fact.payload)

    def sent(self, now: float) -> None:
        """Take note that a frame left."""
        self._last_sent = now
        self._heartbeat_queued = False

    def _announce(self, series: Sequence[Series]) -> list[Action]:
        fresh = tuple(enumerate(series[self._announced :], start=self._announced))
        self._announced = len(series)
        return [
            SendData(frame=frames.SeriesFrame(descriptors=fresh[start : start + _MAX_DESCRIPTORS]))
            for start in range(0, len(fresh), _MAX_DESCRIPTORS)
        ]

    # --- time -----------------------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """Return when `poll` has something to decide if nothing happens until then; None when closed."""
        match self.state:
            case State.IDLE | State.CLOSED:
                return None
            case State.HELLO_SENT:
                return self._opened_at + self._welcome_timeout
            case State.LIVE | State.DRAINING:
                deadlines = [self._last_received + _SILENCE_INTERVALS * self._interval]
                if not self._heartbeat_queued:
                    deadlines.append(self._last_sent + self._interval)
                if self.state is State.DRAINING:
                    deadlines.append(self._drain_until)
                return min(deadlines)

    @property
    def throttled_until(self) -> float:
        """When metrics may be sent again; in the past when they may."""
        return self._throttled_until

    def poll(self, now: float) -> list[Action]:
        """Decide what the time alone decides."""
        match self.state:
            case State.IDLE | State.CLOSED:
                return []
            case State.HELLO_SENT if now >= self._opened_at + self._welcome_timeout:
                text = f"no answer to hello within {self._welcome_timeout:g} s"
                return self._close(Ended(cause=Cause.NO_WELCOME, text=text))
            case State.HELLO_SENT:
                return []
            case State.LIVE | State.DRAINING:
                return self._poll_live(now)

    def _poll_live(self, now: float) -> list[Action]:
        silence = _SILENCE_INTERVALS * self._interval
        if now >= self._last_received + silence:
            return self._close(Ended(cause=Cause.SILENCE, text=f"nothing from the server for {silence:g} s"))
        actions: list[Action] = []
        if not self._heartbeat_queued and now >= self._last_sent + self._interval:
            self._heartbeat_queued = True
            actions.append(SendHeartbeat())
        return actions + self._finish_draining(now)

    # --- endings --------------------------------------------------------------------------------------------

    def _finish_draining(self, now: float) -> list[Action]:
        all_durable = self._acked_seq >= self._next_seq - 1
        if self.state is not State.DRAINING or not (all_durable or now >= self._drain_until):
            return []
        return self._say_goodbye()

    def _say_goodbye(self) -> list[Action]:
        goodbye = Send(frame=frames.Goodbye(reason=self._stop_reason))
        return [goodbye, *self._close(Ended(cause=Cause.STOPPED, text="stopped"))]

    def _violation(self, text: str) -> list[Action]:
        return self._close(Ended(cause=Cause.VIOLATION, text=f"the server {text}"))

    def _close(self, ended: Ended) -> list[Action]:
        if self.state is State.CLOSED:
            return []
        self.state = State.CLOSED
        return [Close(ended=ended)]


def _believable(interval: float) -> float:
    return min(max(interval, _MIN_INTERVAL), _MAX_INTERVAL)


def reject_name(reason: int) -> str:
    """Return the reason of a reject as people read it, known or not."""
    try:
        return frames.RejectReason(reason).name
    except ValueError:
        return f"reason {reason}"


def _reject_text(frame: frames.Reject) -> str:
    text = f"the server refused: {reject_name(frame.reason)}"
    return f"{text}: {frame.message}" if frame.message else text
