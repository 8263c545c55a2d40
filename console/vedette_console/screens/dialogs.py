"""Dialogs: one line of text, or yes and no.

A dialog stays open until the server has done what was asked. When it refuses, or somebody else was faster,
the dialog says what happened and keeps every typed character; sending the same text again is the same
request.
"""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from vedette_console.client.request_id import new_request_id
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.intents import Intent
from vedette_console.model.safe import Safe, safe
from vedette_console.screens.wanted import Wanted
from vedette_console.widgets.bars import LineBar
from vedette_console.widgets.prose import Prose

#: Makes the intent of a text: from the text, a request id, and the version it is about.
IntentOf = Callable[[str, str, str], Intent]
#: Longest text that the API takes.
TEXT_LIMIT = 8_000


class Dialog(ModalScreen[None]):
    """A box over the screen that waits for the answer of what it asked."""

    BINDINGS = [Binding("escape", "dismiss", "Cancel")]

    def __init__(self, title: str, about: tuple[Line, ...], *, etag: str) -> None:
        """Make a dialog.

        Args:
            title: what will be done.
            about: lines that say to what.
            etag: version that the person sees.
        """
        super().__init__()
        self._title = safe(title)
        self._about = about
        self._etag = etag
        self._problem = LineBar(classes="dialog-problem")

    def done(self) -> None:
        """Close: it was done."""
        self.dismiss()

    def refused(self, sentences: tuple[Safe, ...], etag: str | None) -> None:
        """Say why it was not done, and aim the next attempt at what is there now."""
        if etag is not None:
            self._etag = etag
        self._problem.show(*((Cell(text=sentence, tone=Tone.BAD),) for sentence in sentences))

    def head(self) -> ComposeResult:
        """Yield the lines at the top of the box."""
        yield Prose((Cell(text=self._title, tone=Tone.STRONG),), classes="dialog-title")
        if self._about:
            yield Prose(*self._about, classes="dialog-about")


class PromptDialog(Dialog):
    """Asks for one text and sends it."""

    def __init__(
        self,
        title: str,
        about: tuple[Line, ...],
        *,
        intent_of: IntentOf,
        etag: str,
        placeholder: str,
        text: str = "",
        required: bool = True,
    ) -> None:
        """Make a prompt.

        Args:
            title: what will be done.
            about: lines that say to what.
            intent_of: makes the intent of a text.
            etag: version that the person sees.
            placeholder: what to type.
            text: what is typed already.
            required: whether an empty text is refused.
        """
        super().__init__(title, about, etag=etag)
        self._intent_of = intent_of
        self._required = required
        self._input = Input(text, placeholder=placeholder, max_length=TEXT_LIMIT, compact=True)
        self._sent: tuple[str, str, Intent] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(classes="dialog"):
            yield from self.head()
            yield self._input
            yield self._problem
            yield Static("Enter sends · Esc cancels", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """Let the person type at once."""
        self._input.focus()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Send the text; the same text about the same version is the same request."""
        text = self._input.value.strip()
        if self._required and not text:
            self.refused((safe("nothing typed yet"),), None)
            return
        if self._sent is None or self._sent[:2] != (text, self._etag):
            self._sent = text, self._etag, self._intent_of(text, new_request_id(), self._etag)
        self._problem.show((Cell(text=safe("sending…"), tone=Tone.DIM),))
        self.post_message(Wanted(self._sent[2], self))


class ConfirmDialog(Dialog):
    """Asks yes or no, and does it on yes."""

    BINDINGS = [
        Binding("y,enter", "yes", "Yes"),
        Binding("n", "dismiss", "No"),
    ]

    def __init__(self, title: str, about: tuple[Line, ...], *, intent_of: IntentOf, etag: str) -> None:
        """Make a question; `intent_of` gets an empty text."""
        super().__init__(title, about, etag=etag)
        self._intent_of = intent_of
        self._sent: tuple[str, Intent] | None = None

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(classes="dialog"):
            yield from self.head()
            yield self._problem
            yield Static("y does it · n or Esc leaves it", classes="dialog-keys", markup=False)

    def action_yes(self) -> None:
        """Do it."""
        if self._sent is None or self._sent[0] != self._etag:
            self._sent = self._etag, self._intent_of("", new_request_id(), self._etag)
        self.post_message(Wanted(self._sent[1], self))
