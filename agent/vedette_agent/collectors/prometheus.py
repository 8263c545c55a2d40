"""Prometheus: the product's own metrics, scraped from a page that it serves.

Use and limit of a capacity come from one page, so that a moment between two scrapes never shows a use above
a limit that was raised. A proxy of the environment is ignored: the product is on this machine or beside it.
"""

import math
import re
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import timedelta
from http.client import HTTPException

from vedette_agent.collectors.collector import Reading
from vedette_agent.collectors.exposition import Metric, Page, parse
from vedette_agent.facts import Labels, Sample, Series, SeriesKind, gauge
from vedette_agent.settings.model import CapacitySettings, CollectorSettings, ScrapeSettings

#: Largest page that is read, in bytes.
_MAX_PAGE = 4 * 1024 * 1024
#: Most series that one page passes on under their own names.
_MAX_PASSED_ON = 500
#: Units that a metric's name ends with, by convention.
_UNITS = {"seconds": "s", "bytes": "By", "ratio": "1", "celsius": "Cel", "volts": "V"}
_COUNTED_TYPES = frozenset({"counter", "histogram", "summary"})


class PrometheusCollector:
    """Scrapes one page and reports capacities and the metrics that are passed on."""

    def __init__(self, settings: CollectorSettings, scrape: ScrapeSettings) -> None:
        self.name = f"prometheus:{scrape.url}"
        self.interval: timedelta = settings.interval
        self.timeout: timedelta = max(settings.timeout, scrape.timeout + timedelta(seconds=1))
        self._scrape = scrape
        # Neither a proxy nor a redirect may send the scrape elsewhere.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def collect(self) -> Reading:
        """Return the capacities and metrics of one scrape; nothing but a problem when there was no page."""
        try:
            page = parse(self._fetch())
        except (OSError, HTTPException, ValueError) as error:
            return Reading(problems=(f"{self._scrape.url}: {_reason(error)}",))
        problems: list[str] = []
        samples: list[Sample] = []
        for capacity in self._scrape.capacities:
            samples += self._capacity(page, capacity, problems)
        samples += self._passed_on(page, problems)
        if page.malformed_count:
            problems.append(f"{self._scrape.url}: {page.malformed_count} lines are no metrics")
        whole = tuple(sample for sample in samples if math.isfinite(sample[1]))
        return Reading(samples=whole, problems=tuple(problems), invalid_count=len(samples) - len(whole))

    def _fetch(self) -> str:
        request = urllib.request.Request(self._scrape.url, headers={"Accept": "text/plain;version=0.0.4"})  # noqa: S310 - the scheme is checked with the settings
        with self._opener.open(request, timeout=self._scrape.timeout.total_seconds()) as answer:
            body: bytes = answer.read(_MAX_PAGE + 1)
        if len(body) > _MAX_PAGE:
            raise ValueError(f"the page is larger than {_MAX_PAGE} bytes")
        return body.decode("utf-8", "replace")

    def _capacity(self, page: Page, capacity: CapacitySettings, problems: list[str]) -> list[Sample]:
        """Return use and limit, both or neither."""
        values: list[float] = []
        for name in (capacity.used, capacity.limit):
            matching = [
                metric.value
                for metric in page.metrics
                if metric.name == name and set(capacity.labels) <= set(metric.labels)
            ]
            if not matching:
                problems.append(f"{self._scrape.url}: no metric {name}, needed for {capacity.resource}")
                return []
            values.append(sum(matching))
        if not all(math.isfinite(value) for value in values):
            problems.append(f"{self._scrape.url}: {capacity.resource} is not a number")
        unit, component = f"{{{capacity.resource}}}", self._scrape.component
        used, limit = (
            gauge(name, unit, component=component, resource=capacity.resource)
            for name in ("capacity.usage", "capacity.limit")
        )
        if all(math.isfinite(value) for value in values):
            return [(used, values[0]), (limit, values[1])]
        return [(used, math.nan), (limit, math.nan)]

    def _passed_on(self, page: Page, problems: list[str]) -> list[Sample]:
        wanted = [metric for metric in page.metrics if _matches(self._scrape.include, metric.name)]
        if len(wanted) > _MAX_PASSED_ON:
            problems.append(
                f"{self._scrape.url}: {len(wanted)} series match include, {_MAX_PASSED_ON} are taken"
            )
        return [(self._series(metric, page), metric.value) for metric in wanted[:_MAX_PASSED_ON]]

    def _series(self, metric: Metric, page: Page) -> Series:
        labels = {name.lower().strip("_"): value for name, value in metric.labels}
        labels["component"] = self._scrape.component
        return Series(
            name=metric.name, unit=_unit(metric.name), labels=_sorted(labels), kind=_kind(metric.name, page)
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Lets an answer that redirects be an error."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """Follow nothing."""


def _matches(patterns: Iterable[re.Pattern[str]], name: str) -> bool:
    return any(pattern.search(name) for pattern in patterns)


def _sorted(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _unit(name: str) -> str:
    return _UNITS.get(name.removesuffix("_total").rpartition("_")[2], "1")


def _kind(name: str, page: Page) -> SeriesKind:
    family = re.sub(r"_(bucket|count|sum|total)$", "", name)
    declared = page.types.get(name) or page.types.get(family) or ""
    counted = declared in _COUNTED_TYPES and not (declared == "summary" and name == family)
    return SeriesKind.COUNTER if counted or name.endswith("_total") else SeriesKind.GAUGE


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
