"""The app: it keeps the desk current, carries out what people want, and says how that went.

Composition root of the terminal console. It owns the desk and the one feed; screens read the desk and send
intents up. Another program can embed it, with keys of its own shown at the bottom of every screen:

    async with RemoteSupport(target, clock) as support:
        app = VedetteApp(support, clock, title="demo", extra_actions=[ExtraAction(...)])
        await app.run_async()
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from textual import work
from textual.app import App
from textual.binding import Binding
from textual.timer import Timer

from vedette_console.client.errors import ErrorKind, SupportError
from vedette_console.client.feed import Feed, LinkChanged, Snapshot
from vedette_console.client.perform import perform
from vedette_console.client.support import Support
from vedette_console.clock import Clock
from vedette_console.model.cell import Cell, Line, Tone
from vedette_console.model.desk import Desk
from vedette_console.model.intents import (
    AcknowledgeAlarm,
    AcknowledgeCase,
    CreateCase,
    Intent,
    ResolveCase,
)
from vedette_console.model.outcome import conflict, success
from vedette_console.model.resources import Case, Change
from vedette_console.model.safe import Safe, safe
from vedette_console.screens.alarms import AlarmsScreen
from vedette_console.screens.context import Context
from vedette_console.screens.fleet import FleetScreen
from vedette_console.screens.frame import DeskScreen
from vedette_console.screens.help import HelpScreen
from vedette_console.screens.new_case import NewCaseDialog
from vedette_console.screens.queue import QueueScreen
from vedette_console.screens.wanted import Asker, Said, Wanted
from vedette_console.theme import DARK

#: Countdowns and ages are drawn anew this often, seconds.
TICK = 1.0
#: A burst of changes is drawn at most this often, seconds.
DRAW_PERIOD = 0.05
#: How long a sentence stays in the status line, seconds.
STATUS_PERIOD = 8.0
#: Keys that Textual binds by itself and nobody needs here.
_UNSHOWN_KEYS = ("left", "right", "ctrl+", "tab", "shift+", "super+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraAction:
    """A key that the embedding program adds; shown at the bottom of every screen."""

    #: One character that the console itself does not use, e.g. a capital letter.
    key: str
    #: What it does, in a few words.
    label: str
    #: Does it; returns a sentence for the status line, or an empty one. What it raises is shown there too.
    callback: Callable[[], Awaitable[str]]


def jitter(bound: float) -> float:
    """Return a random number between 0 and `bound`: many consoles must not come back at the same instant."""
    return random.uniform(0, bound)  # noqa: S311 - no secret


class VedetteApp(App[None]):
    """The terminal console."""

    TITLE = "Vedette"
    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    DEFAULT_MODE = "queue"
    BINDINGS = [
        Binding("n", "new_case", "New"),
        Binding("1", "tab('queue')", "Queue", show=False),
        Binding("2", "tab('alarms')", "Alarms", show=False),
        Binding("3", "tab('fleet')", "Fleet", show=False),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(
        self,
        support: Support,
        clock: Clock,
        *,
        title: str = "",
        extra_actions: Sequence[ExtraAction] = (),
        extra_title: str = "",
        draw: Callable[[float], float] = jitter,
    ) -> None:
        """Make the app; it talks to the server once it runs.

        Args:
            support: the server.
            clock: where the time comes from.
            title: server or context, shown in the header.
            extra_actions: keys of the embedding program.
            extra_title: stands in front of these keys, e.g. "faults".
            draw: returns a number between 0 and its argument, for the pauses between attempts to connect.
        """
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.desk = Desk()
        self.context = Context(desk=self.desk, support=support, clock=clock, title=title)
        self.add_mode("queue", lambda: QueueScreen(self.context))
        self.add_mode("alarms", lambda: AlarmsScreen(self.context))
        self.add_mode("fleet", lambda: FleetScreen(self.context))
        self._support = support
        self._jitter = draw
        self._extra_actions = tuple(extra_actions)
        self._extra_title = extra_title
        self._status: Cell | None = None
        self._status_timer: Timer | None = None
        self._draw_is_due = False

    def on_mount(self) -> None:
        """Start the feed and the clock."""
        for index, action in enumerate(self._extra_actions):
            self.bind(action.key, f"extra({index})", description=action.label, show=False)
        self.set_interval(TICK, self._draw)
        self.follow_server()

    @work(exclusive=True, group="feed")
    async def follow_server(self) -> None:
        """Keep the desk current until the app ends."""
        feed = Feed(self._support, self.context.clock, draw=self._jitter)
        async with aclosing(feed.events()) as events:
            async for event in events:
                match event:
                    case Snapshot():
                        self.desk.load(event.cases, event.alarms, event.agents)
                    case LinkChanged():
                        self.desk.link = event.link
                    case Change():
                        self.desk.apply(event)
                self._draw_soon()

    def say(self, sentence: str, tone: Tone = Tone.NORMAL) -> None:
        """Show a sentence in the status line for a while; it is made safe here."""
        self._status = Cell(text=safe(sentence), tone=tone)
        if self._status_timer is not None:
            self._status_timer.stop()
        self._status_timer = self.set_timer(STATUS_PERIOD, self._forget_status)
        self._draw()

    def on_said(self, message: Said) -> None:
        """Show what a screen has to say."""
        self.say(message.sentence, message.tone)

    def on_wanted(self, message: Wanted) -> None:
        """Carry out what a person wants."""
        self.carry_out(message.intent, message.asker)

    @work(group="intents")
    async def carry_out(self, intent: Intent, asker: Asker | None) -> None:
        """Do it, take in the answer, and tell how it went."""
        try:
            after = await perform(self._support, intent)
        except SupportError as error:
            sentences, etag = await self._explain(intent, error)
            if asker is None:
                self.say(" · ".join(sentences), Tone.BAD)
            else:
                asker.refused(sentences, etag)
            return
        self.desk.put(after)
        if isinstance(intent, AcknowledgeCase) and isinstance(after, Case) and not self.desk.me:
            self.desk.me = after.owner
        if asker is not None:
            asker.done()
        hint = "; x closes it, v shows it in the queue" if isinstance(intent, ResolveCase) else ""
        self.say(f"{success(intent, after)}{hint}", Tone.GOOD)

    async def action_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        await self.switch_mode(name)

    @work(group="help")
    async def action_new_case(self) -> None:
        """Ask for a case by hand, with the customers that the server knows to complete from."""
        self.push_screen(NewCaseDialog(await self._known_customers()))

    def action_help(self) -> None:
        """Show the keys of the screen in front."""
        self.push_screen(HelpScreen(self._keys_in_front()))

    @work(group="extra")
    async def action_extra(self, index: int) -> None:
        """Do what the embedding program's key does."""
        action = self._extra_actions[index]
        self.say(f"{action.label}…", Tone.DIM)
        try:
            sentence = await action.callback()
        except Exception as error:  # noqa: BLE001 - a stranger's callback must not end the console
            self.say(f"{action.label}: {error}", Tone.BAD)
            return
        self.say(sentence or f"{action.label}: done", Tone.GOOD)

    async def _explain(self, intent: Intent, error: SupportError) -> tuple[tuple[Safe, ...], str | None]:
        """Return why an intent was refused, and the version the next attempt is about (None: the same).

        When somebody else was faster, that is what they did; the desk then shows it too.
        """
        plain = (safe(str(error)),)
        stale = error.kind in {ErrorKind.CONFLICT, ErrorKind.REFUSED}
        if not stale or isinstance(intent, CreateCase | AcknowledgeAlarm):
            return plain, None
        try:
            case = await self._support.get_case(intent.id)
            entries = await self._support.list_timeline(intent.id)
        except SupportError:
            return plain, None
        self.desk.put(case)
        self._draw_soon()
        if error.kind is not ErrorKind.CONFLICT:
            return plain, case.etag
        return conflict(case, entries, now=self.context.now, zone=self.context.zone), case.etag

    async def _known_customers(self) -> tuple[str, ...]:
        """Return customer ids: from the installations, or from the desk when the server does not answer."""
        try:
            found = {installation.customer for installation in await self._support.list_installations()}
        except SupportError:
            found = {agent.customer for agent in self.desk.agents} | {
                case.customer for case in self.desk.cases
            }
        return tuple(sorted(found))

    def _forget_status(self) -> None:
        self._status = None
        self._draw()

    def _draw_soon(self) -> None:
        """Draw once for a whole burst of changes."""
        if not self._draw_is_due:
            self._draw_is_due = True
            self.set_timer(DRAW_PERIOD, self._draw)

    def _draw(self) -> None:
        """Draw the screen in front, also the one behind a dialog."""
        self._draw_is_due = False
        for screen in self.screen_stack:
            if isinstance(screen, DeskScreen) and screen.is_mounted:
                screen.show_status(self._status, self._extra_lines())
                if screen is self.screen or self.screen.is_modal:
                    screen.show_everything()

    def _keys_in_front(self) -> tuple[tuple[str, str], ...]:
        """Return what each key does on the screen in front; keys that do the same stand together."""
        keys: dict[str, list[str]] = {}
        # What the footer shows comes first, then the ways around.
        found = sorted(self.screen.active_bindings.values(), key=lambda active: not active.binding.show)
        for active in found:
            binding = active.binding
            if binding.description and not binding.key.startswith(_UNSHOWN_KEYS):
                keys.setdefault(binding.description, []).append(self.get_key_display(binding))
        for action in self._extra_actions:
            keys.setdefault(action.label, [action.key])
        return tuple((" ".join(dict.fromkeys(shown)), words) for words, shown in keys.items())

    def _extra_lines(self) -> tuple[Line, ...]:
        """Return the embedding program's keys, as many to a line as fit."""
        lines: list[list[Cell]] = [[]]
        used = 0
        title = [Cell(text=safe(f" {self._extra_title}"), tone=Tone.WARNING)] if self._extra_title else []
        actions = [
            [Cell(text=safe(f" {action.key} "), tone=Tone.ACCENT), Cell(text=safe(f"{action.label} "))]
            for action in self._extra_actions
        ]
        for group in [title, *actions] if actions else ():
            width = sum(len(cell.text) for cell in group)
            if used + width > self.size.width:
                lines.append([])
                used = 0
            lines[-1] += group
            used += width
        return tuple(tuple(line) for line in lines if line)
