"""Intents: what a person wants done, said by a screen and carried out by the app.

An intent carries the `request_id` of its one mutation. It is made once, when the person decides, so that
sending it again after a lost answer cannot do it twice. `etag` is the version the person saw; empty means
that the state check of the server is enough.
"""

from dataclasses import dataclass

from vedette_console.model.resources import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeCase:
    """Take a case: become its owner, stop its clock."""

    id: str
    request_id: str
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeAlarm:
    """Take an alarm, and its case with it."""

    id: str
    request_id: str
    note: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignCase:
    """Give a case an owner; an empty one takes it away."""

    id: str
    request_id: str
    owner: str
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentCase:
    """Add a comment to the timeline."""

    id: str
    request_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveCase:
    """Say that the work is done, and what was done."""

    id: str
    request_id: str
    resolution: str
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseCase:
    """Close a resolved case for good."""

    id: str
    request_id: str
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCase:
    """Open a case for what a customer reports."""

    request_id: str
    customer: str
    priority: Priority
    title: str
    installation: str = ""
    description: str = ""


#: Whatever a person can want done.
Intent = AcknowledgeCase | AcknowledgeAlarm | AssignCase | CommentCase | ResolveCase | CloseCase | CreateCase
