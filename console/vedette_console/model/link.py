"""The link to the server: whether what is on the screen is true, and since when it may not be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vedette_console.model.cell import Cell, Tone
from vedette_console.model.format import age, span
from vedette_console.model.safe import safe

#: A frame comes at least every 15 s; data older than this is marked, even on a link that looks alive.
STALE_AFTER = timedelta(seconds=20)
#: A person's machine and the server may differ by this much before it is shown.
SKEW_SHOWN_FROM = timedelta(seconds=5)
_ZERO = timedelta(0)


class Phase(StrEnum):
    """Where the link stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The link as it is now."""

    phase: Phase = Phase.CONNECTING
    #: Local time of the last frame; None before the first.
    heard_at: datetime | None = None
    #: Local time of the next attempt; None while live or while trying.
    retry_at: datetime | None = None
    #: What went wrong, as a sentence; empty while live.
    problem: str = ""
    #: Server clock minus local clock, as of the last frame that told the time.
    offset: timedelta = _ZERO

    def is_current(self, local_now: datetime) -> bool:
        """Return whether the data shown is live."""
        return (
            self.phase is Phase.LIVE
            and self.heard_at is not None
            and local_now - self.heard_at <= STALE_AFTER
        )


def link_cell(link: Link, local_now: datetime) -> Cell:
    """Return the link for the header: glyph, word, and the age of what is on the screen."""
    heard = "" if link.heard_at is None else age(local_now - link.heard_at)
    if link.is_current(local_now):
        skew = f" clock {_signed(link.offset)}" if abs(link.offset) >= SKEW_SHOWN_FROM else ""
        return Cell(text=safe(f"● live {heard}{skew}"), tone=Tone.WARNING if skew else Tone.GOOD)
    match link.phase:
        case Phase.LIVE:
            return Cell(text=safe(f"◌ silent {heard}"), tone=Tone.BAD)
        case Phase.CONNECTING:
            return Cell(text=safe("◌ connecting"), tone=Tone.WARNING)
        case Phase.REFUSED:
            return Cell(text=safe("✗ refused"), tone=Tone.CRITICAL)
        case _:
            return Cell(text=safe(f"✗ reconnecting {heard}".rstrip()), tone=Tone.CRITICAL)


def link_banner(link: Link, local_now: datetime) -> Cell | None:
    """Return the line that says that the screen is not the truth, None while it is."""
    if link.is_current(local_now) or (link.phase is Phase.CONNECTING and not link.problem):
        return None
    shown = "no data yet" if link.heard_at is None else f"this data is {age(local_now - link.heard_at)} old"
    retry = ""
    if link.retry_at is not None:
        wait = max(_ZERO, link.retry_at - local_now)
        retry = f" · next try in {span(wait)}" if wait >= timedelta(seconds=1) else " · trying now"
    word = {Phase.REFUSED: "REFUSED", Phase.LIVE: "SILENT"}.get(link.phase, "DISCONNECTED")
    why = f" · {link.problem}" if link.problem else ""
    return Cell(text=safe(f"{word} · {shown}{retry}{why}"), tone=Tone.CRITICAL)


def _signed(offset: timedelta) -> str:
    return f"{'-' if offset < _ZERO else '+'}{span(offset)}"
