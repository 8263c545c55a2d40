"""Inbox: what waits to be decided, and in which order it is taken.

What the server itself has to say comes first, then commands, then agents: the streams that carry an event or
a hello ahead of those that carry only samples, and among each one frame in turn, round-robin by customer, so
that one customer's flood does not hold up another's. However much is urgent, the rest gets its share. Within
a stream the order is that of the wire, always: facts have a seq.

Everything is bounded: a full lane stops the reading of its stream, a full command queue refuses.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from vedette_server.engine.inputs import (
    AnyStored,
    BatchReceived,
    HeartbeatReceived,
    SeriesAnnounced,
)

#: Inputs of one stream that may wait.
LANE_LIMIT = 64
#: The same in bytes of frames with samples.
LANE_LIMIT_BYTES = 512 * 1024
#: Urgent inputs that may be taken in a row while others wait.
URGENT_RUN = 16
#: Commands that may wait.
COMMAND_LIMIT = 1000

StreamInput = AnyStored | BatchReceived


@dataclass(slots=True, kw_only=True, eq=False)
class Lane:
    """What one stream has sent and is not decided."""

    stream: int
    customer: str
    waiting: deque[StreamInput] = field(default_factory=deque)
    size_bytes: int = 0
    #: How many of them must not wait behind other streams' samples.
    urgent: int = 0

    @property
    def full(self) -> bool:
        """Return whether the stream must stop reading."""
        return len(self.waiting) >= LANE_LIMIT or self.size_bytes >= LANE_LIMIT_BYTES


def is_urgent(one: StreamInput) -> bool:
    """Return whether an input is taken ahead of other streams' samples."""
    return not isinstance(one, (BatchReceived, HeartbeatReceived, SeriesAnnounced))


def size_of(one: StreamInput) -> int:
    """Return the bytes that count for an input: those of a frame with samples; all else is small."""
    return len(one.raw) if isinstance(one, BatchReceived) else 0


class Rota:
    """Lanes that wait, taken in turn: customers round-robin, and the streams of one among themselves."""

    def __init__(self) -> None:
        self._customers: OrderedDict[str, OrderedDict[int, Lane]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._customers)

    def add(self, lane: Lane) -> None:
        """Put a lane at the end."""
        self._customers.setdefault(lane.customer, OrderedDict())[lane.stream] = lane

    def remove(self, lane: Lane) -> None:
        """Take a lane out."""
        lanes = self._customers[lane.customer]
        del lanes[lane.stream]
        if not lanes:
            del self._customers[lane.customer]

    def next(self) -> Lane:
        """Return the lane whose turn it is, and put it and its customer at the end."""
        customer, lanes = next(iter(self._customers.items()))
        stream, lane = next(iter(lanes.items()))
        lanes.move_to_end(stream)
        self._customers.move_to_end(customer)
        return lane


class Inbox:
    """All that waits."""

    def __init__(self) -> None:
        #: What the server itself has to say; taken ahead of everything else.
        self.system: deque[AnyStored] = deque()
        self._urgent = Rota()
        self._calm = Rota()
        #: Urgent inputs taken since the last calm one.
        self._run = 0
        self.size = 0

    def put(self, lane: Lane, one: StreamInput) -> None:
        """Add an input at the end of its stream's lane."""
        if not lane.waiting:
            self._calm.add(lane)
        lane.waiting.append(one)
        lane.size_bytes += size_of(one)
        self.size += 1
        if is_urgent(one):
            lane.urgent += 1
            if lane.urgent == 1:
                self._calm.remove(lane)
                self._urgent.add(lane)

    def pop(self) -> tuple[Lane, StreamInput] | None:
        """Take the next input of an agent, with the lane it came from; None when none waits."""
        if self._urgent and (self._run < URGENT_RUN or not self._calm):
            self._run += 1
            lane = self._urgent.next()
        elif self._calm:
            self._run = 0
            lane = self._calm.next()
        else:
            return None
        return lane, self._take(lane)

    def _take(self, lane: Lane) -> StreamInput:
        """Take the first input of a lane, and put the lane where what is left of it belongs."""
        one = lane.waiting.popleft()
        lane.size_bytes -= size_of(one)
        self.size -= 1
        was_urgent = lane.urgent > 0
        if is_urgent(one):
            lane.urgent -= 1
        if was_urgent and not lane.urgent:
            self._urgent.remove(lane)
            if lane.waiting:
                self._calm.add(lane)
        elif not was_urgent and not lane.waiting:
            self._calm.remove(lane)
        return one

    def __bool__(self) -> bool:
        return bool(self.system) or self.size > 0
