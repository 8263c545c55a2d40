"""The form for a case by hand: a customer calls, and what they say becomes a case with a clock."""

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from vedette_console.client.request_id import new_request_id
from vedette_console.model.cell import Cell, Tone
from vedette_console.model.intents import CreateCase
from vedette_console.model.resources import Priority
from vedette_console.model.safe import safe
from vedette_console.screens.dialogs import TEXT_LIMIT, Dialog
from vedette_console.screens.wanted import Wanted

#: Longest title that the API takes.
TITLE_LIMIT = 200
#: Longest id there is.
ID_LIMIT = 63


class NewCaseDialog(Dialog):
    """Asks for customer, installation, priority, title and description."""

    def __init__(self, customers: tuple[str, ...]) -> None:
        """Make an empty form.

        Args:
            customers: ids to complete while typing.
        """
        super().__init__("new case", (), etag="")
        self._customer = Input(
            placeholder="customer id",
            suggester=SuggestFromList(customers, case_sensitive=False),
            max_length=ID_LIMIT,
            compact=True,
            id="customer",
        )
        self._installation = Input(
            placeholder="installation id, or empty", max_length=ID_LIMIT, compact=True, id="installation"
        )
        self._priority = Input("3", placeholder="1 to 4", max_length=1, compact=True, id="priority")
        self._case_title = Input(
            placeholder="what is wrong, in one line", max_length=TITLE_LIMIT, compact=True, id="title"
        )
        self._description = Input(
            placeholder="what they said, if more", max_length=TEXT_LIMIT, compact=True, id="description"
        )
        self._sent: CreateCase | None = None

    def compose(self) -> ComposeResult:
        """Lay out the form."""
        with Vertical(classes="dialog"):
            yield from self.head()
            yield from self._fields()
            yield self._problem
            yield Static(
                "Enter in the last field opens the case · Tab next · Esc cancels",
                classes="dialog-keys",
                markup=False,
            )

    def on_mount(self) -> None:
        """Start with the customer."""
        self._customer.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field; send from the last."""
        if event.input is not self._description:
            self.focus_next()
            return
        mistake = self._mistake()
        if mistake is not None:
            problem, field = mistake
            self.refused((safe(problem),), None)
            field.focus()
            return
        self._problem.show((Cell(text=safe("sending…"), tone=Tone.DIM),))
        self.post_message(Wanted(self._intent(), self))

    def _fields(self) -> ComposeResult:
        for name, field in (
            ("customer", self._customer),
            ("place", self._installation),
            ("priority", self._priority),
            ("what", self._case_title),
            ("more", self._description),
        ):
            with Horizontal(classes="dialog-field"):
                yield Label(name, markup=False)
                yield field

    def _mistake(self) -> tuple[str, Widget] | None:
        """Return what is missing, and where; None when the form is complete."""
        if not self._customer.value.strip():
            return "a case needs a customer id", self._customer
        if self._priority.value not in {"1", "2", "3", "4"}:
            return "priority must be 1, 2, 3 or 4", self._priority
        if not self._case_title.value.strip():
            return "a case needs a line that says what is wrong", self._case_title
        return None

    def _intent(self) -> CreateCase:
        """Return what a complete form asks for; the same form sent again is the same request."""
        wanted = CreateCase(
            request_id=new_request_id(),
            customer=self._customer.value.strip(),
            installation=self._installation.value.strip(),
            priority=Priority(int(self._priority.value)),
            title=self._case_title.value.strip(),
            description=self._description.value.strip(),
        )
        if self._sent is None or replace(wanted, request_id=self._sent.request_id) != self._sent:
            self._sent = wanted
        return self._sent
