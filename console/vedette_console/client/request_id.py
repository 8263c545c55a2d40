"""Request ids: one for each mutation a person decides on, so that a repeat of it is harmless."""

from uuid import uuid4


def new_request_id() -> str:
    """Return an id that no other mutation has."""
    return uuid4().hex
