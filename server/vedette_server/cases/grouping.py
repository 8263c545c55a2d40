"""Grouping: which case an alarm belongs to.

A condition that comes back belongs to the case that worked on it before, while that case is open or was
resolved less than the relapse window ago. Anything else gets a case of its own.

Nothing here does I/O or reads the wall clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from vedette_server.cases.case import Case, CaseState

#: How long after its resolution a case is reopened by the condition that it was about.
RELAPSE_WINDOW = timedelta(days=1)
#: How long a resolved case waits for a relapse or a word before it is closed for good.
CLOSE_AFTER = timedelta(days=3)


def takes_back(case: Case, *, now: datetime) -> bool:
    """Return whether a condition of this case that comes back at `now` belongs to it again."""
    if case.open:
        return True
    return (
        case.state is CaseState.RESOLVED
        and case.resolved_at is not None
        and now - case.resolved_at < RELAPSE_WINDOW
    )
