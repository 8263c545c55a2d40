"""What can go wrong, as types, and the exit code that each means.

A message says what is wrong with which value, where, and what to do about it.
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """How the program ends; documented in `--help` and README.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    ALREADY_RUNNING = 4
    REFUSED = 5


class AgentError(Exception):
    """Base of everything the agent reports in one sentence instead of a traceback."""

    exit_code = ExitCode.FAILED


class ConfigError(AgentError):
    """The configuration cannot be used; every problem of it, one line each."""

    exit_code = ExitCode.CONFIG

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        #: One line a problem: "file:line: key: what is wrong".
        self.problems = tuple(problems)


class AlreadyRunning(AgentError):
    """Another agent uses this state folder."""

    exit_code = ExitCode.ALREADY_RUNNING


class OutboxError(AgentError):
    """The outbox could not be opened or written."""


class RefusedForGood(AgentError):
    """The server will not take this credential, now or later."""

    exit_code = ExitCode.REFUSED
