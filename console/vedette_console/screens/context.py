"""What every screen is given: the desk to read, the clock, the server for what the desk does not hold."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from vedette_console.client.support import Support
from vedette_console.clock import Clock
from vedette_console.model.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The desk with its surroundings."""

    desk: Desk
    support: Support
    clock: Clock
    #: Server or context, as the person named it.
    title: str

    @property
    def now(self) -> datetime:
        """Server time: clocks of cases are counted against it, whatever this machine's clock says."""
        return self.clock.now() + self.desk.link.offset

    @property
    def zone(self) -> tzinfo:
        """Zone in which people read times."""
        return self.clock.zone()
