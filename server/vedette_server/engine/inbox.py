"""Inbox: what waits to be decided, and in which order it is taken.

Commands come first, then what the server itself has to say, then agents: the streams that carry an event or a
hello ahead of those that carry only samples, and among these one frame each in turn, round-robin by customer,
so that one customer's flood does not hold up another's. Within a stream the order is that of the wire,
always: facts have a seq.

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
#: Commands that may wait.
COMMAND_LIMIT = 1000

StreamInput = AnyStored | BatchReceived


@dataclass(slots=True, kw_only=True, eq=False)
class Lane:
    """What one stream has sent and is not decided."""

    stream: int
    customer: str
    waiting: deque[StreamInput] = field(default_factory=deque)
    #: How many of them must not wait behind other streams' samples.
    urgent: int = 0

    @property
    def full(self) -> bool:
        """Return whether the stream must stop reading."""
        return len(self.waiting) >= LANE_LIMIT


def is_urgent(one: StreamInput) -> bool:
    """Return whether an input is taken ahead of other streams' samples."""
    return not isinstance(one, (BatchReceived, HeartbeatReceived, SeriesAnnounced))


class Inbox:
    """All that waits."""

    def __init__(self) -> None:
        self.system: deque[AnyStored] = deque()
        self._urgent: OrderedDict[int, Lane] = OrderedDict()
        self._calm: OrderedDict[str, OrderedDict[int, Lane]] = OrderedDict()
        self.size = 0

    def put(self, lane: Lane, one: StreamInput) -> None:
        """Add an input at the end of its stream's lane."""
        if not lane.waiting:
            self._calm.setdefault(lane.customer, OrderedDict())[lane.stream] = lane
        lane.waiting.append(one)
        self.size += 1
        if is_urgent(one):
            lane.urgent += 1
            if lane.urgent == 1:
                self._calm_down(lane)
                self._urgent[lane.stream] = lane

    def _calm_down(self, lane: Lane) -> None:
        """Take a lane out of the round-robin."""
        lanes = self._calm[lane.customer]
        del lanes[lane.stream]
        if not lanes:
            del self._calm[lane.customer]

    def pop(self) -> tuple[Lane | None, StreamInput] | None:
        """Take the next input, with the lane it came from; None when nothing waits."""
        if self.system:
            return None, self.system.popleft()
        if self._urgent:
            lane = next(iter(self._urgent.values()))
            one = lane.waiting.popleft()
            if is_urgent(one):
                lane.urgent -= 1
            if not lane.urgent:
                del self._urgent[lane.stream]
                if lane.waiting:
                    self._calm.setdefault(lane.customer, OrderedDict())[lane.stream] = lane
        elif self._calm:
            customer, lanes = next(iter(self._calm.items()))
            stream, lane = next(iter(lanes.items()))
            one = lane.waiting.popleft()
            if lane.waiting:
                lanes.move_to_end(stream)
            else:
                del lanes[stream]
            if lanes:
                self._calm.move_to_end(customer)
            else:
                del self._calm[customer]
        else:
            return None
        self.size -= 1
        return lane, one

    def __bool__(self) -> bool:
        return bool(self.system) or self.size > 0
