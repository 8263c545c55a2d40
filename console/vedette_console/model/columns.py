"""Columns of a table, and which of them fit.

A column has a fixed width or takes what is left (`flex`). It may stand only on wide or only on narrow
screens, so that one row serves every terminal: hiding is decided here, once per size, never per row.
"""

from dataclasses import dataclass

#: Blank cells between two columns, and before the first.
GAP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    title: str
    #: Cells; the least width of a flexible column.
    width: int
    #: Takes the width that is left; at most one column of a table does.
    flex: bool = False
    #: Aligned to the right, as numbers are.
    right: bool = False
    #: A text that is too long loses its beginning: of "customer/site/node-1" the end tells rows apart.
    keep_end: bool = False
    #: Shown only where the table has at least this width.
    from_width: int = 0
    #: Shown only where the table is narrower than this; 0 means always.
    below_width: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A column that is shown: which one, and how wide."""

    index: int
    width: int
    right: bool
    keep_end: bool
    title: str


def fit(columns: tuple[Column, ...], total: int) -> tuple[Placed, ...]:
    """Return the columns shown in `total` cells, in order, with their widths.

    A flexible column keeps at least its own width; on a screen too small for all the line is cut at the
    right.
    """
    shown = [
        (index, column)
        for index, column in enumerate(columns)
        if column.from_width <= total and (column.below_width == 0 or total < column.below_width)
    ]
    fixed = sum(column.width for _, column in shown if not column.flex) + GAP * (len(shown) + 1)
    return tuple(
        Placed(
            index=index,
            width=max(column.width, total - fixed) if column.flex else column.width,
            right=column.right,
            keep_end=column.keep_end,
            title=column.title,
        )
        for index, column in shown
    )
