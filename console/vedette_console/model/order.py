"""The orders of the console's boards: what an engineer should look at first stands first."""

from datetime import UTC, datetime, timedelta

from vedette_console.model.board import Order
from vedette_console.model.countdown import is_ticking
from vedette_console.model.resources import OPEN_STATES, Agent, AgentState, Alarm, Case, Condition

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: How much an agent's state asks for attention, most first.
_ATTENTION = (
    AgentState.QUARANTINED,
    AgentState.LOST,
    AgentState.OVERDUE,
    AgentState.UNKNOWN,
    AgentState.GOODBYE,
    AgentState.CONNECTED,
    AgentState.NEVER_SEEN,
)


def case_order(case: Case) -> Order:
    """Return the place of a case in the queue: by time to breach, as the API lists them.

    First those that a human still owes an answer, soonest due at the top (a broken promise is the soonest);
    then the other open ones by priority and age; last those that are resolved.
    """
    clock = case.response_clock
    is_open = case.state in OPEN_STATES
    if is_open and clock is not None and clock.due_time is not None and is_ticking(clock):
        group, first, second = 0, _micros(clock.due_time), int(case.priority)
    else:
        group, first, second = (1 if is_open else 2), int(case.priority), _micros(case.create_time)
    return (group, first, second, natural(case.id))


def alarm_order(alarm: Alarm) -> Order:
    """Return the place of an alarm: untaken first, active before cleared, by priority, newest first."""
    raised = -_micros(alarm.raise_time) if alarm.raise_time is not None else 0
    return (
        alarm.acknowledged,
        alarm.condition is Condition.CLEARED,
        int(alarm.priority),
        raised,
        natural(alarm.id),
    )


def agent_order(agent: Agent) -> Order:
    """Return the place of an agent: those in trouble first, then by id."""
    return (_ATTENTION.index(agent.state), agent.id)


def natural(resource_id: str) -> Order:
    """Return a key that sorts "C-9" before "C-10"."""
    prefix, _, digits = resource_id.rpartition("-")
    return (
        (prefix, int(digits), "") if digits.isascii() and digits.isdigit() else (resource_id, 0, resource_id)
    )


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
