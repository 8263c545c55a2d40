"""What makes the program end: one exit code a family, the same in `--help`, in the docs and in tests.

Refusals of single calls are not here (see `engine/refusal.py`): they end a call, never the program.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of `vedette-server`; scripts and service managers may rely on it."""

    OK = 0
    #: It ran and did not succeed.
    FAILED = 1
    #: The command line is wrong.
    USAGE = 2
    #: A configuration file is wrong or cannot be read.
    CONFIGURATION = 3
    #: Another process works on the data folder.
    DATA_FOLDER_IN_USE = 4
    #: An address cannot be bound.
    PORT_IN_USE = 5
    #: The data folder was written by a newer version, or needs `db upgrade`.
    SCHEMA = 6


class CannotGoOn(Exception):
    """The program ends with `exit_code`; the message says why and what to do."""

    def __init__(self, exit_code: ExitCode, message: str) -> None:
        """Take the code and the words for the operator."""
        super().__init__(message)
        self.exit_code = exit_code
