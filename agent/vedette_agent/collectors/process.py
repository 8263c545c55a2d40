"""Processes: the product's components as the operating system sees them.

Recognises each component's processes by command line or name, adds up what they use, and reports exits and
starts found by comparing with the last look (`census.py`). What was last seen is remembered with the boot it
was seen in: an exit while the agent was down is still found, and a reboot is no exit.

A process is recognised once; only young ones are looked at again, because between fork and exec a process
has the command line of its parent.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import psutil

from vedette_agent import platform
from vedette_agent.clock import Clock
from vedette_agent.collectors import census
from vedette_agent.collectors.collector import Reading
from vedette_agent.facts import Event, Sample, Severity, counter, gauge, labels_of
from vedette_agent.settings.model import CollectorSettings, ComponentSettings

#: A process seen for longer than this, in seconds, is what it is.
_SETTLING = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered from one look to the next, and over restarts of the agent."""

    boot_id: str
    components: dict[str, census.Component]


@dataclass(slots=True, kw_only=True)
class _Known:
    """A process that was seen before."""

    process: psutil.Process
    #: Monotonic seconds.
    first_seen: float
    component: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What one process of a component used."""

    component: str
    process: census.Process
    #: Seconds of processor time since its start.
    cpu: float
    #: Resident memory in bytes.
    memory: int


class ProcessCollector:
    """Reports what each component uses, how many processes it has, and its exits and starts as events."""

    name = "process"

    def __init__(
        self,
        settings: CollectorSettings,
        components: Sequence[ComponentSettings],
        *,
        clock: Clock,
        boot_id: str,
    ) -> None:
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = settings.timeout
        self._components = tuple(components)
        self._clock = clock
        self._memory = Memory(boot_id=boot_id, components={})
        self._known: dict[int, _Known] = {}
        self._cpu: dict[tuple[int, float], float] = {}
        self._looked: float | None = None

    def compares(self) -> bool:
        """Say that the first look has no processor time."""
        return True

    def restore(self, memory: bytes) -> None:
        """Take in what was seen before the agent's last end, unless the machine was started anew since."""
        try:
            before = msgspec.json.decode(memory, type=Memory)
        except msgspec.MsgspecError:
            return
        if before.boot_id == self._memory.boot_id:
            self._memory = before

    def collect(self) -> Reading:
        """Look at all processes once."""
        now = self._clock.now_us() / 1e6
        monotonic = self._clock.monotonic()
        problems: list[str] = []
        uses = self._uses(self._recognised(monotonic, problems))
        memory = Memory(boot_id=self._memory.boot_id, components={})
        events: list[Event] = []
        for component in self._components:
            own = [use.process for use in uses if use.component == component.name]
            after, changes = self._census(component.name, own, now)
            memory.components[component.name] = after
            events += [_event(component.name, change) for change in changes]
        samples = self._samples(memory, uses, monotonic)
        is_new, self._memory = memory != self._memory, memory
        return Reading(
            samples=tuple(samples),
            events=tuple(events),
            problems=tuple(problems),
            memory=msgspec.json.encode(memory) if is_new else None,
        )

    # --- looking --------------------------------------------------------------------------------------------

    def _recognised(self, monotonic: float, problems: list[str]) -> list[_Known]:
        """Return the processes that belong to a component."""
        known: dict[int, _Known] = {}
        denied = 0
        for pid in psutil.pids():
            try:
                process = psutil.Process(pid)
                one = self._known.get(pid)
                if one is None or one.process != process:
                    one = _Known(process=process, first_seen=monotonic, component=None)
                if monotonic - one.first_seen < _SETTLING and pid != os.getpid():
                    one.component = self._recognise(process)
                known[pid] = one
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            except psutil.AccessDenied:
                denied += 1
        self._known = known
        if denied:
            problems.append(f"{denied} processes may not be looked at by this user")
        return [one for one in known.values() if one.component is not None]

    def _recognise(self, process: psutil.Process) -> str | None:
        command = name = None
        for component in self._components:
            if component.command is not None:
                command = " ".join(process.cmdline()) if command is None else command
                if command and component.command.search(command):
                    return component.name
            elif component.process_name is not None:
                name = process.name() if name is None else name
                if name == component.process_name:
                    return component.name
        return None

    def _uses(self, known: Iterable[_Known]) -> list[_Use]:
        epoch = platform.process_epoch()
        uses: list[_Use] = []
        for one in known:
            try:
                with one.process.oneshot():
                    if one.process.status() == psutil.STATUS_ZOMBIE:
                        continue
                    times = one.process.cpu_times()
                    created = one.process.create_time()
                    process = census.Process(
                        pid=one.process.pid,
                        started=round(created - epoch, 2),
                        created=created,
                        parent=one.process.ppid(),
                    )
                    memory = one.process.memory_info().rss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            uses.append(
                _Use(
                    component=one.component or "",
                    process=process,
                    cpu=times.user + times.system,
                    memory=memory,
                )
            )
        return uses

    def _census(
        self, name: str, matching: list[census.Process], now: float
    ) -> tuple[census.Component, tuple[census.Change, ...]]:
        before = self._memory.components.get(name)
        if before is None:
            return census.first_look(matching), ()
        missing = [
            member.process
            for member in before.members
            if not any(census.is_same(member.process, one) for one in matching)
        ]
        straying = [process for process in missing if _lives(process)]
        return census.look_again(before, matching, straying, now)

    # --- measuring ------------------------------------------------------------------------------------------

    def _samples(self, memory: Memory, uses: Sequence[_Use], monotonic: float) -> list[Sample]:
        elapsed = None if self._looked is None else monotonic - self._looked
        cpu = {(use.process.pid, use.process.started): use.cpu for use in uses}
        samples: list[Sample] = []
        for name, component in memory.components.items():
            own = [use for use in uses if use.component == name]
            samples += [
                (gauge("component.process.count", "{process}", component=name), float(len(own))),
                (counter("component.restarts", "{restart}", component=name), float(component.restarts)),
                (gauge("process.memory.usage", "By", component=name), float(sum(use.memory for use in own))),
            ]
            created = [process.created for process in census.leaders(component)]
            if created:
                samples.append((gauge("component.create_time", "s", component=name), max(created)))
            if elapsed:
                used = sum(self._cpu_since(use, elapsed) for use in own)
                samples.append((gauge("process.cpu.utilization", "1", component=name), used / elapsed))
        self._cpu, self._looked = cpu, monotonic
        return samples

    def _cpu_since(self, use: _Use, elapsed: float) -> float:
        """Return processor seconds since the last look; all of them for a process that started after it."""
        before = self._cpu.get((use.process.pid, use.process.started))
        if before is not None:
            return max(0.0, use.cpu - before)
        is_young = self._clock.now_us() / 1e6 - use.process.created <= elapsed
        return use.cpu if is_young else 0.0


def _lives(process: census.Process) -> bool:
    try:
        found = psutil.Process(process.pid)
        started = found.create_time() - platform.process_epoch()
        return found.status() != psutil.STATUS_ZOMBIE and abs(started - process.started) < 1.0
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _event(component: str, change: census.Change) -> Event:
    process = change.process
    if change.kind is census.ChangeKind.STARTED:
        return Event(
            time_us=round(change.time * 1e6),
            code="component.started",
            severity=Severity.INFO,
            component=component,
            message=f"{component} started as process {process.pid}",
            attributes=labels_of(pid=str(process.pid), create_time=f"{process.created:.2f}"),
        )
    uptime = max(0.0, change.time - process.created)
    return Event(
        time_us=round(change.time * 1e6),
        code="component.exited",
        severity=Severity.ERROR,
        component=component,
        message=f"{component} exited: process {process.pid} is gone after {uptime:.0f} s",
        attributes=labels_of(
            pid=str(process.pid), create_time=f"{process.created:.2f}", uptime_seconds=f"{uptime:.0f}"
        ),
    )
