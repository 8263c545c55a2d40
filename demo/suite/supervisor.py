"""The supervisor: starts the suite's components, and starts again the one that ended.

A component that ends by itself has crashed: that is counted, logged, and answered by a restart after a delay.
One that was told to stop, as for an upgrade, has not crashed and is started again all the same.
SIGTERM stops the components first, in order, then the supervisor. An orphaned supervisor does the same.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from types import FrameType

from demo.suite import component
from demo.suite.home import Home

#: Components in the order in which they start, and the module of each.
COMPONENTS = {
    "database-writer": "database_writer",
    "voip-stack": "voip_stack",
    "call-recording": "call_recording",
    "queue-manager": "queue_manager",
    "ivr": "ivr",
    "web-server": "web_server",
}
#: How often the supervisor looks after its components, in seconds.
LOOK_INTERVAL = 0.1
#: How long a component may take to stop before it is killed, in seconds.
STOP_PATIENCE = 2.0


@dataclass(slots=True, kw_only=True)
class Child:
    """One component as the supervisor sees it."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes]
    crashes: int = 0
    #: When to start it again, by the monotonic clock; None while it runs.
    restart_at: float | None = None


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps every component running.

    Args:
        restart_delay: seconds between a crash and the restart.
    """

    home: Home
    restart_delay: float
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def run(self, commands: dict[str, list[str]]) -> None:
        """Start the components and look after them until told to stop or left alone."""
        parent = os.getppid()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.home.create()
        self.home.publish("supervisor", pid=os.getpid())
        for name, command in commands.items():
            self.children.append(Child(name=name, command=command, process=_start(command)))
        self._log("INFO", f"suite.started {len(self.children)} components")
        while not self.stopping and os.getppid() == parent:
            for child in self.children:
                self._look_after(child, time.monotonic())
            time.sleep(LOOK_INTERVAL)
        self._stop_all()

    def _look_after(self, child: Child, now: float) -> None:
        if child.restart_at is not None:
            if now >= child.restart_at:
                child.restart_at = None
                child.process = _start(child.command)
                self._log("INFO", f"component.restarted {child.name} as process {child.process.pid}")
            return
        code = child.process.poll()
        if code is None:
            return
        child.restart_at = now + self.restart_delay
        soon = f"restarting in {self.restart_delay:g} s"
        if code == 0:
            self._log("INFO", f"component.stopped {child.name} as planned, {soon}")
            return
        child.crashes += 1
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        self._log("ERROR", f"component.crashed {child.name} {how}, crash {child.crashes}, {soon}")

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _stop_all(self) -> None:
        for child in self.children:
            child.process.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        for child in self.children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._log("INFO", "suite.stopped")

    def _log(self, level: str, text: str) -> None:
        self.home.append(level, "supervisor", text)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def main() -> None:
    """Run the suite that the command line describes."""
    arguments = component.parser("supervisor")
    arguments.add_argument("--restart-delay", type=float, default=2.0, help="seconds from crash to restart")
    arguments.add_argument("--database-limit", type=int, help="quota of the database in bytes")
    options = arguments.parse_args()
    home = Home(options.home)
    commands = {
        name: [sys.executable, "-m", f"demo.suite.{module}", "--home", str(home.root)]
        for name, module in COMPONENTS.items()
    }
    if options.database_limit is not None:
        commands["database-writer"] += ["--limit", str(options.database_limit)]
    Supervisor(home=home, restart_delay=options.restart_delay).run(commands)


if __name__ == "__main__":
    main()
