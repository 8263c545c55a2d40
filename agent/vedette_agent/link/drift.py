"""Drift: notices that this machine's clock has moved against the server's since the last hello.

Theory of operation. The server learns the difference of the two clocks from hello and judges all our times by
it. A clock that runs slow or fast moves away from that without ever being set, and no clock of this machine
shows it. Each ack carries the server's time, so each gives the difference as it looks from here: the true one
less what the ack took to arrive. A delay can only lower it, so the highest of several is the nearest to the
truth. The highest of a first window, which begins with the welcome, is what hello told; a later window
whose highest is further from that than the threshold is drift.

One late ack, or a queue that delays all of them for less than a window, is no drift. A delay that lasts
longer looks like one and costs one hello.

Nothing here does I/O or reads the clock. Callers pass `now` in.
"""

#: Difference that needs a new hello, in microseconds.
THRESHOLD_US = 2_000_000
#: A window lasts at least this long, in seconds: a queue on the way that stands for some seconds is no drift.
WINDOW_SECONDS = 60.0
#: A window holds at least so many acks.
WINDOW_ACKS = 5


class Drift:
    """Follows the difference of the clocks over one stream."""

    def __init__(self) -> None:
        self._baseline_us: int | None = None
        self._highest_us: int | None = None
        self._count = 0
        self._since = 0.0

    def observe(self, skew_us: int, now: float) -> int | None:
        """Take in one reading; returns the drift once it is beyond the threshold, else None.

        Args:
            skew_us: server clock minus this machine's, in microseconds, as a frame that just arrived shows.
            now: monotonic seconds.

        Returns:
            Microseconds by which the server's clock moved ahead of ours since hello; negative when ours did.
        """
        if self._highest_us is None:
            self._since = now
        self._highest_us = skew_us if self._highest_us is None else max(self._highest_us, skew_us)
        self._count += 1
        if self._count < WINDOW_ACKS or now - self._since < WINDOW_SECONDS:
            return None
        highest_us, self._highest_us, self._count = self._highest_us, None, 0
        if self._baseline_us is None:
            self._baseline_us = highest_us
            return None
        drift_us = highest_us - self._baseline_us
        return drift_us if abs(drift_us) > THRESHOLD_US else None
