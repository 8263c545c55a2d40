"""AlarmService: reads alarms from the store, and hands acknowledgements to the turn loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vedette.support.v1 import alarm_pb2
from vedette_server.alarms.alarm import Alarm
from vedette_server.api import fields, wire
from vedette_server.api.errors import not_found
from vedette_server.api.pages import cursor_of, page_token
from vedette_server.engine import inputs
from vedette_server.engine.changes import Kind
from vedette_server.store.pages import AlarmCursor, AlarmFilter

if TYPE_CHECKING:
    from vedette_server.api.auth import Caller
    from vedette_server.api.commands import Commands
    from vedette_server.store.reader import Reader


class AlarmService:
    """The methods of `vedette.support.v1.AlarmService`."""

    def __init__(self, *, reader: Reader, commands: Commands) -> None:
        """Take what to read, and what to ask."""
        self._reader = reader
        self._commands = commands

    async def ListAlarms(
        self, request: alarm_pb2.ListAlarmsRequest, caller: Caller
    ) -> alarm_pb2.ListAlarmsResponse:
        """Return alarms, newest first."""
        page = await self._reader.list_alarms(
            AlarmFilter(
                show_closed=request.show_closed,
                customer=fields.optional_slug("customer", request.customer),
                code=request.code,
                case_id=request.case_id,
            ),
            after=cursor_of(request, AlarmCursor),
            limit=fields.page_size(request.page_size),
        )
        return alarm_pb2.ListAlarmsResponse(
            alarms=[wire.alarm(alarm) for alarm in page.items], next_page_token=page_token(request, page.next)
        )

    async def GetAlarm(
        self, request: alarm_pb2.GetAlarmRequest, caller: Caller
    ) -> alarm_pb2.GetAlarmResponse:
        """Return one alarm."""
        alarm = await self._reader.get(Kind.ALARM, fields.identity("id", request.id))
        if not isinstance(alarm, Alarm):
            raise not_found("alarm", request.id)
        return alarm_pb2.GetAlarmResponse(alarm=wire.alarm(alarm))

    async def AcknowledgeAlarm(
        self, request: alarm_pb2.AcknowledgeAlarmRequest, caller: Caller
    ) -> alarm_pb2.AcknowledgeAlarmResponse:
        """Acknowledge an alarm and the case that works on it."""
        command = inputs.AcknowledgeAlarm(
            by=caller.name,
            request_id=fields.request_id(request.request_id),
            id=fields.identity("id", request.id),
            etag=request.etag,
            note=fields.prose("note", request.note),
        )
        answered = await self._commands.carry_out(command, Alarm, caller)
        return alarm_pb2.AcknowledgeAlarmResponse(alarm=wire.alarm(answered.entity))
