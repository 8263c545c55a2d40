"""What single values of the policy file look like, beyond what every YAML file knows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from vedette_server.calendars.compile import Hours
from vedette_server.contracts.release import RELEASE as RELEASE_PATTERN
from vedette_server.yamlfile import Shape

if TYPE_CHECKING:
    from vedette_server.yamlfile import Value

CONTRACT_ID: Final = Shape(
    pattern=re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}", re.ASCII),
    words="a contract id of at most 63 letters, digits, dots, dashes, underscores and slashes",
)
EMAIL: Final = Shape(
    pattern=re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,190}"), words="a mail address such as ops@example.com"
)
PHONE: Final = Shape(
    pattern=re.compile(r"\+?[0-9][0-9 ()/-]{2,30}", re.ASCII), words="a phone number such as +49 30 123456"
)
LANGUAGE: Final = Shape(
    pattern=re.compile(r"[a-z]{2,3}(-[A-Z]{2})?", re.ASCII), words="a language such as en or pt-BR"
)
COUNTRY: Final = Shape(
    pattern=re.compile(r"[A-Z]{2,3}", re.ASCII), words="a country code of two or three capital letters"
)
RELEASE: Final = Shape(pattern=RELEASE_PATTERN, words="a release such as 2020.Winter.1")
_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_DAY: Final = timedelta(hours=24)


def read_hours(value: Value) -> Hours:
    """Read one shift such as `09:00-12:30`, `18:00-24:00` or, over midnight, `22:00-06:00`."""
    text = value.text()
    match = _HOURS.fullmatch(text)
    numbers = [int(part) for part in match.groups()] if match else [0, 0, 24, 0]
    opens = timedelta(hours=numbers[0], minutes=numbers[1])
    closes = timedelta(hours=numbers[2], minutes=numbers[3])
    if match is None or closes > _DAY:
        value.problem("must be hours such as 09:00-12:30, at most until 24:00")
    elif opens == closes:
        value.problem("opens and closes at the same time; write 00:00-24:00 for a whole day")
    elif closes == timedelta(hours=23, minutes=59):
        value.problem("leaves the last minute of the day closed; write 24:00 for midnight")
    return Hours(opens=opens, closes=closes if opens < closes else closes + _DAY)
