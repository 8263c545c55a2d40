"""The header: which server, is the screen true, and how bad is it."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.desk import Counts
from vedette_console.model.link import Link, link_cell
from vedette_console.model.safe import safe

#: The tabs, in the order of their keys: 1, 2, 3.
TABS = ("queue", "alarms", "fleet")
_GAP = Cell(text=safe("  "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The lines of the header bar, each with a left and a right part."""

    top_left: Line = ()
    top_right: Line = ()
    bottom_left: Line = ()
    bottom_right: Line = ()
    #: Stands at the bottom right where the width does not do for all.
    bottom_right_short: Line = ()


def header(
    *, title: str, tab: str, link: Link, counts: Counts, now: datetime, local_now: datetime, zone: tzinfo
) -> Header:
    """Return the header.

    Args:
        title: server or context, as the person named it.
        tab: the tab in front.
        link: how the link stands.
        counts: figures of the desk.
        now: server time, which is what clocks are counted against.
        local_now: this machine's time, which is what ages of the link are counted against.
        zone: in which the time is shown.
    """
    return Header(
        top_left=(Cell(text=safe(" Vedette "), tone=Tone.STRONG), Cell(text=safe(title), tone=Tone.DIM)),
        top_right=(
            link_cell(link, local_now),
            Cell(text=safe(f"  {now.astimezone(zone):%a %H:%M:%S %Z} "), tone=Tone.NORMAL),
        ),
        bottom_left=tuple(_tab(number, name, tab) for number, name in enumerate(TABS, start=1)),
        bottom_right=_figures(counts),
        bottom_right_short=_figures(counts, short=True),
    )


def _tab(number: int, name: str, front: str) -> Cell:
    if name == front:
        return Cell(text=safe(f" [{number} {name.capitalize()}]"), tone=Tone.STRONG)
    return Cell(text=safe(f"  {number} {name.capitalize()}"), tone=Tone.DIM)


def _figures(counts: Counts, *, short: bool = False) -> Line:
    down = counts.agents - counts.connected
    figures = (
        (f"{counts.breached} breached", Tone.CRITICAL, counts.breached),
        (f"{counts.at_risk} at risk", Tone.WARNING, counts.at_risk),
        (f"{counts.new} new", Tone.STRONG, counts.new),
        *(() if short else ((f"{counts.open} open", Tone.NORMAL, counts.open),)),
        (f"agents {counts.connected}/{counts.agents}", Tone.BAD, down),
    )
    line: list[Cell] = []
    for text, tone, count in figures:
        line += [Cell(text=safe(text), tone=tone if count else Tone.DIM), _GAP]
    return (*line[:-1], Cell(text=safe(" ")))
