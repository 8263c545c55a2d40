"""The life of one component: start, tell where it is, answer, work, and stop when told or orphaned.

A component serves `/metrics` (Prometheus text: used and limit in one scrape), `POST /control?setting=value`
and `/` on loopback. SIGTERM is a planned stop and is announced in the log before the process ends; whatever
else ends it is a crash. It does not outlive its parent.
"""

import os
import signal
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from urllib.parse import parse_qsl, urlsplit

from demo.suite.endpoint import Answer, Endpoint
from demo.suite.home import Home
from demo.suite.work import SettingRefused, Work

#: How often a component looks whether it is told to stop or orphaned, in seconds.
LOOK_INTERVAL = 0.2


def parser(program: str) -> ArgumentParser:
    """Return the command line that every process of the suite understands."""
    arguments = ArgumentParser(prog=f"python -m demo.suite.{program}")
    arguments.add_argument("--home", type=Path, required=True, help="the suite's folder")
    return arguments


def run(name: str, work: Work, home: Home) -> None:
    """Be the component `name` until told to stop or left alone."""
    Component(name, work, home).run()


class Component:
    """One process of the suite."""

    def __init__(self, name: str, work: Work, home: Home) -> None:
        self._name = name
        self._work = work
        self._home = home
        self._parent = os.getppid()
        self._stopping = False

    def run(self) -> None:
        """Serve until told to stop or left alone."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for who started the suite
        self._home.create()
        endpoint = Endpoint(self._home.port(self._name))
        self._home.publish(self._name, port=endpoint.port, pid=os.getpid())
        self._log("INFO", f"component.ready serving on port {endpoint.port}")
        while not self._stopping and os.getppid() == self._parent:
            wait = min(LOOK_INTERVAL, self._work.step())
            endpoint.serve_once(self._respond, wait=wait)
        endpoint.close()
        if self._stopping:
            self._log("INFO", "component.stop_planned stopping as asked")

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _log(self, level: str, text: str) -> None:
        self._home.append(level, self._name, text)

    def _respond(self, method: str, target: str) -> Answer:
        url = urlsplit(target)
        match method, url.path:
            case "GET", "/metrics":
                return Answer(
                    status=200, body=self._metrics(), content_type="text/plain; version=0.0.4; charset=utf-8"
                )
            case "GET", "/":
                return Answer(status=200, body=f"{self._name} is up\n")
            case "POST", "/control":
                return self._control(parse_qsl(url.query, keep_blank_values=True))
            case _:
                return Answer(status=404, body=f"nothing at {method} {url.path}\n")

    def _metrics(self) -> str:
        prefix = self._name.replace("-", "_")
        lines: list[str] = []
        for gauge in self._work.gauges(time.time()):
            series = f"{prefix}_{gauge.name}"
            lines += [f"# HELP {series} {gauge.help}", f"# TYPE {series} gauge", f"{series} {gauge.value!r}"]
        return "\n".join([*lines, ""])

    def _control(self, settings: list[tuple[str, str]]) -> Answer:
        if not settings:
            return Answer(status=400, body="no setting given; use /control?setting=value\n")
        for setting, value in settings:
            try:
                text = self._work.change(setting, value)
            except SettingRefused as refused:
                return Answer(status=400, body=f"{refused}\n")
            self._log("WARN" if text.startswith("capacity.exhausted") else "INFO", text)
        return Answer(status=200, body="done\n")
