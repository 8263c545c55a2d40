"""A board as the rows of a table."""

from collections.abc import Callable
from typing import Generic

from vedette_console.model.board import Board, T
from vedette_console.model.rows import Row


class BoardSource(Generic[T]):
    """Rows of a board, made when they are drawn."""

    def __init__(self, board: Board[T], row_of: Callable[[T], Row]) -> None:
        """Make a source.

        Args:
            board: holds the resources and the cursor.
            row_of: makes the row of a resource as it is now.
        """
        self._board: Board[T] = board
        self._row_of: Callable[[T], Row] = row_of

    def __len__(self) -> int:
        """Return how many rows are in view."""
        return len(self._board)

    @property
    def cursor(self) -> int:
        """Row under the cursor."""
        return self._board.cursor

    def move_to(self, line: int) -> None:
        """Put the cursor on a row."""
        self._board.move_to(line)

    def row(self, line: int) -> Row:
        """Return a row."""
        return self._row_of(self._board.at(line))
