"""Census: which processes a component has, and what changed since the last look.

A component is its *leading* processes: those whose parent does not belong to the component when they are
first seen. What they start in turn are workers; a worker's end is no end of the component, not even when its
leader is gone and nobody adopted it. One exception: a process that ends within seconds of its start and
leaves its children running was a launcher (a daemon that put itself in the background); its children lead
from then on.

A process is its id and its start together, so a restart between two looks is seen, as an exit and a start.
The restart counter grows when a start fills the place of an exit.

Nothing here does I/O or reads the clock. Callers pass `now` in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

#: A leader that ends before this age, in seconds, while its children live was a launcher.
_LAUNCHER_AGE = 10.0
#: Two starts of one process id closer than this, in seconds, are the same start read twice.
_SAME_START = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process as it was looked at."""

    pid: int
    #: Seconds on a scale that a step of the wall clock does not move; tells process ids that are used again.
    started: float
    #: Create time, seconds since the Unix epoch.
    created: float
    parent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A process of a component."""

    process: Process
    #: Whether the component is gone, or part of it, when this process ends.
    leads: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """The processes of one component at one look."""

    members: tuple[Member, ...] = ()
    #: Starts that filled the place of an exit, since the component was first seen in this boot.
    restarts: int = 0
    #: Exits whose place no start has filled.
    vacancies: int = 0


class ChangeKind(StrEnum):
    """What can happen to a leading process."""

    EXITED = "exited"
    STARTED = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A leading process ended or started."""

    kind: ChangeKind
    process: Process
    #: When it happened, as near as it is known, seconds since the Unix epoch.
    time: float


def first_look(matching: Sequence[Process]) -> Component:
    """Return a component seen for the first time: what runs is simply there, nothing started."""
    pids = [process.pid for process in matching]
    return Component(members=tuple(Member(process=one, leads=one.parent not in pids) for one in matching))


def look_again(
    before: Component, matching: Sequence[Process], straying: Sequence[Process], now: float
) -> tuple[Component, tuple[Change, ...]]:
    """Return the component after another look, and what changed: exits first, then starts.

    Args:
        matching: processes that are recognised as the component's now. straying: processes that were
        members, live on, but are not recognised any more (they changed their title);
            they stay members.
        now: seconds since the Unix epoch.
    """
    living = [*matching, *straying]
    kept = [member for member in before.members if _find(member.process, living)]
    gone = [member for member in before.members if not _find(member.process, living)]
    pids = [process.pid for process in living]
    fresh = [
        Member(process=one, leads=one.parent not in pids)
        for one in matching
        if not any(is_same(one, member.process) for member in before.members)
    ]
    kept, exits = _hand_over(kept, [member.process for member in gone if member.leads], now)
    starts = [member.process for member in fresh if member.leads]
    filled = min(before.vacancies + len(exits), len(starts))
    after = Component(
        members=(*kept, *fresh),
        restarts=before.restarts + filled,
        vacancies=before.vacancies + len(exits) - filled,
    )
    return after, _changes(exits, starts, now)


def is_same(one: Process, other: Process) -> bool:
    """Say whether two looks saw one process."""
    return one.pid == other.pid and abs(one.started - other.started) < _SAME_START


def leaders(component: Component) -> tuple[Process, ...]:
    """Return the leading processes."""
    return tuple(member.process for member in component.members if member.leads)


def _find(process: Process, among: Sequence[Process]) -> bool:
    return any(is_same(process, other) for other in among)


def _hand_over(kept: list[Member], ended: list[Process], now: float) -> tuple[list[Member], list[Process]]:
    """Return the members after launchers handed over to their children, and the exits that remain."""
    exits: list[Process] = []
    for leader in ended:
        children = [member for member in kept if member.process.parent == leader.pid and not member.leads]
        if children and now - leader.created < _LAUNCHER_AGE:
            kept = [replace(member, leads=True) if member in children else member for member in kept]
        else:
            exits.append(leader)
    return kept, exits


def _changes(exits: list[Process], starts: list[Process], now: float) -> tuple[Change, ...]:
    # An exit happened before the start that took its place; without one, all that is known is that it has
    # happened.
    start_times = [min(process.created, now) for process in starts]
    exit_time = min(start_times, default=now)
    exited = [
        Change(kind=ChangeKind.EXITED, process=one, time=max(exit_time, min(one.created, now)))
        for one in exits
    ]
    started = [
        Change(kind=ChangeKind.STARTED, process=one, time=time)
        for one, time in zip(starts, start_times, strict=True)
    ]
    return (*exited, *started)
