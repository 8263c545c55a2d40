"""Runs the ledger test in any length.

python -m tests.ledger [--seed N] [--kills N] [--agents N] [--interval SECONDS] [--runs N]
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from dataclasses import replace

from tests.ledger.outcome import Wish
from tests.ledger.supervisor import run
from tests.support.programs import ProgramFailed


def main() -> int:
    """Run, and return the exit code: 1 when a violation was found or a program failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.ledger",
        description="Kill server and agents under load, and account for every fact.",
    )
    parser.add_argument("--seed", type=int, help="repeat the kills of a run (default: drawn)")
    parser.add_argument("--kills", type=int, default=20, help="deaths of the server (default 20)")
    parser.add_argument("--agents", type=int, default=20, help="agent processes (default 20)")
    parser.add_argument(
        "--interval", type=float, default=0.35, help="seconds between two steps of an agent (default 0.35)"
    )
    parser.add_argument("--runs", type=int, default=1, help="runs, each with the next seed (default 1)")
    given = parser.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    wish = Wish(seed=seed, kills=given.kills, agents=given.agents, interval=given.interval)
    for number in range(given.runs):
        try:
            outcome = asyncio.run(run(replace(wish, seed=seed + number), print))
        except ProgramFailed as failure:
            print(f"seed {seed + number}: {failure}")
            return 1
        if outcome.violations:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
