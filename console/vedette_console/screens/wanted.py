"""What screens send up: a person wants something done, or must be told something."""

from typing import Protocol

from textual.message import Message

from vedette_console.model.cell import Tone
from vedette_console.model.intents import Intent
from vedette_console.model.safe import Safe


class Asker(Protocol):
    """Who is told how an intent ended: a dialog that must keep the typed text until it is done."""

    def done(self) -> None:
        """It was done."""
        ...

    def refused(self, sentences: tuple[Safe, ...], etag: str | None) -> None:
        """It was not done; `etag` is the version the next attempt is about, None for the same as before."""
        ...


class Wanted(Message):
    """A person wants something done."""

    def __init__(self, intent: Intent, asker: Asker | None = None) -> None:
        """Say what, and who waits for the answer."""
        self.intent = intent
        self.asker = asker
        super().__init__()


class Said(Message):
    """A sentence for the status line."""

    def __init__(self, sentence: str, tone: Tone = Tone.NORMAL) -> None:
        """Say it; it is made safe where it is shown."""
        self.sentence = sentence
        self.tone = tone
        super().__init__()
