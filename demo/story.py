"""The story: what happens to Nordwind's front desk in half a minute, and what must come of it.

Each scene injects one real fault and expects the facts that the contract promises, each with a deadline. The
story looks at the server only through the API, as the console or an integration does. It ends at the first
fact that did not come, or came otherwise, and says which.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from demo.api import Api
from demo.chronicle import Chronicle
from demo.configuration import AGENT
from demo.faults import Faults
from demo.waiting import until
from vedette.support.v1 import alarm_pb2, case_pb2, common_pb2, fleet_pb2
from vedette.timestamps import from_duration, from_timestamp

#: How soon the agent and all it measures must have arrived, in seconds.
ARRIVAL = 20.0
#: How soon a fault must be an alarm, in seconds: the agent looks each second, the rest is the server.
SOON = 10.0
#: How soon an agent that fell silent must be lost, and one that is back be seen, in seconds.
SILENCE = 15.0
#: How soon a crash must have cleared, in seconds: 2 until the restart, then 10 without another.
RECOVERY = 25.0
#: Response time that Platinum promises for P1, around the clock.
P1_TARGET = timedelta(minutes=60)
#: Longest hole between two samples of a series that is taken each second.
HOLE = timedelta(seconds=4)
#: A series and component that are sampled from the first moment to the last.
PULSE = "component.process.count", "call-recording"

P1, P3, P4 = common_pb2.PRIORITY_P1, common_pb2.PRIORITY_P3, common_pb2.PRIORITY_P4
ACTIVE, CLEARED = alarm_pb2.Alarm.CONDITION_ACTIVE, alarm_pb2.Alarm.CONDITION_CLEARED


class Wrong(Exception):
    """A fact came, but not as promised."""


def require(holds: object, what: str) -> None:
    """Raise `Wrong` unless something holds."""
    if not holds:
        raise Wrong(what)


@dataclass(slots=True, kw_only=True)
class Story:
    """One play on one stage."""

    faults: Faults
    chronicle: Chronicle
    api: Api
    #: Returns how many facts the real agent has produced, by its own account.
    produced: Callable[[], Awaitable[int]]
    #: Called with what was done to the stage ("fault") and what was looked at besides the facts ("check").
    tell: Callable[[str, str], None]

    async def play(self) -> None:
        """Play every scene in order.

        Raises:
            Missing: something did not happen in time.
            Wrong: something else happened.
        """
        await self._connect()
        crash = await self._crash()
        await self._fill()
        await self._exhaust()
        await self._upgrade()
        await self._recover(crash)
        await self._lose_and_regain()
        await self._acknowledge(crash)
        await self._review()

    async def _connect(self) -> None:
        """The real agent connects, and sees the suite's processes."""
        connected = fleet_pb2.Agent.STATE_CONNECTED
        await self.chronicle.expect(
            f"agent {AGENT} connected",
            lambda fact: bool(fact.agent and fact.agent.id == AGENT and fact.agent.state == connected),
            patience=ARRIVAL,
        )
        await until(
            lambda: self._pulse(datetime.now(UTC) - timedelta(minutes=1)),
            what="the agent reports the suite's processes",
            patience=ARRIVAL,
        )

    async def _crash(self) -> case_pb2.Case:
        """The VoIP stack is killed: a P1 case, due in 60 minutes around the clock."""
        alarm, case = await self._alarmed(self.faults.kill_voip_stack, "voip_stack_crash", P1)
        require(alarm.component == "voip-stack", f"{alarm.id} is about component {alarm.component!r}")
        clock = case.response_clock
        target = from_duration(clock.target)
        require(target == P1_TARGET, f"{case.id} should be answered within {P1_TARGET}, got {target}")
        due, promised = from_timestamp(clock.due_time), from_timestamp(clock.start_time) + P1_TARGET
        require(due == promised, f"{case.id} should be due at {promised}, got {due}")
        return case

    async def _fill(self) -> None:
        """The database fills to 85 % and to 95 %: one alarm and one case, first P4, then P3."""
        alarm, case = await self._alarmed(self.faults.fill_database, "database_space", P4)
        mark = len(self.chronicle.facts)
        self.tell("fault", await self.faults.fill_database())
        worse = await self.chronicle.alarm(
            "database_space at P3",
            lambda it: _is(it, "database_space", P3, ACTIVE),
            patience=SOON,
            since=mark,
        )
        require(worse.id == alarm.id, f"{worse.id} is a second alarm beside {alarm.id}")
        raised = await self.chronicle.case(
            f"{case.id} at P3", lambda it: it.id == case.id and it.priority == P3, patience=SOON, since=mark
        )
        require(list(raised.alarms) == [alarm.id], f"{case.id} should be about {alarm.id} alone")

    async def _exhaust(self) -> None:
        """Call recording has no channel left: P3."""
        await self._alarmed(self.faults.exhaust_channels, "channels_exhausted", P3)

    async def _upgrade(self) -> None:
        """The voice menus stop as planned and start again: no alarm, as the review will find."""
        self.tell("fault", await self.faults.stop_ivr())

    async def _recover(self, crash: case_pb2.Case) -> None:
        """The VoIP stack was started again and stays up: cleared. The case still waits for a human."""
        await self.chronicle.alarm(
            "voip_stack_crash cleared", lambda it: _is(it, "voip_stack_crash", P1, CLEARED), patience=RECOVERY
        )
        case = await self.api.case(crash.id)
        running = case_pb2.SlaClock.STATE_RUNNING
        require(case.response_clock.state == running, f"the clock of {case.id} stopped without a human")

    async def _lose_and_regain(self) -> None:
        """The agent is cut off: P1. It comes back: cleared with its cause, and nothing is lost."""
        cut_at = datetime.now(UTC)
        await self._alarmed(self.faults.cut_or_mend_agent, "cloud_connection_lost", P1, patience=SILENCE)
        mark = len(self.chronicle.facts)
        mended_at = datetime.now(UTC)
        self.tell("fault", await self.faults.cut_or_mend_agent())
        back = await self.chronicle.alarm(
            "cloud_connection_lost cleared",
            lambda it: _is(it, "cloud_connection_lost", P1, CLEARED),
            patience=SILENCE,
            since=mark,
        )
        require(back.clear_cause, f"{back.id} cleared without a cause")
        await self._nothing_lost(cut_at, mended_at)

    async def _nothing_lost(self, cut_at: datetime, mended_at: datetime) -> None:
        """All that was measured while the agent was cut off arrives, and no fact is missing."""
        produced = await self.produced()
        await until(
            lambda: self._stored(produced),
            what=f"all {produced} facts that the agent produced are stored",
            patience=SILENCE,
        )
        seen = [at for at in await self._pulse(cut_at) if at < mended_at]
        holes = [later - earlier for earlier, later in pairwise([cut_at, *seen, mended_at])]
        require(max(holes) <= HOLE, f"nothing was measured for {max(holes)} while the agent was cut off")
        missing = (await self.api.agent(AGENT)).missing_fact_count
        require(missing == 0, f"{missing} facts of {AGENT} are missing")
        text = f"{len(seen)} looks at the suite while cut off; {produced} facts produced, 0 missing"
        self.tell("check", text)

    async def _stored(self, count: int) -> bool:
        return (await self.api.agent(AGENT)).watermark >= count

    async def _acknowledge(self, crash: case_pb2.Case) -> None:
        """A human takes the crash through the API: its response clock is met."""
        met = case_pb2.SlaClock.STATE_MET
        case = await self.api.acknowledge(crash.id, note="restarted by its supervisor; looking for the cause")
        require(case.state == case_pb2.Case.STATE_ACKNOWLEDGED, f"{case.id} is not acknowledged")
        require(case.response_clock.state == met, f"the clock of {case.id} is not met")
        await self.chronicle.case(
            f"{case.id} with its clock met",
            lambda it: it.id == case.id and it.response_clock.state == met,
            patience=SOON,
        )

    async def _review(self) -> None:
        """In the end there is one alarm with one case for each thing that happened, and no other.

        But for this machine's own disks: they may really be full.
        """
        alarms = [it for it in await self.api.alarms() if _of_agent(it) and it.code != "disk_space"]
        codes = sorted(alarm.code for alarm in alarms)
        expected = ["channels_exhausted", "cloud_connection_lost", "database_space", "voip_stack_crash"]
        require(codes == expected, f"the alarms should be {expected}, got {codes}")
        cases = sorted({alarm.case_id for alarm in alarms})
        require(len(cases) == len(expected), f"each alarm should have a case of its own, got {cases}")

    async def _alarmed(
        self, fault: Callable[[], Awaitable[str]], code: str, priority: int, *, patience: float = SOON
    ) -> tuple[alarm_pb2.Alarm, case_pb2.Case]:
        """Inject a fault; return the alarm and the case that come of it."""
        mark = len(self.chronicle.facts)
        self.tell("fault", await fault())
        alarm = await self.chronicle.alarm(
            f"{code} raised", lambda it: _is(it, code, priority, ACTIVE), patience=patience, since=mark
        )
        case = await self.chronicle.case(
            f"a case for {alarm.id}", lambda it: alarm.id in it.alarms, patience=patience, since=mark
        )
        require(case.priority == priority, f"{case.id} has another priority than {alarm.id}")
        return alarm, case

    async def _pulse(self, since: datetime) -> list[datetime]:
        series, component = PULSE
        return await self.api.observed(AGENT, series, component=component, since=since)


def _of_agent(alarm: alarm_pb2.Alarm) -> bool:
    return f"{alarm.customer}/{alarm.installation}/{alarm.node}" == AGENT


def _is(
    alarm: alarm_pb2.Alarm, code: str, priority: int, condition: alarm_pb2.Alarm.Condition.ValueType
) -> bool:
    """Tell whether an alarm of the real agent is of this code and stands so."""
    return (
        _of_agent(alarm)
        and alarm.code == code
        and alarm.priority == priority
        and alarm.condition == condition
    )
