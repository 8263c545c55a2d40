"""Scraping the product's own metrics, from a real HTTP server."""

import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette_agent.collectors.exposition import Metric, parse
from vedette_agent.collectors.prometheus import PrometheusCollector
from vedette_agent.facts import SeriesKind, gauge
from vedette_agent.settings.model import CapacitySettings, CollectorSettings, ScrapeSettings

PAGE = """\
# HELP channels_used Channels in use.
# TYPE channels_used gauge
channels_used{site="main"} 28
channels_used{site="branch"} 2
channels_limit{site="main"} 30
channels_limit{site="branch"} 10
# TYPE calls_total counter
calls_total 1.5e3 1700000000000
# TYPE queue_wait_seconds summary
queue_wait_seconds{quantile="0.5"} 0.25
queue_wait_seconds_count 7
queue_bad NaN
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a 1", Metric(name="a", labels=(), value=1.0)),
        ("a:b_c  -2.5e-3  1700", Metric(name="a:b_c", labels=(), value=-0.0025)),
        ("a{} 1", Metric(name="a", labels=(), value=1.0)),
        ('a{x="1",b="2",} 1', Metric(name="a", labels=(("b", "2"), ("x", "1")), value=1.0)),
        (
            r'a{x="q\"uo\\te\n}"} 1',
            Metric(name="a", labels=(("x", 'q"uo\\te\n}'),), value=1.0),
        ),
        ("a +Inf", Metric(name="a", labels=(), value=math.inf)),
        (
            'a_bucket{le="+Inf"} 3 # {trace="x"} 1',
            Metric(name="a_bucket", labels=(("le", "+Inf"),), value=3.0),
        ),
        ("a 1\r", Metric(name="a", labels=(), value=1.0)),
    ],
)
def test_samples_are_read(line: str, expected: Metric) -> None:
    assert parse(line).metrics == (expected,)


@pytest.mark.parametrize("line", ["a", "1a 1", "a one", "a{x=1} 1", 'a{x="1} 1', "a 1_000", "a{ 1"])
def test_a_line_that_is_no_sample_is_counted_and_left_out(line: str) -> None:
    page = parse(f"b 1\n{line}\nc 2")
    assert [metric.name for metric in page.metrics] == ["b", "c"]
    assert page.malformed_count == 1


@given(st.text(max_size=200))
def test_any_text_is_read_without_raising(text: str) -> None:
    parse(text)


@contextmanager
def serving(status: int = 200, body: str = PAGE, delay: threading.Event | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if delay is not None:
                delay.wait(5)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        if delay is not None:
            delay.set()
        server.shutdown()
        thread.join()
        server.server_close()


def capacity(**labels: str) -> CapacitySettings:
    return CapacitySettings(
        resource="channel",
        used="channels_used",
        limit="channels_limit",
        labels=tuple(sorted(labels.items())),
    )


def collector(url: str, *capacities: CapacitySettings, include: str | None = None) -> PrometheusCollector:
    scrape = ScrapeSettings(
        url=url,
        component="call-recording",
        timeout=timedelta(milliseconds=300),
        capacities=capacities,
        include=() if include is None else (re.compile(include),),
    )
    return PrometheusCollector(CollectorSettings(), scrape)


USED = gauge("capacity.usage", "{channel}", component="call-recording", resource="channel")
LIMIT = gauge("capacity.limit", "{channel}", component="call-recording", resource="channel")


def test_use_and_limit_come_from_one_scrape_and_matching_samples_add_up() -> None:
    with serving() as url:
        assert collector(url, capacity()).collect().samples == ((USED, 30.0), (LIMIT, 40.0))
        assert collector(url, capacity(site="main")).collect().samples == ((USED, 28.0), (LIMIT, 30.0))


def test_a_use_without_a_limit_is_a_problem_and_not_half_a_capacity() -> None:
    with serving(body="channels_used 1\n") as url:
        reading = collector(url, capacity()).collect()
    assert reading.samples == ()
    assert "no metric channels_limit, needed for channel" in reading.problems[0]


def test_a_limit_of_zero_is_a_limit() -> None:
    with serving(body="channels_used 1\nchannels_limit 0\n") as url:
        assert collector(url, capacity()).collect().samples == ((USED, 1.0), (LIMIT, 0.0))


def test_nan_is_dropped_and_counted() -> None:
    with serving(body="channels_used NaN\nchannels_limit 5\nqueue_bad +Inf\n") as url:
        reading = collector(url, capacity(), include="^queue").collect()
    assert reading.samples == ()
    assert reading.invalid_count == 3


def test_included_metrics_are_passed_on_under_their_own_name() -> None:
    with serving() as url:
        reading = collector(url, include="^(calls|queue)").collect()
    kinds = {(series.name, series.unit): series.kind for series, _ in reading.samples}
    assert kinds == {
        ("calls_total", "1"): SeriesKind.COUNTER,
        ("queue_wait_seconds", "s"): SeriesKind.GAUGE,
        ("queue_wait_seconds_count", "1"): SeriesKind.COUNTER,
    }
    assert dict(reading.samples[1][0].labels) == {"component": "call-recording", "quantile": "0.5"}
    assert reading.invalid_count == 1


def test_what_goes_wrong_is_a_problem_that_names_the_page() -> None:
    with serving(status=500) as url:
        assert collector(url, capacity()).collect().problems == (f"{url}: answered 500",)
    with serving(status=302) as url:
        assert collector(url, capacity()).collect().problems == (f"{url}: answered 302",)
    assert "refused" in collector(url, capacity()).collect().problems[0]
    with serving(delay=threading.Event()) as url:
        assert "timed out" in collector(url, capacity()).collect().problems[0]


def test_a_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving() as url:
        assert collector(url, capacity()).collect().problems == ()
