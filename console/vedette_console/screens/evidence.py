"""The evidence of an alarm, fetched: the last hour of what was measured, against the threshold it crossed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vedette_console.client.support import Support
from vedette_console.model.brief import evidence_words, text
from vedette_console.model.cell import Line, Tone
from vedette_console.model.plot import Frame
from vedette_console.model.resources import Evidence, Point
from vedette_console.model.rows import series_name
from vedette_console.model.series import ratio, window

#: What the chart shows before now.
LOOK_BACK = timedelta(hours=1)
#: Points asked for: more than a terminal has dots across.
POINT_COUNT = 600
#: Unit of usage over limit.
_RATIO = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a chart of evidence shows."""

    caption: Line
    points: tuple[Point, ...]
    frame: Frame


async def fetch_evidence(support: Support, evidence: Evidence, now: datetime) -> Drawn:
    """Return the evidence's series over the last hour; usage over limit where it has a limit.

    Raises:
        SupportError: the server did not give the samples.
    """
    usage, unit = await _points(support, evidence, evidence.series, now)
    if evidence.limit_series:
        limit, _ = await _points(support, evidence, evidence.limit_series, now)
        usage, unit = ratio(usage, limit), _RATIO
    shown = f"{evidence.series} / {evidence.limit_series}" if evidence.limit_series else evidence.series
    return Drawn(
        caption=(text(series_name(shown, evidence.labels), Tone.DIM),),
        points=usage,
        frame=Frame(
            start=window(usage, now - LOOK_BACK, now), end=now, unit=unit, threshold=evidence.threshold
        ),
    )


def caption_without_series(evidence: Evidence | None) -> Line:
    """Return the words that stand where a chart would, for evidence that is no series."""
    words = "no evidence" if evidence is None else evidence_words(evidence)
    return (text(words, Tone.DIM),)


async def _points(
    support: Support, evidence: Evidence, series: str, now: datetime
) -> tuple[tuple[Point, ...], str]:
    found = await support.query_series(
        evidence.agent,
        series,
        labels=evidence.labels,
        start=now - LOOK_BACK,
        end=now,
        point_count=POINT_COUNT,
    )
    return (found[0].points, found[0].info.unit) if found else ((), "")
