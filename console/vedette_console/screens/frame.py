"""The frame of every screen: header, banner while the link is down, body, status line, keys.

A screen is told when the desk changed and each second when time passed; both lead to `show_desk`, which
draws from the desk and keeps nothing of its own.
"""

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer

from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.header import header
from vedette_console.model.link import link_banner
from vedette_console.screens.context import Context
from vedette_console.screens.wanted import Said
from vedette_console.widgets.bars import HeaderBar, LineBar


class DeskScreen(Screen[None]):
    """A screen that shows a part of the desk."""

    #: The tab that is in front while this screen is.
    TAB = "queue"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]

    def __init__(self, context: Context) -> None:
        """Make a screen.

        Args:
            context: the desk and what belongs to it.
        """
        super().__init__()
        self.context = context
        self._header = HeaderBar()
        self._banner = LineBar(id="banner")
        self._status = LineBar(id="status")
        self._extras = LineBar(id="extras")

    def body(self) -> ComposeResult:
        """Yield what stands between header and footer."""
        raise NotImplementedError

    def show_desk(self) -> None:
        """Draw the body anew: the desk changed, or a second passed."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay out the frame."""
        yield self._header
        yield self._banner
        yield from self.body()
        yield self._status
        yield self._extras
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.show_everything()

    def on_screen_resume(self) -> None:
        """Draw anew: time passed while another screen was in front."""
        self.show_everything()

    def show_everything(self) -> None:
        """Draw frame and body anew."""
        if not self.is_mounted:
            return
        context = self.context
        now, local_now = context.now, context.clock.now()
        self._header.show(
            header(
                title=context.title,
                tab=self.TAB,
                link=context.desk.link,
                counts=context.desk.counts(now),
                now=now,
                local_now=local_now,
                zone=context.zone,
            )
        )
        self._banner.say(link_banner(context.desk.link, local_now))
        self.show_desk()

    def complain(self, sentence: str) -> None:
        """Tell the person why a key did nothing."""
        self.post_message(Said(sentence, Tone.WARNING))

    def show_status(self, status: Cell | None, extras: tuple[Line, ...]) -> None:
        """Show the app's last word, and its extra keys."""
        self._status.say(status)
        self._extras.show(*extras)
