"""Backoff: what to do after a stream ended, and how long to wait before the next.

One idea: a herd of agents that lost the same server must not come back together, so the wait is drawn evenly
from the whole window (full jitter), and the window doubles with each failure. The server's own wishes come
first.

Nothing here does I/O, reads the clock or draws chance: callers pass `draw` in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from vedette_agent.link.frames import RejectReason
from vedette_agent.link.session import Cause, Ended

#: Refusals that another stream may well cure. All others, those of a newer server too, need somebody to
#: change something: they are tried again slowly.
_QUICK_REJECTS = frozenset({RejectReason.SEQ_SKIPPED, RejectReason.SILENT})
#: Refusals of the outbox's numbering; a new outbox id answers them.
_NUMBERING_REJECTS = frozenset({RejectReason.OUTBOX_CONFLICT, RejectReason.SERIES_CONFLICT})
#: Endings of the transport that say something about the credential.
_SLOW_STATUSES = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"})
#: The server's own word for a credential of the wrong kind; a proxy's PERMISSION_DENIED is not final.
_FINAL_STATUSES = frozenset({"TOKEN_NOT_AGENT"})
#: Skipped seqs in a row that show a disagreement which resuming does not cure.
_MAX_SKIPS = 2
#: Longest wait that a server may ask for, in seconds.
_MAX_HINT = 3600.0


class Next(StrEnum):
    """What follows the end of a stream."""

    #: Nothing: we wanted it.
    STOP = "stop"
    #: Connect again.
    AGAIN = "again"
    #: Give the outbox a new id, then connect again.
    RENEW_OUTBOX = "renew_outbox"
    #: Nothing: this credential will never be taken.
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do, after which wait, and where."""

    next: Next
    #: Seconds to wait first.
    delay: float = 0.0
    #: Address to use for the next attempt only; empty for the configured one.
    endpoint: str = ""


class Backoff:
    """Remembers how often it failed, and judges each ending.

    Args:
        initial: first window in seconds.
        longest: the window stops doubling here, in seconds; also the pace of slow attempts.
        draw: returns an even draw from [0, 1).
    """

    def __init__(self, *, initial: float, longest: float, draw: Callable[[], float]) -> None:
        self._initial = initial
        self._longest = longest
        self._draw = draw
        self._window = initial
        self._skips = 0

    def judge(self, ended: Ended, *, live_seconds: float) -> Verdict:
        """Return what follows an ending.

        Args:
            live_seconds: how long the stream was open for data; 0 when it never was. A stream that lived
            longer than
                the present window starts the windows anew, a flapping one does not.
        """
        if live_seconds > self._window:
            self._window = self._initial
        match ended.cause:
            case Cause.STOPPED:
                return Verdict(next=Next.STOP)
            case Cause.RECONNECT:
                return self._hinted(ended)
            case Cause.REJECTED:
                return self._rejected(ended)
            case Cause.OUTBOX_BEHIND:
                return Verdict(next=Next.RENEW_OUTBOX, delay=self._wait())
            case Cause.TRANSPORT if ended.status in _FINAL_STATUSES:
                return Verdict(next=Next.GIVE_UP)
            case Cause.TRANSPORT if ended.status in _SLOW_STATUSES:
                return Verdict(next=Next.AGAIN, delay=self._slow())
            case _:
                return Verdict(next=Next.AGAIN, delay=self._wait())

    def _hinted(self, ended: Ended) -> Verdict:
        hint = ended.reconnect
        if hint is None:
            return Verdict(next=Next.AGAIN, delay=self._wait())
        self._window = self._initial
        delay = min(max(hint.after, 0.0) + self._draw() * max(hint.jitter, 0.0), _MAX_HINT)
        return Verdict(next=Next.AGAIN, delay=delay, endpoint=hint.endpoint)

    def _rejected(self, ended: Ended) -> Verdict:
        reason = ended.reject.reason if ended.reject else 0
        retry_after = (ended.reject.retry_after or 0.0) if ended.reject else 0.0
        self._skips = self._skips + 1 if reason == RejectReason.SEQ_SKIPPED else 0
        if reason == RejectReason.REVOKED:
            return Verdict(next=Next.GIVE_UP)
        if reason in _NUMBERING_REJECTS or self._skips >= _MAX_SKIPS:
            self._skips = 0
            return Verdict(next=Next.RENEW_OUTBOX, delay=max(self._wait(), self._asked(retry_after)))
        pace = self._wait() if reason in _QUICK_REJECTS else self._slow()
        return Verdict(next=Next.AGAIN, delay=max(pace, self._asked(retry_after)))

    def _asked(self, retry_after: float) -> float:
        """Return the wait that the server asked for, and a little more so that not all come at once."""
        return min(retry_after, _MAX_HINT) + self._draw() * self._initial if retry_after > 0 else 0.0

    def _wait(self) -> float:
        delay = self._draw() * self._window
        self._window = min(self._window * 2, self._longest)
        return delay

    def _slow(self) -> float:
        return self._longest + self._draw() * self._initial
