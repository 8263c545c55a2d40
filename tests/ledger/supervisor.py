"""Supervisor: runs a server and many agents, kills them as planned, and has the books checked.

One idea: nothing is waited for by the clock except the moment of a kill; everything else is a condition with
a deadline. What a run did is in its folder, which is kept when something is wrong.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from tests.ledger.agent import CURTAIN, DOOM, LEDGER, TOKEN
from tests.ledger.consequences import is_late
from tests.ledger.engineer import Engineer, Work
from tests.ledger.heard import Heard
from tests.ledger.ledger import read_ledger
from tests.ledger.outcome import Outcome, Wish
from tests.ledger.plan import AgentDeath, Death, Life, birth, lives
from tests.ledger.score import Score
from tests.ledger.stored import read_stored
from tests.ledger.verify import Played, check_all
from tests.ledger.violation import Check, Violation
from tests.support.programs import (
    INSTALLED,
    START_PATIENCE,
    Program,
    ProgramFailed,
    Server,
    lasting_port,
    until,
    write_server_files,
)

#: How long it may take until every agent has come back and had something acknowledged, in seconds.
REACH_PATIENCE = 60.0
#: How long a failpoint may take to be reached, in seconds.
FAILPOINT_PATIENCE = 60.0
#: How long an agent may take to meet its doom, in seconds.
DOOM_PATIENCE = 90.0
#: How long the agents may take to get everything acknowledged in the end, in seconds.
DRAIN_PATIENCE = 60.0
#: How long a replay may take, in seconds for each kill of the run.
REPLAY_PATIENCE = 10.0


class Supervisor:
    """One run."""

    def __init__(self, wish: Wish, folder: Path, say: Callable[[str], None]) -> None:
        """Take an empty folder, and what takes lines for people."""
        self._wish = wish
        self._folder = folder
        self._say = say
        self._scores = [Score(seed=wish.seed, number=number) for number in range(wish.agents)]
        self._server = Server(folder)
        self._agents: list[Program] = []
        self._heard = Heard([agent_folder(folder, score) / LEDGER for score in self._scores])
        #: One an agent: two plans for the same one must not meet.
        self._killing = [asyncio.Lock() for _ in self._scores]
        self._begun = time.monotonic()
        self.work = Work()
        self.outcome = Outcome(wish=wish, folder=folder)

    async def run(self) -> Outcome:
        """Play the whole plan and check the books.

        Raises:
            ProgramFailed: a program did what nobody asked it for, or did not what it had to.
        """
        plan = lives(self._wish.seed, kills=self._wish.kills, agents=self._wish.agents)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._end)
            await self._enrol()
            engineer = await self._engineer()
            self._lap("start")
            try:
                await self._play(plan, engineer)
            except BaseExceptionGroup as group:
                failed = group.subgroup(ProgramFailed)
                raise group if failed is None else failed.exceptions[0] from None
            await self._drain()
            self._lap("drain")
        await self._check()
        return self.outcome

    # --- the lives ------------------------------------------------------------------------------------------

    async def _enrol(self) -> None:
        """Start the server, give every agent its token, and start them."""
        agents = [score.agent for score in self._scores]
        write_server_files(self._folder, agents=agents, listen=f"127.0.0.1:{lasting_port()}")
        self._say(f"{self._elapsed:6.1f} s  {birth(self._wish.seed)}")
        await self._live(birth(self._wish.seed))
        await self._server.start()
        secrets = await asyncio.gather(*map(self._server.agent_token, agents))
        for score, secret in zip(self._scores, secrets, strict=True):
            folder = agent_folder(self._folder, score)
            folder.mkdir(parents=True)
            (folder / TOKEN).write_text(secret)
            self._agents.append(self._agent(score, folder))
        await asyncio.gather(*(agent.start() for agent in self._agents))

    def _agent(self, score: Score, folder: Path) -> Program:
        values = (folder, self._server.target, self._wish.seed, score.number, self._wish.interval)
        command = [sys.executable, "-m", "tests.ledger.agent", *map(str, values)]
        return Program(f"agent-{score.number:03}", command, folder=folder)

    async def _engineer(self) -> Engineer:
        token = await self._server.api_token("engineer")
        customer = self._scores[0].agent.partition("/")[0]
        return Engineer(self._server.target, token, customer, self.work)

    async def _play(self, plan: Iterable[Life], engineer: Engineer) -> None:
        """Live one life after the other while the engineer works and agents die too."""
        finished = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engineer.run(finished))
            for number, life in enumerate(plan, start=1):
                self._say(f"{self._elapsed:6.1f} s  life {number}: {life}")
                for victim in life.agents:
                    tasks.create_task(self._kill_agent(victim))
                await self._live(life)
            self._lap("kills")
            await self._server.start()
            finished.set()

    async def _live(self, life: Life) -> None:
        """Let the server live and die as planned."""
        self._heard.mark()
        if not self._server.running:
            await self._server.start({"VEDETTE_FAILPOINTS": life.failpoints}, wait=False)
        await self._die(life)
        code = self._server.returncode
        if code != -signal.SIGKILL:
            raise ProgramFailed(self._server.told(f"ended with {code} before it was killed"))
        self.outcome.deaths[life.death] += 1

    async def _die(self, life: Life) -> None:
        match life.death:
            case Death.FIRST_START | Death.STARTING:
                await asyncio.sleep(life.after)
                await self._server.kill()
            case Death.RUNNING:
                await self._until(self._heard.some, "no agent has had anything acknowledged")
                await asyncio.sleep(life.after)
                await self._server.kill()
            case Death.REACHED_BY_ALL:
                await self._until(self._heard.all, "not every agent has had something acknowledged")
                await asyncio.sleep(life.after)
                await self._server.kill()
            case Death.BEFORE_COMMIT | Death.AFTER_COMMIT_BEFORE_ACK:
                await self._server.ended(FAILPOINT_PATIENCE)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that only a server which runs can bring about."""
        await until(lambda: condition() or not self._server.running, what, REACH_PATIENCE)

    async def _kill_agent(self, victim: AgentDeath) -> None:
        """Kill an agent, start it again, and if it is to die by its own hand then, start it once more."""
        agent = self._agents[victim.agent]
        await asyncio.sleep(victim.after)
        async with self._killing[victim.agent]:
            if not agent.running:
                raise ProgramFailed(agent.told(f"ended with {agent.returncode} before it was killed"))
            await agent.kill()
            await agent.start({DOOM: victim.doom})
            self.outcome.agent_kills += 1
            if victim.then:
                code = await agent.ended(DOOM_PATIENCE)
                if code != -signal.SIGKILL:
                    raise ProgramFailed(agent.told(f"ended with {code} before its doom"))
                await agent.start()
                self.outcome.agent_kills += 1

    async def _drain(self) -> None:
        """Let the agents get rid of all that they have to tell, then stop the server as an operator does."""
        (self._folder / "agents" / CURTAIN).touch()
        codes = await asyncio.gather(*(agent.ended(DRAIN_PATIENCE) for agent in self._agents))
        for agent, code in zip(self._agents, codes, strict=True):
            if code != 0:
                raise ProgramFailed(agent.told(f"ended with {code}"))
        await self._server.stop()

    async def _end(self) -> None:
        """Leave no process behind."""
        for program in (*self._agents, self._server):
            await program.kill()

    # --- the books ------------------------------------------------------------------------------------------

    async def _check(self) -> None:
        outcome, work = self.outcome, self.work
        played = read_ledgers(self._folder, self._wish)
        stored = read_stored(self._server.data_dir)
        outcome.facts = sum(len(one.ledger.facts) for one in played)
        outcome.acks = sum(len(one.ledger.acks) for one in played)
        outcome.late_agents = sum(is_late(one.ledger) for one in played)
        outcome.gaps, outcome.alarms = len(stored.gaps), len(stored.alarms)
        outcome.occurrences = sum(alarm["occurrences"] for alarm in stored.alarms)
        outcome.calls, outcome.calls_repeated = len(work.opened) + len(work.acknowledged), work.repeated
        outcome.violations = check_all(played, work, stored)
        self._lap("check")
        outcome.violations += await check_replay(self._folder, self._wish, self._say)
        self._lap("replay")

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _lap(self, phase: str) -> None:
        self.outcome.seconds[phase] = self._elapsed - sum(self.outcome.seconds.values())


def agent_folder(folder: Path, score: Score) -> Path:
    """Return where an agent has its token, outbox and ledger, below the folder of a run."""
    return folder / "agents" / f"{score.number:03}"


def read_ledgers(folder: Path, wish: Wish) -> list[Played]:
    """Return what the agents of a run wrote down."""
    scores = [Score(seed=wish.seed, number=number) for number in range(wish.agents)]
    return [Played(score=score, ledger=read_ledger(agent_folder(folder, score) / LEDGER)) for score in scores]


async def check_replay(folder: Path, wish: Wish, say: Callable[[str], None]) -> list[Violation]:
    """Let everything be decided again, in a process of its own: `vedette-server replay`."""
    command = [str(INSTALLED / "vedette-server"), "--config", str(folder / "server.yaml"), "replay"]
    async with Program("replay", command, folder=folder) as replay:
        code = await replay.ended(START_PATIENCE + REPLAY_PATIENCE * wish.kills)
    say(replay.tail(3))
    return [] if code == 0 else [Violation(check=Check.REPLAY_DIFFERS, text=replay.tail())]


async def run(wish: Wish, say: Callable[[str], None]) -> Outcome:
    """Run once in a temporary folder, which stays if something is wrong.

    Raises:
        ProgramFailed: as `Supervisor.run`; the folder stays.
    """
    folder = Path(tempfile.mkdtemp(prefix="vedette-ledger-"))
    say(f"seed {wish.seed}, {wish.kills} kills, {wish.agents} agents, in {folder}")
    outcome = await Supervisor(wish, folder, say).run()
    for line in outcome.lines():
        say(line)
    if outcome.violations:
        say(f"everything is kept in {folder}")
    else:
        await asyncio.to_thread(shutil.rmtree, folder)
    return outcome
