"""Help: the keys of the screen it was asked on, read from its bindings so that it cannot be wrong."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from vedette_console.model.brief import LABEL_WIDTH
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.safe import safe
from vedette_console.widgets.prose import Prose

#: What the glyphs mean; words stand beside them wherever there is room.
LEGEND = (
    ("▲ ◆ ● ○", "P1 critical, P2 high, P3 medium, P4 low"),
    ("! 12m 04s", "less than a quarter of the promised time is left"),
    ("-3m 10s", "the promise is broken; nobody has answered yet"),
    ("closed, due", "the customer's support hours are over; the clock stands still until they open"),
    ("▲ active", "the condition holds now"),
    ("✓ clear", "it went away by itself; the case still waits for a human"),
)


class HelpScreen(ModalScreen[None]):
    """Keys and glyphs."""

    BINDINGS = [
        Binding("escape,question_mark,q,enter", "dismiss", "Close"),
    ]

    def __init__(self, keys: tuple[tuple[str, str], ...]) -> None:
        """Make a help page.

        Args:
            keys: each key with what it does.
        """
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        with VerticalScroll(classes="dialog help"):
            yield Prose(*self._lines())

    def _lines(self) -> tuple[Line, ...]:
        head = Tone.STRONG
        return (
            (Cell(text=safe("Keys"), tone=head),),
            *(_entry(key, words) for key, words in self._keys),
            (Cell(text=safe("")),),
            (Cell(text=safe("Signs"), tone=head),),
            *(_entry(sign, words) for sign, words in LEGEND),
            (Cell(text=safe("")),),
            (Cell(text=safe("Esc closes this"), tone=Tone.DIM),),
        )


def _entry(key: str, words: str) -> Line:
    return Cell(text=safe(f"{key:<{LABEL_WIDTH + 3}}"), tone=Tone.ACCENT), Cell(text=safe(words))
