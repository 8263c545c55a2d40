"""The keys that work a case, the same on every screen that has one under the cursor."""

from textual.binding import Binding

from vedette_console.client.request_id import new_request_id
from vedette_console.model.brief import case_headline, text
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.intents import (
    AcknowledgeCase,
    AssignCase,
    CloseCase,
    CommentCase,
    ResolveCase,
)
from vedette_console.model.resources import OPEN_STATES, Case, CaseState
from vedette_console.screens.dialogs import ConfirmDialog, PromptDialog
from vedette_console.screens.frame import DeskScreen
from vedette_console.screens.wanted import Wanted


class CaseActions(DeskScreen):
    """Turns keys into intents about the case that the screen names."""

    BINDINGS = [
        Binding("a", "acknowledge", "Ack"),
        Binding("c", "comment", "Comment"),
        Binding("r", "resolve", "Resolve"),
        Binding("x", "close_case", "Close"),
        Binding("o", "assign", "Owner"),
    ]

    def case_in_hand(self) -> Case | None:
        """Return the case that a key is about, to act on it; None when there is none."""
        raise NotImplementedError

    def action_acknowledge(self) -> None:
        """Take the case at once: at three in the morning nobody wants a dialog."""
        case = self.case_in_hand()
        if case is None:
            self.complain("there is no case here to acknowledge")
        elif case.state is not CaseState.NEW:
            owner = f" by {case.owner}" if case.owner else ""
            self.complain(f"case {case.id} is {case.state.value}{owner}; there is nothing to acknowledge")
        else:
            # No etag: the alarm may flap while the key is on its way, and only another person's answer
            # counts.
            self.post_message(Wanted(AcknowledgeCase(id=case.id, request_id=new_request_id())))

    def action_comment(self) -> None:
        """Ask for a comment."""
        case = self.case_in_hand()
        if case is None:
            self.complain("there is no case here to comment on")
            return
        self.app.push_screen(
            PromptDialog(
                f"comment on {case.id}",
                _about(case),
                intent_of=lambda text, request_id, _: CommentCase(
                    id=case.id, request_id=request_id, text=text
                ),
                etag=case.etag,
                placeholder="what you see, do or know",
            )
        )

    def action_resolve(self) -> None:
        """Ask what was done, and resolve."""
        case = self.case_in_hand()
        if case is None or case.state not in OPEN_STATES:
            self.complain("only an open case can be resolved")
            return
        warning: tuple[Line, ...] = ()
        if case.alarm_active:
            warning = ((text("its alarm is still active", Tone.WARNING),),)
        self.app.push_screen(
            PromptDialog(
                f"resolve {case.id}",
                _about(case) + warning,
                intent_of=lambda text, request_id, etag: ResolveCase(
                    id=case.id, request_id=request_id, resolution=text, etag=etag
                ),
                etag=case.etag,
                placeholder="what was done",
            )
        )

    def action_close_case(self) -> None:
        """Ask, and close for good."""
        case = self.case_in_hand()
        if case is None or case.state is not CaseState.RESOLVED:
            self.complain("only a resolved case can be closed; r resolves")
            return
        self.app.push_screen(
            ConfirmDialog(
                f"close {case.id} for good?",
                _about(case),
                intent_of=lambda _, request_id, etag: CloseCase(id=case.id, request_id=request_id, etag=etag),
                etag=case.etag,
            )
        )

    def action_assign(self) -> None:
        """Ask who shall own the case; me is typed already."""
        case = self.case_in_hand()
        if case is None or case.state not in OPEN_STATES:
            self.complain("only an open case can be given an owner")
            return
        me = self.context.desk.me
        owner = f"owned by {case.owner}" if case.owner else "nobody owns it"
        self.app.push_screen(
            PromptDialog(
                f"owner of {case.id}",
                (*_about(case), (text(owner, Tone.DIM),)),
                intent_of=lambda text, request_id, etag: AssignCase(
                    id=case.id, request_id=request_id, owner=text, etag=etag
                ),
                etag=case.etag,
                placeholder="name, or empty for nobody",
                text="" if case.owner == me else me,
                required=False,
            )
        )


def _about(case: Case) -> tuple[Line, ...]:
    customer: Cell = text(case.customer_name or case.customer, Tone.DIM)
    return (case_headline(case), (customer,))
