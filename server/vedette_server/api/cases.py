"""CaseService: reads cases and their timelines from the store, and hands what people do to the turn loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vedette.support.v1 import case_pb2
from vedette.timestamps import from_micros, to_timestamp
from vedette_server.api import fields, wire
from vedette_server.api.errors import not_found
from vedette_server.api.pages import cursor_of, fitting, page_token
from vedette_server.cases.case import OPEN_STATES, Case
from vedette_server.engine import inputs
from vedette_server.engine.changes import Kind
from vedette_server.store.pages import CaseCursor, CaseFilter

if TYPE_CHECKING:
    from vedette_server.api.auth import Caller
    from vedette_server.api.commands import Commands
    from vedette_server.api.views import Views
    from vedette_server.store.journal import Entry
    from vedette_server.store.reader import Reader

MAX_TITLE_CHARS: Final = 200
MAX_OWNER_CHARS: Final = 64


class CaseService:
    """The methods of `vedette.support.v1.CaseService`."""

    def __init__(self, *, reader: Reader, commands: Commands, views: Views) -> None:
        """Take what to read, what to ask, and how to show it."""
        self._reader = reader
        self._commands = commands
        self._views = views

    async def ListCases(
        self, request: case_pb2.ListCasesRequest, caller: Caller
    ) -> case_pb2.ListCasesResponse:
        """Return cases, soonest due first."""
        wanted = CaseFilter(
            states=fields.members("states", request.states, wire.CASE_STATES) or OPEN_STATES,
            customer=fields.optional_slug("customer", request.customer),
            owner=request.owner,
        )
        after, size = cursor_of(request, CaseCursor), fields.page_size(request.page_size)
        page = await self._reader.list_cases(wanted, after=after, limit=size)
        cases = [await self._views.case(case) for case in page.items]
        fits = fitting(cases)
        if fits < len(cases):
            page = await self._reader.list_cases(wanted, after=after, limit=fits)
            cases = [await self._views.case(case) for case in page.items]
        return case_pb2.ListCasesResponse(cases=cases, next_page_token=page_token(request, page.next))

    async def GetCase(self, request: case_pb2.GetCaseRequest, caller: Caller) -> case_pb2.GetCaseResponse:
        """Return one case."""
        case = await self._get(request.id)
        return case_pb2.GetCaseResponse(case=await self._views.case(case))

    async def ListCaseTimeline(
        self, request: case_pb2.ListCaseTimelineRequest, caller: Caller
    ) -> case_pb2.ListCaseTimelineResponse:
        """Return what the journal says about a case and its alarms, oldest first."""
        case = await self._get(request.id)
        size = fields.page_size(request.page_size)
        after = cursor_of(request, int) or 0
        # One more than fits tells whether there is a further page.
        mine = await self._reader.journal_of(Kind.CASE, (case.id,), after=after, limit=size + 1)
        alarms = await self._reader.journal_of(Kind.ALARM, case.alarms, after=after, limit=size + 1)
        merged = sorted((*mine, *alarms), key=lambda entry: entry.sequence)
        entries = [_timeline_entry(entry) for entry in merged[:size]]
        entries = entries[: fitting(entries)]
        more = len(entries) < len(merged)
        return case_pb2.ListCaseTimelineResponse(
            entries=entries, next_page_token=page_token(request, entries[-1].sequence if more else None)
        )

    async def CreateCase(
        self, request: case_pb2.CreateCaseRequest, caller: Caller
    ) -> case_pb2.CreateCaseResponse:
        """Open a case by hand."""
        command = inputs.CreateCase(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            customer=fields.slug("customer", request.customer),
            installation=fields.optional_slug("installation", request.installation),
            priority=fields.priority(request.priority),
            title=fields.line("title", request.title, maximum=MAX_TITLE_CHARS),
            description=fields.prose("description", request.description),
        )
        return case_pb2.CreateCaseResponse(case=await self._do(command, caller))

    async def AcknowledgeCase(
        self, request: case_pb2.AcknowledgeCaseRequest, caller: Caller
    ) -> case_pb2.AcknowledgeCaseResponse:
        """Take a case."""
        command = inputs.AcknowledgeCase(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            id=fields.identity("id", request.id),
            etag=request.etag,
            note=fields.prose("note", request.note),
        )
        return case_pb2.AcknowledgeCaseResponse(case=await self._do(command, caller))

    async def AssignCase(
        self, request: case_pb2.AssignCaseRequest, caller: Caller
    ) -> case_pb2.AssignCaseResponse:
        """Give a case an owner, or none."""
        command = inputs.AssignCase(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            id=fields.identity("id", request.id),
            etag=request.etag,
            owner=fields.line("owner", request.owner, minimum=0, maximum=MAX_OWNER_CHARS),
        )
        return case_pb2.AssignCaseResponse(case=await self._do(command, caller))

    async def CommentCase(
        self, request: case_pb2.CommentCaseRequest, caller: Caller
    ) -> case_pb2.CommentCaseResponse:
        """Add a comment."""
        command = inputs.CommentCase(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            id=fields.identity("id", request.id),
            etag=request.etag,
            text=fields.prose("text", request.text, minimum=1),
        )
        return case_pb2.CommentCaseResponse(case=await self._do(command, caller))

    async def ResolveCase(
        self, request: case_pb2.ResolveCaseRequest, caller: Caller
    ) -> case_pb2.ResolveCaseResponse:
        """Say that the work is done."""
        command = inputs.ResolveCase(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            id=fields.identity("id", request.id),
            etag=request.etag,
            resolution=fields.prose("resolution", request.resolution),
        )
        return case_pb2.ResolveCaseResponse(case=await self._do(command, caller))

    async def CloseCase(
        self, request: case_pb2.CloseCaseRequest, caller: Caller
    ) -> case_pb2.CloseCaseResponse:
        """Close a resolved case for good."""
        command = inputs.CloseCase(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            id=fields.identity("id", request.id),
            etag=request.etag,
        )
        return case_pb2.CloseCaseResponse(case=await self._do(command, caller))

    async def _get(self, id_: str) -> Case:
        case = await self._reader.get(Kind.CASE, fields.identity("id", id_))
        if not isinstance(case, Case):
            raise not_found("case", id_)
        return case

    async def _do(self, command: inputs.AnyCommand, caller: Caller) -> case_pb2.Case:
        answered = await self._commands.carry_out(command, Case, caller)
        return await self._views.case(answered.entity)


def _timeline_entry(entry: Entry) -> case_pb2.TimelineEntry:
    return case_pb2.TimelineEntry(
        sequence=wire.uint64(entry.sequence),
        time=to_timestamp(from_micros(entry.time_us)),
        kind=entry.kind,
        id=entry.id,
        reason=entry.reason,
        actor=entry.actor,
        text=entry.text,
    )
