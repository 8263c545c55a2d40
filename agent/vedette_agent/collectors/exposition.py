"""Exposition: reads metrics in Prometheus's text format, version 0.0.4.

Takes any text and never raises: a line that is no sample is counted as malformed and left out. What the
samples mean is `prometheus.py`'s. See https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

import re
from dataclasses import dataclass

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_SAMPLE = re.compile(
    rf'\s*({_NAME})\s*(?:\{{((?:[^"}}]|"(?:[^"\\]|\\.)*")*)\}})?\s*(\S+)(?:\s+-?[0-9.]+)?\s*(?:#.*)?'
)
_TYPE = re.compile(rf"#\s*TYPE\s+({_NAME})\s+(\w+)\s*")
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_NUMBERS = {"+inf": float("inf"), "-inf": float("-inf"), "inf": float("inf"), "nan": float("nan")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One sample of a page."""

    name: str
    #: Sorted by name.
    labels: tuple[tuple[str, str], ...]
    #: May be NaN or infinite.
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page says."""

    metrics: tuple[Metric, ...]
    #: Kind by metric name, as declared: "counter", "gauge", "histogram", "summary", "untyped".
    types: dict[str, str]
    malformed_count: int


def parse(text: str) -> Page:
    """Return the samples and types of a page."""
    metrics: list[Metric] = []
    types: dict[str, str] = {}
    malformed = 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            if declared := _TYPE.fullmatch(line.strip()):
                types[declared.group(1)] = declared.group(2)
            continue
        metric = _metric(line)
        if metric is None:
            malformed += 1
        else:
            metrics.append(metric)
    return Page(metrics=tuple(metrics), types=types, malformed_count=malformed)


def _metric(line: str) -> Metric | None:
    found = _SAMPLE.fullmatch(line.rstrip("\r"))
    if found is None:
        return None
    value = _number(found.group(3))
    labels = _labels(found.group(2) or "")
    if value is None or labels is None:
        return None
    return Metric(name=found.group(1), labels=labels, value=value)


def _number(text: str) -> float | None:
    special = _NUMBERS.get(text.lower())
    if special is not None:
        return special
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _labels(text: str) -> tuple[tuple[str, str], ...] | None:
    labels: dict[str, str] = {}
    position = 0
    while position < len(text.rstrip()):
        found = _LABEL.match(text, position)
        if found is None:
            return None
        labels[found.group(1)] = re.sub(r"\\.", _unescaped, found.group(2))
        position = found.end()
    return tuple(sorted(labels.items()))


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found.group(), found.group())
