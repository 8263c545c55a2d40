"""Times on the wire: protobuf timestamps and durations to and from aware UTC datetimes and microseconds.

One idea: inside the programs a time is an aware UTC `datetime` or an integer of microseconds since the Unix
epoch; protobuf's own types stop at the modules that speak the wire.
"""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Return microseconds since the Unix epoch of an aware datetime, exactly (no float between)."""
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC datetime of microseconds since the Unix epoch."""
    return EPOCH + timedelta(microseconds=micros)


def to_timestamp(at: datetime) -> Timestamp:
    """Return a protobuf timestamp of an aware datetime."""
    seconds, micros = divmod(to_micros(at), 1_000_000)
    return Timestamp(seconds=seconds, nanos=micros * 1000)


def from_timestamp(stamp: Timestamp) -> datetime:
    """Return the aware UTC datetime of a protobuf timestamp; nanoseconds are cut to microseconds."""
    return from_micros(stamp.seconds * 1_000_000 + stamp.nanos // 1000)


def to_duration(span: timedelta) -> Duration:
    """Return a protobuf duration; sign on both fields alike, as the wire format demands."""
    micros = span // MICROSECOND
    sign = -1 if micros < 0 else 1
    seconds, rest = divmod(abs(micros), 1_000_000)
    return Duration(seconds=sign * seconds, nanos=sign * rest * 1000)


def from_duration(duration: Duration) -> timedelta:
    """Return the timedelta of a protobuf duration; nanoseconds are cut to microseconds."""
    return timedelta(seconds=duration.seconds, microseconds=int(duration.nanos / 1000))
