"""Run the bench: `just bench`, or `python -m bench`.

Prints a table and writes every single value to build/bench.json. A target that is missed is shown, and is no
failure: only a run that broke, or whose invariants do not hold, exits with another code than 0.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from bench import ingest, latency, machine
from bench.figures import Figure, as_json, table
from bench.frames import SAMPLES

_REPOSITORY: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    ingest: tuple[ingest.Scale, ...]
    latency: latency.Scale


FULL: Final = Extent(
    ingest=(
        ingest.Scale(streams=50, repetitions=5, warm_up=2.0, measured=6.0),
        ingest.Scale(streams=500, repetitions=3, warm_up=3.0, measured=6.0),
    ),
    latency=latency.Scale(repetitions=3, alarms=300, syncs=300, warm_up=3.0),
)
#: Enough to see that everything works, and too little for any figure to mean much.
SHORT: Final = Extent(
    ingest=(ingest.Scale(streams=8, repetitions=1, warm_up=0.3, measured=1.0),),
    latency=latency.Scale(repetitions=1, alarms=10, syncs=20, warm_up=0.5),
)


async def run(extent: Extent, folder: Path | None) -> tuple[list[Figure], dict[str, object]]:
    """Measure everything; return the figures, and every value behind them."""
    ingests = []
    for scale in extent.ingest:
        _tell(f"ingest with {scale.streams} streams")
        ingests.append(await ingest.measure(folder, scale))
    _tell("latency, idle and under half load")
    half_load = ingests[0].most_per_second / SAMPLES / 2
    seen = await latency.measure(folder, extent.latency, half_load=half_load)
    figures = [one for measured in ingests for one in measured.figures()] + list(seen.figures())
    return figures, {"ingest": [one.as_json() for one in ingests], "latency": seen.as_json()}


def main() -> int:
    """Carry out the command line; return the exit code."""
    options = _options()
    begun = perf_counter()
    described = machine.described(options.folder or Path(tempfile.gettempdir()))
    figures, values = asyncio.run(run(SHORT if options.short else FULL, options.folder))
    result = {
        "short": options.short,
        "machine": described,
        "seconds": round(perf_counter() - begun, 1),
        "figures": [as_json(one) for one in figures],
        "values": values,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(table(figures))
    print()
    print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in described.items()))
    print(f"{result['seconds']:.0f} s; every value is in {options.output}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the shipped programs.")
    parser.add_argument(
        "--short", action="store_true", help="only see that everything works, in less than a minute"
    )
    parser.add_argument(
        "--output", type=Path, default=_REPOSITORY / "build" / "bench.json", help="where the values go"
    )
    parser.add_argument(
        "--folder", type=Path, help="folder whose disk is measured; the system's temporary folder by default"
    )
    return parser.parse_args()


def _tell(what: str) -> None:
    print(f"measuring {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
