"""Exit codes: what a script can tell apart without reading a word."""

from enum import IntEnum

from vedette_console.client.errors import ErrorKind


class Exit(IntEnum):
    """How a command ended. Documented in `vedette --help` and README.md; the numbers stay."""

    OK = 0
    #: The server understood and said no: not found, not in that state, not allowed.
    REFUSED = 1
    #: The command line is wrong.
    USAGE = 2
    #: The configuration is wrong.
    CONFIG = 3
    #: No server, no answer, or it does not accept the token.
    UNREACHABLE = 4
    #: Somebody else changed it first.
    CONFLICT = 5


OF_ERROR = {
    ErrorKind.REFUSED: Exit.REFUSED,
    ErrorKind.CONFLICT: Exit.CONFLICT,
    ErrorKind.UNREACHABLE: Exit.UNREACHABLE,
    ErrorKind.UNAUTHENTICATED: Exit.UNREACHABLE,
}
