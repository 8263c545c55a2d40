"""Shown: what the commands print, from values to text. Every text from outside is made harmless first."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vedette_agent.dry_run import Measured
from vedette_agent.facts import Sample
from vedette_agent.status import STALE_AFTER, Observed
from vedette_agent.text import visible

_KIB = 1024.0


def measured_table(measured: Sequence[Measured]) -> str:
    """Return what each collector found, one sample a line."""
    lines: list[str] = []
    for one in measured:
        verdict = "failed" if one.failed else "ok"
        lines.append(f"{visible(one.name)}: {verdict} in {one.duration * 1000:.0f} ms")
        lines += [f"  {_series(sample):<64} {_value(sample):>16}" for sample in one.samples]
        lines += [f"  event {visible(event.code)}: {visible(event.message)}" for event in one.events]
        lines += [f"  problem: {visible(problem)}" for problem in one.problems]
    return "\n".join(lines)


def payload_text(frames: Sequence[dict[str, Any]], server: str) -> str:
    """Return the frames that would leave, as one JSON document."""
    document = {
        "note": "nothing was sent; these are the frames that would leave this machine, in their order",
        "server": server,
        "frames": list(frames),
    }
    return json.dumps(document, indent=2)


def status_json(observed: Observed) -> str:
    """Return what is known of the running agent, as JSON."""
    document = {
        "running": observed.is_running,
        "current": observed.is_current,
        "age_seconds": observed.age,
        "agent": observed.content,
    }
    return json.dumps(document, indent=2)


def status_text(observed: Observed, state_dir: Path) -> str:
    """Return what is known of the running agent, for people."""
    content = observed.content
    if observed.is_running is False and content is None:
        return f"not running: no agent uses {state_dir}"
    if content is None:
        return f"unknown: there is no readable status.json in {state_dir}"
    lines = [_verdict(observed)]
    link, outbox = content["link"], content["outbox"]
    if refusal := outbox.get("refusal"):
        waiting, dropped = refusal["waiting_event_count"], refusal["dropped_fact_count"]
        lines += [
            f"DISK        takes no facts since {refusal['since']}: {refusal['error']}",
            f"            {waiting} events wait in memory, {dropped} metrics and other facts were dropped",
        ]
    lines += [
        f"link        {link['state']} since {link['since']}",
        f"agent       {link['agent'] or '-'}",
        f"last ack    {_ago(link['last_ack_age_seconds'])}",
        f"clock skew  {_skew(link['clock_skew_seconds'])}",
        f"last error  {link['last_error'] or '-'}",
        f"watermark   {outbox['watermark']}",
        f"outbox      {outbox['fact_count']} facts, {_bytes(outbox['size_bytes'])}",
        f"oldest      {_ago(outbox['oldest_age_seconds'])}",
        "collectors",
    ]
    lines += [
        f"  {one['name']:<32} {one['state']:<8} {_milliseconds(one['last_duration']):>9}  {one['problem']}"
        for one in content["collectors"]
    ]
    return "\n".join(visible(line).rstrip() for line in lines)


def _verdict(observed: Observed) -> str:
    age = f"{observed.age or 0:.0f} s"
    if observed.is_running is False:
        return f"not running; this was its state {age} ago"
    if observed.age is not None and observed.age > STALE_AFTER:
        return f"running, but its status is stale: written {age} ago"
    return "running"


def _series(sample: Sample) -> str:
    series, _ = sample
    labels = ",".join(f"{name}={value}" for name, value in series.labels)
    return visible(f"{series.name}{{{labels}}}" if labels else series.name)


def _value(sample: Sample) -> str:
    series, value = sample
    if series.unit == "By":
        return _bytes(value)
    number = f"{value:.0f}" if value == int(value) else f"{value:.3f}"
    return f"{number} {visible(series.unit)}" if series.unit != "1" else number


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} TiB"


def _ago(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s ago"


def _skew(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:+.0f} ms"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"
