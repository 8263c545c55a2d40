"""Carry out an intent: the one place that knows which call each of them is."""

from vedette_console.client.errors import ErrorKind, SupportError
from vedette_console.client.support import Support
from vedette_console.model.intents import (
    AcknowledgeAlarm,
    AcknowledgeCase,
    AssignCase,
    CloseCase,
    CommentCase,
    CreateCase,
    Intent,
    ResolveCase,
)
from vedette_console.model.resources import Alarm, Case


async def perform(support: Support, intent: Intent) -> Case | Alarm:
    """Do what a person wants done; return the resource as it is afterwards.

    Raises:
        SupportError: it was not done, or nobody knows whether it was; the same intent may be tried again.
    """
    try:
        return await _perform(support, intent)
    except UnicodeEncodeError as error:
        # Half a character, as a terminal with another encoding sends it, does not go over the wire.
        said = f"the text is not valid Unicode at character {error.start + 1}; type that part again"
        raise SupportError(said, kind=ErrorKind.REFUSED, reason="TEXT_INVALID") from error


async def _perform(support: Support, intent: Intent) -> Case | Alarm:
    request_id = intent.request_id
    match intent:
        case AcknowledgeCase(id=id_, note=note, etag=etag):
            return await support.acknowledge_case(id_, request_id=request_id, note=note, etag=etag)
        case AcknowledgeAlarm(id=id_, note=note, etag=etag):
            return await support.acknowledge_alarm(id_, request_id=request_id, note=note, etag=etag)
        case AssignCase(id=id_, owner=owner, etag=etag):
            return await support.assign_case(id_, request_id=request_id, owner=owner, etag=etag)
        case CommentCase(id=id_, text=text):
            return await support.comment_case(id_, request_id=request_id, text=text)
        case ResolveCase(id=id_, resolution=words, etag=etag):
            return await support.resolve_case(id_, request_id=request_id, resolution=words, etag=etag)
        case CloseCase(id=id_, etag=etag):
            return await support.close_case(id_, request_id=request_id, etag=etag)
        case CreateCase():
            return await support.create_case(
                request_id=request_id,
                customer=intent.customer,
                priority=intent.priority,
                title=intent.title,
                installation=intent.installation,
                description=intent.description,
            )
