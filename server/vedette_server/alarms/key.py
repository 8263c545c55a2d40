"""Alarm key: what makes two findings the same alarm.

Versioned, because a key is kept for as long as its alarm.

Nothing here does I/O.
"""

from __future__ import annotations

from vedette_server.telemetry.series import Labels

#: Version of the form of a key; a new form gets a new number, and old alarms keep their old keys.
KEY_VERSION = 1


def alarm_key(code: str, scope: str, labels: Labels) -> str:
    """Return "version|code|scope|name=value,…"; labels sorted by name, separators in values escaped.

    Args:
        code: rule code.
        scope: what it concerns: the agent id.
        labels: what tells it from other alarms of the same rule on this scope.
    """
    parts = ",".join(f"{_escape(name)}={_escape(value)}" for name, value in sorted(labels))
    return f"{KEY_VERSION}|{code}|{scope}|{parts}"


def _escape(text: str) -> str:
    for char in "%|,=":
        text = text.replace(char, f"%{ord(char):02x}")
    return text
