"""A board: resources by id in a live order, with a cursor that stays on its resource.

One idea: the cursor is an id, never a line. Whatever arrives, moves or leaves, and after every reconnect, the
cursor stands on the same case; only when that case leaves the view does it go to the one that took its place.
A cursor that nobody has moved yet means no case in particular: it stands at the top, on the most urgent one.

A board is the one mutable thing of the model: a burst of a thousand changes a second must not copy ten
thousand rows each time. It holds no times of its own and draws nothing.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from vedette_console.model.resources import Agent, Alarm, Case
from vedette_console.model.resources import Resource as Item

T = TypeVar("T", Case, Alarm, Agent)
#: Sorts a resource among others of its kind; unique, because it ends with the id.
Order = tuple[object, ...]


def _everything(_: Item) -> bool:
    return True


class Board(Generic[T]):
    """Resources of one kind, those in view sorted, one of them under the cursor."""

    def __init__(self, order: Callable[[T], Order]) -> None:
        """Make an empty board.

        Args:
            order: the sort key of a resource; equal keys must mean the same resource.
        """
        self._order: Callable[[T], Order] = order
        self._in_view: Callable[[T], bool] = _everything
        self._items: dict[str, T] = {}
        self._keys: dict[str, Order] = {}
        #: (order, id) of what is in view, sorted. Typed loosely: orders of one board compare with each other.
        self._sorted: list[tuple[Order, str]] = []
        self._cursor_id = ""
        self._cursor_line = 0
        #: Whether a person has put the cursor where it is, or acted on what is under it.
        self._sticks = False

    def __len__(self) -> int:
        """Return how many resources are in view."""
        return len(self._sorted)

    def __iter__(self) -> Iterator[T]:
        """Yield all resources, in view or not, in no particular order."""
        return iter(self._items.values())

    @property
    def total(self) -> int:
        """How many resources the board holds, in view or not."""
        return len(self._items)

    def get(self, resource_id: str) -> T | None:
        """Return a resource by id, in view or not."""
        return self._items.get(resource_id)

    def at(self, line: int) -> T:
        """Return the resource on a line of the view."""
        return self._items[self._sorted[line][1]]

    def line_of(self, resource_id: str) -> int | None:
        """Return the line on which a resource stands, None when it is not in view."""
        key = self._keys.get(resource_id)
        return None if key is None else bisect_left(self._sorted, (key, resource_id))

    def replace_all(self, items: Iterable[T]) -> None:
        """Hold exactly `items` from now on; the cursor stays on its resource if that is among them."""
        self._items = {item.id: item for item in items}
        self._sort()

    def apply(self, item: T) -> None:
        """Take in the newest state of one resource."""
        self._items[item.id] = item
        self._take_out_of_view(item.id)
        if self._in_view(item):
            self._keys[item.id] = self._order(item)
            insort(self._sorted, (self._keys[item.id], item.id))
        self._settle_cursor()

    def discard(self, resource_id: str) -> None:
        """Forget a resource; nothing happens when it is not there."""
        if self._items.pop(resource_id, None) is not None:
            self._take_out_of_view(resource_id)
            self._settle_cursor()

    def show_only(self, in_view: Callable[[T], bool]) -> None:
        """Show the resources for which `in_view` holds."""
        self._in_view = in_view
        self._sort()

    @property
    def cursor(self) -> int:
        """Line of the cursor; 0 on an empty view."""
        return self._cursor_line

    @property
    def selected(self) -> T | None:
        """The resource under the cursor; None on an empty view."""
        return self._items[self._cursor_id] if self._sorted else None

    def take(self) -> T | None:
        """Return the resource under the cursor to act on it; the cursor sticks to it from now on."""
        self._sticks = self._sticks or bool(self._sorted)
        return self.selected

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, or on the nearest there is; it sticks to the resource there."""
        if self._sorted:
            self._sticks = True
            self._stand_on(line)

    def move_by(self, lines: int) -> None:
        """Move the cursor down by `lines`, up when negative, not beyond the ends."""
        self.move_to(self._cursor_line + lines)

    def select(self, resource_id: str) -> bool:
        """Put the cursor on a resource; return whether it is in view."""
        line = self.line_of(resource_id)
        if line is not None:
            self.move_to(line)
        return line is not None

    def _sort(self) -> None:
        self._keys = {item.id: self._order(item) for item in self._items.values() if self._in_view(item)}
        self._sorted = sorted((key, resource_id) for resource_id, key in self._keys.items())
        self._settle_cursor()

    def _take_out_of_view(self, resource_id: str) -> None:
        key = self._keys.pop(resource_id, None)
        if key is not None:
            del self._sorted[bisect_left(self._sorted, (key, resource_id))]

    def _settle_cursor(self) -> None:
        """Put the cursor back on its resource, or on the line where that was; untouched, on the first."""
        line = self.line_of(self._cursor_id) if self._sticks else 0
        self._stand_on(self._cursor_line if line is None else line)

    def _stand_on(self, line: int) -> None:
        if self._sorted:
            self._cursor_line = min(max(line, 0), len(self._sorted) - 1)
            self._cursor_id = self._sorted[self._cursor_line][1]
