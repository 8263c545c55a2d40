"""The filter line: which cases, alarms or agents are in view.

Words narrow: each must be found in one of the row's texts. `field:value` looks in one field only, `-` in
front of either inverts it. Upper and lower case are alike. An unknown field is looked for as plain text,
because a time or an address has a colon too; `unknown_fields` tells, so that a screen can say so.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from vedette_console.model.resources import Agent, Alarm, Case

#: Longest filter that is read.
LENGTH_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of a filter."""

    value: str
    #: Field to look in; empty means all.
    field: str = ""
    #: Whether rows that have it are hidden instead.
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter line that was read; without terms it lets everything through."""

    terms: tuple[Term, ...] = ()

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Return whether a row with these fields is in view."""
        return all(_holds(term, fields) for term in self.terms)

    def unknown_fields(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the fields that this filter names and rows do not have."""
        named = dict.fromkeys(term.field for term in self.terms if term.field)
        return tuple(name for name in named if name not in known)


def parse(text: str) -> Filter:
    """Return the filter that a line of text means."""
    return Filter(terms=tuple(_term(word) for word in text[:LENGTH_LIMIT].lower().split() if word != "-"))


def case_fields(case: Case) -> dict[str, str]:
    """Return the fields of a case that a filter can name."""
    return {
        "id": case.id,
        "title": case.title,
        "customer": f"{case.customer} {case.customer_name}",
        "installation": case.installation,
        "node": case.node,
        "priority": case.priority.name,
        "state": case.state.value,
        "owner": case.owner,
        "code": case.alarm_code,
        "plan": case.plan,
    }


def alarm_fields(alarm: Alarm) -> dict[str, str]:
    """Return the fields of an alarm that a filter can name."""
    return {
        "id": alarm.id,
        "title": alarm.title,
        "customer": alarm.customer,
        "installation": alarm.installation,
        "node": alarm.node,
        "component": alarm.component,
        "priority": alarm.priority.name,
        "state": alarm.condition.value,
        "code": alarm.code,
        "case": alarm.case_id,
    }


def agent_fields(agent: Agent) -> dict[str, str]:
    """Return the fields of an agent that a filter can name."""
    return {
        "id": agent.id,
        "customer": agent.customer,
        "installation": agent.installation,
        "node": agent.node,
        "state": agent.state.value,
        "version": f"{agent.product_version} {agent.agent_version}",
        "host": agent.host_name,
        "cause": agent.disconnect_cause,
    }


def _term(word: str) -> Term:
    inverse = word.startswith("-")
    field, colon, value = word.removeprefix("-").partition(":")
    if colon and value:
        return Term(field=field, value=value, inverse=inverse)
    return Term(value=word.removeprefix("-"), inverse=inverse)


def _holds(term: Term, fields: Mapping[str, str]) -> bool:
    if term.field and term.field not in fields:
        found = any(f"{term.field}:{term.value}" in text.lower() for text in fields.values())
    elif term.field:
        found = term.value in fields[term.field].lower()
    else:
        found = any(term.value in text.lower() for text in fields.values())
    return found is not term.inverse
