"""A support service in memory, and a night's worth of cases, for the tests of screens.

It keeps to the API's rules as far as screens can notice: states, etags, idempotent request ids, a watch with
resume tokens. Tests steer it by `change`, `cut`, `refuse_next`, and read what was asked from `calls`.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from vedette_console.client.errors import ErrorKind, SupportError
from vedette_console.client.support import Kind, WatchFrame
from vedette_console.model.resources import (
    OPEN_STATES,
    Agent,
    AgentState,
    Alarm,
    Case,
    CaseState,
    Change,
    ClockState,
    Condition,
    Evidence,
    Installation,
    Labels,
    Point,
    Priority,
    Resource,
    SeriesData,
    SeriesInfo,
    SlaClock,
    TimelineEntry,
)

#: A Monday night: 03:00 local, when support hours are over.
NOW = datetime(2026, 3, 2, 2, 0, 0, tzinfo=UTC)
ZONE = timezone(timedelta(hours=1), "CET")
ME = "lena"


class StillClock:
    """A clock that moves only when told."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def zone(self) -> tzinfo:
        return ZONE

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def clock_of(
    *,
    minutes_left: float = 45,
    target: float = 60,
    state: ClockState = ClockState.RUNNING,
    opens: datetime | None = None,
    due: datetime | None = None,
    stopped: datetime | None = None,
) -> SlaClock:
    left = timedelta(minutes=minutes_left)
    return SlaClock(
        state=state,
        target=timedelta(minutes=target),
        calendar="emea/always" if opens is None else "emea/business",
        calendar_version="0123456789abcdef",
        start_time=NOW + left - timedelta(minutes=target),
        due_time=due or NOW + left,
        stop_time=stopped,
        spent=timedelta(minutes=target) - left,
        remaining=left,
        open=opens is None,
        next_open_time=opens,
        as_of=NOW,
    )


def case_of(number: int, **changes: object) -> Case:
    case = Case(
        id=f"C-{number}",
        title="VoIP stack crashed",
        customer="acme",
        customer_name="Acme Bank",
        installation="hq",
        node="node-1",
        priority=Priority.P1,
        state=CaseState.NEW,
        owner="",
        response_clock=clock_of(),
        alarms=(f"A-{number}",),
        alarm_code="voip_stack_crash",
        alarm_active=True,
        occurrence_count=1,
        reopen_count=0,
        reasons=(
            "plan platinum allows proactive support",
            "contract K-1001 runs until 2026-12-31",
            "product 2021.Summer.2 is at least 2020.Winter.1",
        ),
        plan="platinum",
        description="",
        create_time=NOW - timedelta(minutes=15),
        update_time=NOW - timedelta(minutes=15),
        acknowledge_time=None,
        resolve_time=None,
        resolution="",
        etag=f"e{number}-1",
    )
    return replace(case, **changes)  # type: ignore[arg-type]


def alarm_of(number: int, **changes: object) -> Alarm:
    alarm = Alarm(
        id=f"A-{number}",
        key=f"1|voip_stack_crash|acme/hq/node-1|{number}",
        code="voip_stack_crash",
        alarm_class="service degradation",
        title="VoIP stack crashed",
        priority=Priority.P1,
        condition=Condition.ACTIVE,
        acknowledged=False,
        acknowledged_by="",
        customer="acme",
        installation="hq",
        node="node-1",
        component="voip-stack",
        labels=(),
        case_id=f"C-{number}",
        reasons=(),
        occurrence_count=1,
        raise_time=NOW - timedelta(minutes=15),
        clear_time=None,
        clear_cause="",
        close_time=None,
        evidence=Evidence(
            agent="acme/hq/node-1",
            series="",
            limit_series="",
            labels=(),
            value=0.0,
            threshold=0.0,
            text="process 4711 exited and was not stopped on purpose",
            observe_time=NOW - timedelta(minutes=15),
        ),
        etag=f"a{number}-1",
    )
    return replace(alarm, **changes)  # type: ignore[arg-type]


def agent_of(agent_id: str, **changes: object) -> Agent:
    customer, installation, node = agent_id.split("/")
    agent = Agent(
        id=agent_id,
        customer=customer,
        installation=installation,
        node=node,
        state=AgentState.CONNECTED,
        last_seen_time=NOW - timedelta(seconds=3),
        state_time=NOW - timedelta(hours=30),
        agent_version="0.1.0",
        product_version="2021.Summer.2",
        host_name=f"{node}.{customer}.example",
        platform="Debian GNU/Linux 12",
        clock_skew=timedelta(milliseconds=42),
        watermark=48_211,
        series_count=38,
        missing_fact_count=0,
        expected_back_time=None,
        disconnect_cause="",
        connect_count=3,
    )
    return replace(agent, **changes)  # type: ignore[arg-type]


def night() -> "FakeSupport":
    """Return a service with a night of every kind of case, alarm and agent."""
    monday = NOW.replace(hour=9, minute=20)
    cases = [
        case_of(
            17,
            title="Cloud connection lost",
            customer="norddruck",
            customer_name="Norddruck AG",
            alarm_code="cloud_connection_lost",
            response_clock=clock_of(minutes_left=-3.2, state=ClockState.BREACHED),
            create_time=NOW - timedelta(minutes=63),
            occurrence_count=3,
        ),
        case_of(21, response_clock=clock_of(minutes_left=12.1), create_time=NOW - timedelta(minutes=48)),
        case_of(
            22,
            title="Call Recording has no channel left",
            customer="helios",
            customer_name="Helios Kliniken",
            priority=Priority.P3,
            alarm_code="channels_exhausted",
            plan="gold",
            response_clock=clock_of(minutes_left=200, target=240, opens=NOW.replace(hour=7), due=monday),
        ),
        case_of(
            23,
            title="Database main is close to full: 95% of 8 MiB",
            customer="acme",
            priority=Priority.P3,
            alarm_code="database_space",
            occurrence_count=2,
            response_clock=clock_of(
                minutes_left=230, target=240, opens=NOW.replace(hour=7), due=NOW.replace(hour=10, minute=50)
            ),
        ),
        case_of(
            14,
            title="IVR has more users than licensed",
            customer="stadtwerke",
            customer_name="Stadtwerke Lübeck",
            priority=Priority.P3,
            state=CaseState.ACKNOWLEDGED,
            owner="omar",
            alarm_active=False,
            response_clock=clock_of(
                minutes_left=60, target=240, state=ClockState.MET, stopped=NOW - timedelta(hours=1)
            ),
            acknowledge_time=NOW - timedelta(hours=1),
            create_time=NOW - timedelta(hours=4),
        ),
        case_of(
            12,
            title="Phones in the lobby do not ring",
            customer="museum",
            customer_name="Museum am Hafen",
            priority=Priority.P4,
            state=CaseState.WAITING,
            owner="lena",
            alarms=(),
            alarm_code="",
            alarm_active=False,
            response_clock=None,
            plan="basic",
            description="Called at 17:40, only the lobby.\nRoom phones are fine.",
            create_time=NOW - timedelta(hours=9),
            reasons=("plan basic promises no response time",),
        ),
        case_of(
            9,
            title="Disk of the recording server is close to full",
            customer="helios",
            customer_name="Helios Kliniken",
            priority=Priority.P4,
            state=CaseState.RESOLVED,
            owner="omar",
            alarm_active=False,
            resolution="old recordings moved to the archive",
            resolve_time=NOW - timedelta(hours=2),
            response_clock=clock_of(
                minutes_left=400, target=480, state=ClockState.MET, stopped=NOW - timedelta(hours=5)
            ),
        ),
    ]
    alarms = [
        alarm_of(
            17,
            title="Cloud connection lost",
            code="cloud_connection_lost",
            customer="norddruck",
            component="",
            occurrence_count=3,
            raise_time=NOW - timedelta(minutes=63),
        ),
        alarm_of(21),
        alarm_of(
            22,
            title="Call Recording has no channel left",
            code="channels_exhausted",
            customer="helios",
            priority=Priority.P3,
            component="call-recording",
            evidence=channels_evidence(),
        ),
        alarm_of(
            23,
            title="Database main is close to full",
            code="database_space",
            priority=Priority.P3,
            component="",
            labels=(("database", "main"),),
            evidence=database_evidence(),
        ),
        alarm_of(
            14,
            title="IVR has more users than licensed",
            code="license_overrun",
            customer="stadtwerke",
            priority=Priority.P3,
            component="ivr",
            condition=Condition.CLEARED,
            acknowledged=True,
            acknowledged_by="omar",
            clear_time=NOW - timedelta(minutes=20),
            clear_cause="limit raised from 50 to 80",
        ),
        alarm_of(
            30,
            title="Web server is slow",
            code="web_server_slow",
            customer="museum",
            priority=Priority.P3,
            component="web",
            case_id="",
            reasons=("plan basic has no proactive support",),
            condition=Condition.CLEARED,
            clear_time=NOW - timedelta(minutes=2),
        ),
    ]
    agents = [
        agent_of("acme/hq/node-1"),
        agent_of("acme/hq/node-2", product_version="2021.Summer.1"),
        agent_of(
            "norddruck/werk-1/node-1",
            state=AgentState.LOST,
            last_seen_time=NOW - timedelta(minutes=63),
            state_time=NOW - timedelta(minutes=61),
            disconnect_cause="silent for 120 s",
            connect_count=9,
        ),
        agent_of(
            "helios/campus/node-1", state=AgentState.OVERDUE, last_seen_time=NOW - timedelta(seconds=24)
        ),
        agent_of(
            "stadtwerke/leitstelle/node-1",
            state=AgentState.GOODBYE,
            last_seen_time=NOW - timedelta(minutes=5),
            disconnect_cause="stopped for an upgrade",
            expected_back_time=NOW + timedelta(minutes=10),
        ),
        agent_of("museum/haus/node-1", missing_fact_count=12, agent_version="0.0.9"),
        agent_of(
            "praxis/eins/node-1",
            state=AgentState.NEVER_SEEN,
            last_seen_time=None,
            state_time=None,
            watermark=0,
            product_version="",
            agent_version="",
            connect_count=0,
            series_count=0,
        ),
    ]
    return FakeSupport(cases=cases, alarms=alarms, agents=agents)


def database_evidence() -> Evidence:
    return Evidence(
        agent="acme/hq/node-1",
        series="database.usage",
        limit_series="database.limit",
        labels=(("database", "main"),),
        value=0.953,
        threshold=0.95,
        text="",
        observe_time=NOW - timedelta(minutes=6),
    )


def channels_evidence() -> Evidence:
    return Evidence(
        agent="helios/campus/node-1",
        series="capacity.usage",
        limit_series="capacity.limit",
        labels=(("component", "call-recording"), ("resource", "channel")),
        value=1.0,
        threshold=1.0,
        text="30 of 30 channels in use",
        observe_time=NOW - timedelta(minutes=15),
    )


@dataclass
class FakeSupport:
    """The support API over lists in memory."""

    cases: list[Case] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    #: Every mutation that was asked for: its name and its arguments.
    calls: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    #: Errors that the next calls of a name end with.
    refusals: dict[str, list[SupportError]] = field(default_factory=dict)
    #: Tokens with which a watch began.
    watched_from: list[bytes] = field(default_factory=list)
    #: How often everything was listed.
    list_count: int = 0
    #: Set while no watch is answered.
    is_down: bool = False
    is_silent: bool = False

    def __post_init__(self) -> None:
        self._frames: list[WatchFrame] = []
        self._wake: list[asyncio.Event] = []
        self._cut = 0
        self._answered: dict[str, Case | Alarm] = {}
        self._timelines: dict[str, list[TimelineEntry]] = {}

    # ---- steering

    def change(
        self, resource: Resource, reason: str = "CHANGED", actor: str = "vedette", text: str = ""
    ) -> None:
        """Change a resource as the server would, and tell every watcher."""
        store: list[Resource] = {Case: self.cases, Alarm: self.alarms, Agent: self.agents}[type(resource)]  # type: ignore[assignment]
        store[:] = [found for found in store if found.id != resource.id] + [resource]
        sequence = len(self._frames) + 1
        change = Change(sequence=sequence, time=NOW, reason=reason, actor=actor, text=text, resource=resource)
        if isinstance(resource, Case):
            self._timelines.setdefault(resource.id, list(story(resource.id))).append(
                TimelineEntry(
                    sequence=1000 + sequence,
                    time=NOW,
                    kind="case",
                    id=resource.id,
                    reason=reason,
                    actor=actor,
                    text=text,
                )
            )
        self.send(WatchFrame(resume_token=b"%d" % sequence, change=change))

    def send(self, frame: WatchFrame) -> None:
        """Send a frame to every watcher."""
        self._frames.append(frame)
        for event in self._wake:
            event.set()

    def cut(self) -> None:
        """End every watch, as a lost link does."""
        self._cut += 1
        for event in self._wake:
            event.set()

    def refuse_next(self, call: str, error: SupportError) -> None:
        """Let the next call of this name end with an error."""
        self.refusals.setdefault(call, []).append(error)

    # ---- reading

    async def list_cases(
        self, *, states: Sequence[CaseState] = (), customer: str = "", owner: str = ""
    ) -> tuple[Case, ...]:
        self._refuse("list_cases")
        self.list_count += 1
        wanted = states or OPEN_STATES
        return tuple(
            case
            for case in self.cases
            if case.state in wanted and customer in ("", case.customer) and owner in ("", case.owner)
        )

    async def get_case(self, case_id: str) -> Case:
        self._refuse("get_case")
        for case in self.cases:
            if case.id == case_id:
                return case
        raise SupportError(f"there is no case {case_id}", kind=ErrorKind.REFUSED, reason="CASE_NOT_FOUND")

    async def list_timeline(self, case_id: str) -> tuple[TimelineEntry, ...]:
        self._refuse("list_timeline")
        return tuple(self._timelines.get(case_id, story(case_id)))

    async def list_alarms(
        self, *, show_closed: bool = False, customer: str = "", code: str = "", case_id: str = ""
    ) -> tuple[Alarm, ...]:
        self._refuse("list_alarms")
        return tuple(
            alarm for alarm in self.alarms if case_id in ("", alarm.case_id) and code in ("", alarm.code)
        )

    async def get_alarm(self, alarm_id: str) -> Alarm:
        return next(alarm for alarm in self.alarms if alarm.id == alarm_id)

    async def list_agents(
        self, *, customer: str = "", states: Sequence[AgentState] = ()
    ) -> tuple[Agent, ...]:
        self._refuse("list_agents")
        return tuple(self.agents)

    async def get_agent(self, agent_id: str) -> Agent:
        return next(agent for agent in self.agents if agent.id == agent_id)

    async def list_installations(self, *, customer: str = "") -> tuple[Installation, ...]:
        self._refuse("list_installations")
        return tuple(
            Installation(
                customer=name,
                customer_name=name.title(),
                id="hq",
                name="Headquarters",
                plan="platinum",
                entitled=True,
                reasons=(),
                agents=(),
                open_case_count=0,
            )
            for name in sorted({agent.customer for agent in self.agents})
        )

    async def get_installation(self, customer: str, installation_id: str) -> Installation:
        return (await self.list_installations())[0]

    async def list_series(self, agent_id: str, *, name: str = "") -> tuple[SeriesInfo, ...]:
        self._refuse("list_series")
        return tuple(data.info for data in measured())

    async def query_series(
        self,
        agent_id: str,
        name: str,
        *,
        labels: Labels = (),
        start: datetime | None = None,
        end: datetime | None = None,
        point_count: int = 1000,
    ) -> tuple[SeriesData, ...]:
        self._refuse("query_series")
        return tuple(
            data for data in measured() if data.info.name == name and set(labels) <= set(data.info.labels)
        )

    # ---- changing

    async def acknowledge_case(
        self, case_id: str, *, request_id: str, note: str = "", etag: str = ""
    ) -> Case:
        case = await self._begin(
            "acknowledge_case", case_id, etag, request_id=request_id, note=note, etag=etag
        )
        clock = case.response_clock
        stopped = None if clock is None else replace(clock, state=ClockState.MET, stop_time=NOW)
        return self._finish(
            request_id,
            replace(
                case,
                state=CaseState.ACKNOWLEDGED,
                owner=case.owner or ME,
                response_clock=stopped,
                acknowledge_time=NOW,
            ),
            "CASE_ACKNOWLEDGED",
            f"acknowledged by {ME}",
        )

    async def assign_case(self, case_id: str, *, request_id: str, owner: str, etag: str = "") -> Case:
        case = await self._begin("assign_case", case_id, etag, request_id=request_id, owner=owner, etag=etag)
        return self._finish(request_id, replace(case, owner=owner), "CASE_ASSIGNED", f"given to {owner}")

    async def comment_case(self, case_id: str, *, request_id: str, text: str) -> Case:
        case = await self._begin("comment_case", case_id, "", request_id=request_id, text=text)
        return self._finish(request_id, case, "COMMENT", text)

    async def resolve_case(
        self, case_id: str, *, request_id: str, resolution: str = "", etag: str = ""
    ) -> Case:
        case = await self._begin(
            "resolve_case", case_id, etag, request_id=request_id, resolution=resolution, etag=etag
        )
        return self._finish(
            request_id,
            replace(case, state=CaseState.RESOLVED, resolution=resolution, resolve_time=NOW),
            "CASE_RESOLVED",
            resolution,
        )

    async def close_case(self, case_id: str, *, request_id: str, etag: str = "") -> Case:
        case = await self._begin("close_case", case_id, etag, request_id=request_id, etag=etag)
        return self._finish(request_id, replace(case, state=CaseState.CLOSED), "CASE_CLOSED", "closed")

    async def create_case(
        self,
        *,
        request_id: str,
        customer: str,
        priority: Priority,
        title: str,
        installation: str = "",
        description: str = "",
    ) -> Case:
        self.calls.append(
            (
                "create_case",
                {
                    "request_id": request_id,
                    "customer": customer,
                    "priority": priority,
                    "title": title,
                    "installation": installation,
                    "description": description,
                },
            )
        )
        self._refuse("create_case")
        case = case_of(
            99, customer=customer, priority=priority, title=title, alarms=(), installation=installation
        )
        return self._finish(request_id, case, "CASE_CREATED", title)

    async def acknowledge_alarm(
        self, alarm_id: str, *, request_id: str, note: str = "", etag: str = ""
    ) -> Alarm:
        self.calls.append(("acknowledge_alarm", {"id": alarm_id, "request_id": request_id}))
        self._refuse("acknowledge_alarm")
        alarm = replace(await self.get_alarm(alarm_id), acknowledged=True, acknowledged_by=ME)
        self.change(alarm, "ALARM_ACKNOWLEDGED", ME)
        return alarm

    # ---- watching

    async def watch(
        self, *, resume_token: bytes = b"", kinds: Sequence[Kind] = (), customer: str = ""
    ) -> AsyncGenerator[WatchFrame, None]:
        self.watched_from.append(resume_token)
        self._refuse("watch")
        if self.is_down:
            raise SupportError("no connection to fake:1: connection refused", kind=ErrorKind.UNREACHABLE)
        sent = int(resume_token) if resume_token else len(self._frames)
        cut, wake = self._cut, asyncio.Event()
        self._wake.append(wake)
        try:
            if not self.is_silent:
                yield WatchFrame(resume_token=b"%d" % sent, server_time=NOW)
            while True:
                while sent < len(self._frames):
                    sent += 1
                    yield self._frames[sent - 1]
                if self._cut != cut:
                    raise SupportError("fake:1 ended the stream", kind=ErrorKind.UNREACHABLE)
                wake.clear()
                await wake.wait()
        finally:
            self._wake.remove(wake)

    # ---- within

    def _refuse(self, call: str) -> None:
        errors = self.refusals.get(call)
        if errors:
            raise errors.pop(0)

    async def _begin(self, call: str, case_id: str, seen: str, **arguments: object) -> Case:
        self.calls.append((call, {"id": case_id, **arguments}))
        self._refuse(call)
        case = await self.get_case(case_id)
        if seen and seen != case.etag:
            raise SupportError(
                f"case {case_id} has changed since you looked",
                kind=ErrorKind.CONFLICT,
                reason="CASE_ETAG_MISMATCH",
            )
        return case

    def _finish(self, request_id: str, case: Case, reason: str, text: str) -> Case:
        if request_id in self._answered:
            answered = self._answered[request_id]
            assert isinstance(answered, Case)
            return answered
        changed = replace(case, etag=f"{case.etag}+", update_time=NOW)
        self._answered[request_id] = changed
        self.change(changed, reason, ME, text)
        return changed


def story(case_id: str) -> tuple[TimelineEntry, ...]:
    """Return what happened to a case so far."""
    said = (
        (15, "alarm", "ALARM_RAISED", "vedette", "VoIP stack crashed: process 4711 exited"),
        (15, "case", "CASE_CREATED", "vedette", "case opened, P1, answer due within 60 min"),
        (14, "case", "COMMENT", "omar", "saw it, finishing C-14 first"),
        (4, "alarm", "ALARM_REPEATED", "vedette", "again, seen 2 times"),
    )
    return tuple(
        TimelineEntry(
            sequence=number,
            time=NOW - timedelta(minutes=minutes),
            kind=kind,
            id=case_id if kind == "case" else case_id.replace("C", "A"),
            reason=reason,
            actor=actor,
            text=text,
        )
        for number, (minutes, kind, reason, actor, text) in enumerate(said, start=1)
    )


def measured() -> tuple[SeriesData, ...]:
    """Return the last hour of a few series, a sample each 10 s."""
    count = 360
    times = [NOW - timedelta(seconds=10 * (count - i)) for i in range(count)]

    def series(name: str, unit: str, labels: Labels, values: list[float]) -> SeriesData:
        points = tuple(
            Point(time=t, value=v, minimum=v, maximum=v) for t, v in zip(times, values, strict=True)
        )
        return SeriesData(info=SeriesInfo(name=name, unit=unit, labels=labels), points=points)

    mib = 1024 * 1024
    channel = (("component", "call-recording"), ("resource", "channel"))
    return (
        series("capacity.limit", "{channel}", channel, [30.0] * count),
        series(
            "capacity.usage",
            "{channel}",
            channel,
            [min(30.0, 12 + 9 * math.sin(i / 25) + i / 12) for i in range(count)],
        ),
        series("database.limit", "By", (("database", "main"),), [8.0 * mib] * count),
        series(
            "database.usage",
            "By",
            (("database", "main"),),
            [mib * min(7.62, 5 + 0.008 * i + (0.4 if i > 300 else 0)) for i in range(count)],
        ),
        series(
            "system.cpu.utilization",
            "1",
            (),
            [0.3 + 0.2 * math.sin(i / 9) ** 2 + (0.4 if 200 < i < 215 else 0) for i in range(count)],
        ),
        series("system.memory.usage", "By", (), [1024 * mib * (2.1 + 0.001 * i) for i in range(count)]),
    )
