"""The whole bench in its short form: that it runs and what it writes. How fast it is, no test says."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
JUDGED = {
    "ingest, 8 streams: share of the echo",
    "ingest, 8 streams: share of the coalesced",
    "alarm seen, idle: p99 in syncs",
    "alarm seen, half load: p50",
}


def test_the_short_bench_measures_everything_and_judges_its_targets(tmp_path: Path) -> None:
    output = tmp_path / "out" / "bench.json"
    # A folder with a short name: the path of a socket within it has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = [sys.executable, "-m", "bench", "--short", "--output", str(output), "--folder", folder]
        ran = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, timeout=110, check=False
        )
    assert ran.returncode == 0, ran.stderr
    result = json.loads(output.read_text("utf-8"))
    figures = {one["name"]: one for one in result["figures"]}
    assert {name for name, one in figures.items() if one["verdict"]} == JUDGED
    for name, one in figures.items():
        assert one["min"] <= one["median"] <= one["max"], name
        assert len(one["values"]) == one["repetitions"] == 1 or "load busy" in name, name
        assert name in ran.stdout
    assert [len(run["stages"]) for run in result["values"]["ingest"][0]["runs"]] == [4, 0, 0]
    assert [len(one["raised"]) for one in result["values"]["latency"]["repetitions"]] == [10, 10]
    assert result["machine"]["cores"] >= 1
    assert list(tmp_path.iterdir()) == [output.parent], "the bench left something behind"
