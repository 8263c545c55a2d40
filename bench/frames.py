"""Frames: what an agent of usual size sends, made by the agent's own code.

One idea: a frame is encoded once and then patched. The seq and the time of a batch have a fixed width on the
wire, so a load client that has to send thousands a second only overwrites sixteen bytes.

Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Final

from vedette.agent.v1 import agent_pb2
from vedette_agent.facts import Series, counter, gauge
from vedette_agent.link import frames as link_frames
from vedette_agent.link.wire import batch_frame, encode
from vedette_agent.outbox.batch import columns

#: Samples of one batch.
SAMPLES: Final = 200
#: Batches that differ in their values; a stream sends them in turn.
VARIANTS: Final = 32
#: Fill level of a database that is well, and of one that is worth an alarm (P4 from 0.80, clear below 0.75).
CALM: Final = 0.45
FULL: Final = 0.85

_LIMIT: Final = 1e9
_MOUNTS: Final = ("/", "/boot", "/var", "/var/log", "/srv/recordings", "/srv/database")
_COMPONENTS: Final = ("voip-stack", "call-recording", "queue-manager", "ivr", "web-server", "dialer")
_SEQ_MARK: Final = 0x0102030405060708
_TIME_MARK: Final = 0x1112131415161718
_WORD: Final = struct.Struct("<Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """One used/limit pair of series, by number."""

    usage: int
    limit: int


class Batches:
    """The batches that a stream sends over and over: calm ones, and one that crosses a threshold."""

    def __init__(self, seed: int) -> None:
        """Encode all of them; equal seeds give equal bytes."""
        chance = random.Random(seed)
        numbers = {one: number for number, one in enumerate(SERIES)}
        self._calm = [
            _template([(one, _value(one, chance)) for one in SERIES], numbers) for _ in range(VARIANTS)
        ]
        crossing = [(one, FULL * _LIMIT if one == CROSSING else _value(one, chance)) for one in SERIES]
        self._crossing = _template(crossing, numbers)
        frame = bytes(self._crossing)
        self._seq_at = frame.index(_WORD.pack(_SEQ_MARK))
        self._time_at = frame.index(_WORD.pack(_TIME_MARK))

    def batch(self, seq: int, observe_time_us: int, *, crosses: bool = False) -> bytes:
        """Return the frame of one batch; `crosses` makes it one that is worth an alarm."""
        frame = self._crossing if crosses else self._calm[seq % VARIANTS]
        _WORD.pack_into(frame, self._seq_at, seq)
        _WORD.pack_into(frame, self._time_at, observe_time_us)
        return bytes(frame)


def hello_frame(agent: str, outbox_id: str, agent_time_us: int) -> bytes:
    """Return the frame that opens a stream of an agent whose outbox is new."""
    hello = link_frames.Hello(
        boot_id="bench-boot",
        start_id="bench-start",
        outbox_id=outbox_id,
        next_seq=1,
        oldest_seq=1,
        previous_stop=link_frames.StopReason.REQUESTED,
        agent_version="0.1.0",
        product_version="2020.Winter.1",
        agent_time_us=agent_time_us,
        ha_role="",
        claimed_agent=agent,
        host_name="bench",
        platform="Linux",
        previous_link_error="",
        wanted_heartbeat_interval=10.0,
    )
    return encode(hello)


def series_frame() -> bytes:
    """Return the frame that announces every series of `Batches`."""
    return encode(link_frames.SeriesFrame(descriptors=tuple(enumerate(SERIES))))


def goodbye_frame() -> bytes:
    """Return the frame that ends a stream on purpose, so that nobody misses the agent."""
    return encode(link_frames.Goodbye(reason=link_frames.StopReason.REQUESTED))


#: An ack as the server encodes it: tag and length of `ack`, then tag and value of its watermark.
_ACK_TAG: Final = 0x12
_WATERMARK_AT: Final = 3


def acknowledged(raw: bytes) -> int | None:
    """Return the watermark of an ack; None for any other frame.

    Raises:
        ValueError: the server rejected the stream, with its words.
    """
    if raw[0] == _ACK_TAG and raw[2] == 0x09:
        watermark: int = _WORD.unpack_from(raw, _WATERMARK_AT)[0]
        return watermark
    frame = agent_pb2.ConnectResponse.FromString(raw)
    if frame.WhichOneof("frame") == "reject":
        raise ValueError(f"rejected: {frame.reject.message}")
    return None


def ack_frame(watermark: int, server_time_us: int) -> bytes:
    """Return an ack of the size of the server's."""
    ack = agent_pb2.Ack(watermark=watermark)
    ack.server_time.FromMicroseconds(server_time_us)
    return agent_pb2.ConnectResponse(ack=ack).SerializeToString(deterministic=True)


def _template(samples: list[tuple[Series, float]], numbers: dict[Series, int]) -> bytearray:
    return bytearray(batch_frame(_SEQ_MARK, _TIME_MARK, columns(samples, numbers)))


def _value(series: Series, chance: random.Random) -> float:
    """Return a value such as a healthy node has; a usage never reaches the threshold of a rule."""
    if series.name.endswith(".limit"):
        return _LIMIT
    if series.name.endswith(".usage"):
        return float(round(_LIMIT * (CALM + 0.1 * chance.random())))
    return round(1000 * chance.random(), 3)


def _pair(name: str, unit: str, **labels: str) -> list[Series]:
    return [gauge(f"{name}.usage", unit, **labels), gauge(f"{name}.limit", unit, **labels)]


def _host() -> list[Series]:
    series = [
        gauge("system.cpu.utilization", "1"),
        gauge("system.cpu.logical.count", "{cpu}"),
        *(gauge(f"system.cpu.load_average.{span}", "{thread}") for span in ("1m", "5m", "15m")),
        *_pair("system.memory", "By"),
        gauge("system.memory.utilization", "1"),
    ]
    for mount in _MOUNTS:
        series += _pair("system.filesystem", "By", mountpoint=mount)
    for disk in ("vda", "vdb", "vdc", "vdd"):
        series += [counter("system.disk.io", "By", device=disk, direction=way) for way in ("read", "write")]
    for card in ("eth0", "eth1"):
        series += [
            counter("system.network.io", "By", device=card, direction=way) for way in ("receive", "transmit")
        ]
    return series


def _product() -> list[Series]:
    series: list[Series] = []
    for component in _COMPONENTS:
        series += [
            gauge("component.process.count", "{process}", component=component),
            counter("component.restarts", "{restart}", component=component),
            gauge("component.create_time", "s", component=component),
            gauge("process.cpu.utilization", "1", component=component),
            gauge("process.memory.usage", "By", component=component),
            *_pair("capacity", "{channel}", component=component, resource="channel"),
            *_pair("capacity", "{licensed_user}", component=component, resource="licensed_user"),
        ]
    for database in ("calls", "recordings", "reports"):
        series += _pair("database", "By", database=database)
    return series


def _described() -> tuple[Series, ...]:
    """Return the host's and the product's series, filled up with metrics that the product exposes itself."""
    known = _host() + _product()
    own = [gauge(f"product.queue.{number}.waiting", "{call}") for number in range(SAMPLES - len(known))]
    return tuple(known + own)


#: The series of every agent in this bench, by number.
SERIES: Final = _described()
#: The series that crosses the threshold of the rule `database_space`.
CROSSING: Final = gauge("database.usage", "By", database="calls")
