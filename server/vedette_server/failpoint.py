"""Failpoints: named places at which a test makes the process die, as a power cut or SIGKILL would.

    VEDETTE_FAILPOINTS="before_commit=kill@3,after_commit_before_ack=kill:0.01"
    VEDETTE_FAILPOINTS_SEED=17

`kill@N` kills at the Nth time the place is reached, `kill:P` each time with probability P, drawn from the
seed (0 when none is given), so that a run can be repeated. Without the variable, `hit` is one look into an
empty dictionary.

Called by the store's commit alone: there, and nowhere else, does it matter to the second where a process
dies.
"""

from __future__ import annotations

import os
import random
import re
import signal
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "VEDETTE_FAILPOINTS"
SEED_VARIABLE: Final = "VEDETTE_FAILPOINTS_SEED"

#: All is written and nothing is durable yet.
BEFORE_COMMIT: Final = "before_commit"
#: The turn is durable and nobody was told yet.
AFTER_COMMIT_BEFORE_ACK: Final = "after_commit_before_ack"
NAMES: Final = (BEFORE_COMMIT, AFTER_COMMIT_BEFORE_ACK)

_ACTION: Final = re.compile(r"kill@(?P<count>[1-9]\d*)|kill:(?P<probability>0|1|0?\.\d+)", re.ASCII)


@dataclass(slots=True, kw_only=True)
class _Trigger:
    """When to kill: at the `at`-th time, or each time with a probability."""

    chance: random.Random
    at: int = 0
    probability: float = 0.0
    reached: int = 0

    def fires(self) -> bool:
        """Count one time, and tell whether this is the one."""
        self.reached += 1
        return self.reached == self.at or self.chance.random() < self.probability


def parse(text: str, seed: int) -> dict[str, _Trigger]:
    """Return the triggers that a value of the variable asks for.

    Raises:
        ValueError: it names an unknown place, or is not of the form above.
    """
    triggers: dict[str, _Trigger] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, action = item.partition("=")
        if name not in NAMES:
            raise ValueError(f'{VARIABLE}: unknown failpoint "{name}"; known: {", ".join(NAMES)}')
        match = _ACTION.fullmatch(action)
        if match is None:
            words = f'must be kill@COUNT or kill:PROBABILITY, got "{action}"'
            raise ValueError(f"{VARIABLE}: {name}: {words}")
        triggers[name] = _Trigger(
            chance=random.Random(f"{seed}|{name}"),  # noqa: S311 -- must be repeatable, not secret
            at=int(match["count"] or 0),
            probability=float(match["probability"] or 0),
        )
    return triggers


_triggers: Final = parse(os.environ.get(VARIABLE, ""), int(os.environ.get(SEED_VARIABLE, "0")))


def hit(name: str) -> None:
    """Reach a place; die there if a test asked for it."""
    trigger = _triggers.get(name)
    if trigger is not None and trigger.fires():
        os.kill(os.getpid(), signal.SIGKILL)
