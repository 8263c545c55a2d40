"""What the console needs from a server.

Two implementations exist: `remote.RemoteSupport` over gRPC, and the tests' fake. Screens and commands know
only this Protocol; protobuf and gRPC stop behind it. Every method raises `SupportError`, whose text is one
sentence.

Lists return all pages, up to `LIST_LIMIT` resources. Mutations take the `request_id` of the person's one
decision: sent again, it does nothing twice. An empty `etag` means that the caller does not care who changed
what before.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vedette_console.model.resources import (
    Agent,
    AgentState,
    Alarm,
    Case,
    CaseState,
    Change,
    Installation,
    Labels,
    Priority,
    SeriesData,
    SeriesInfo,
    TimelineEntry,
)

#: Most resources that one list call collects over its pages.
LIST_LIMIT = 20_000
#: Most points a series that a query asks for where the caller does not say.
POINT_COUNT = 1_000


class Kind(StrEnum):
    """Kind of a resource that can be watched."""

    CASE = "case"
    ALARM = "alarm"
    AGENT = "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFrame:
    """One frame of a watch: a change, a sign of life, or the order to list again."""

    #: Resumes after this frame.
    resume_token: bytes
    #: What changed; None for the other frames.
    change: Change | None = None
    #: Server time that a progress frame told; None for the other frames.
    server_time: datetime | None = None
    #: Whether changes were skipped, so that everything must be listed again.
    resync: bool = False


class Support(Protocol):
    """The support API as the console uses it."""

    async def list_cases(
        self, *, states: Sequence[CaseState] = (), customer: str = "", owner: str = ""
    ) -> tuple[Case, ...]:
        """Return cases, soonest due first; without `states` those that are open."""
        ...

    async def get_case(self, case_id: str) -> Case:
        """Return one case."""
        ...

    async def list_timeline(self, case_id: str) -> tuple[TimelineEntry, ...]:
        """Return what happened to a case and its alarms, oldest first."""
        ...

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
        """Open a case for what a customer reports."""
        ...

    async def acknowledge_case(
        self, case_id: str, *, request_id: str, note: str = "", etag: str = ""
    ) -> Case:
        """Take a case: own it if nobody does, and stop its clock."""
        ...

    async def assign_case(self, case_id: str, *, request_id: str, owner: str, etag: str = "") -> Case:
        """Give a case an owner; an empty one takes it away."""
        ...

    async def comment_case(self, case_id: str, *, request_id: str, text: str) -> Case:
        """Add a comment to the timeline."""
        ...

    async def resolve_case(
        self, case_id: str, *, request_id: str, resolution: str = "", etag: str = ""
    ) -> Case:
        """Say that the work is done, and what was done."""
        ...

    async def close_case(self, case_id: str, *, request_id: str, etag: str = "") -> Case:
        """Close a resolved case for good."""
        ...

    async def list_alarms(
        self, *, show_closed: bool = False, customer: str = "", code: str = "", case_id: str = ""
    ) -> tuple[Alarm, ...]:
        """Return alarms, newest first; without `show_closed` those that are not over."""
        ...

    async def get_alarm(self, alarm_id: str) -> Alarm:
        """Return one alarm."""
        ...

    async def acknowledge_alarm(
        self, alarm_id: str, *, request_id: str, note: str = "", etag: str = ""
    ) -> Alarm:
        """Take an alarm, and its case with it."""
        ...

    async def list_agents(
        self, *, customer: str = "", states: Sequence[AgentState] = ()
    ) -> tuple[Agent, ...]:
        """Return agents by id."""
        ...

    async def get_agent(self, agent_id: str) -> Agent:
        """Return one agent."""
        ...

    async def list_installations(self, *, customer: str = "") -> tuple[Installation, ...]:
        """Return installations by customer and id."""
        ...

    async def get_installation(self, customer: str, installation_id: str) -> Installation:
        """Return one installation."""
        ...

    async def list_series(self, agent_id: str, *, name: str = "") -> tuple[SeriesInfo, ...]:
        """Return the series of an agent, by name and labels."""
        ...

    async def query_series(
        self,
        agent_id: str,
        name: str,
        *,
        labels: Labels = (),
        start: datetime | None = None,
        end: datetime | None = None,
        point_count: int = POINT_COUNT,
    ) -> tuple[SeriesData, ...]:
        """Return the samples of every series of that name that has these labels; the last hour by default."""
        ...

    def watch(
        self, *, resume_token: bytes = b"", kinds: Sequence[Kind] = (), customer: str = ""
    ) -> AsyncGenerator[WatchFrame, None]:
        """Yield every change after `resume_token` (from now on if empty) until the stream breaks.

        Never returns while all is well: a stream that ends raises `SupportError`.
        """
        ...
