"""`vedette agents`: which agents there are, and whether they reach the server."""

from datetime import datetime

import click

from vedette_console.client.support import Support
from vedette_console.clock import Clock
from vedette_console.commands.call import call
from vedette_console.commands.choices import output_option
from vedette_console.commands.output import Format, plain, write_list, write_one
from vedette_console.model.brief import agent_brief
from vedette_console.model.format import age_of
from vedette_console.model.resources import Agent, AgentState
from vedette_console.model.rows import agent_cause
from vedette_console.model.safe import Safe, safe
from vedette_console.settings import Options

_STATES = [state.value for state in AgentState if state is not AgentState.UNKNOWN]
_TITLES = ("STATE", "AGENT", "SEEN", "PRODUCT", "VERSION", "WATERMARK", "MISSING", "CAUSE")


@click.group()
def agents() -> None:
    """List and show agents."""


@agents.command("list")
@click.option("--customer", default="", help="Only this customer id.")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only this; repeatable.")
@output_option
@click.pass_obj
def list_(options: Options, customer: str, states: tuple[str, ...], output: Format) -> None:
    """List agents by id."""

    async def work(support: Support, clock: Clock) -> None:
        wanted = tuple(AgentState(state) for state in states)
        found = await support.list_agents(customer=customer, states=wanted)
        now = clock.now()
        write_list(found, output, _TITLES, lambda agent: _row(agent, now))

    call(options, work)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@output_option
@click.pass_obj
def show(options: Options, agent_id: str, output: Format) -> None:
    """Show one agent; ids read customer/installation/node."""

    async def work(support: Support, clock: Clock) -> None:
        agent = await support.get_agent(agent_id)
        lines = agent_brief(agent, clock.now(), clock.zone())
        write_one(agent, output, lambda: map(plain, lines))

    call(options, work)


def _row(agent: Agent, now: datetime) -> tuple[Safe, ...]:
    texts = (
        agent.state.value,
        agent.id,
        age_of(agent.last_seen_time, now),
        agent.product_version or "-",
        agent.agent_version or "-",
        str(agent.watermark),
        str(agent.missing_fact_count),
        agent_cause(agent, now) or "-",
    )
    return tuple(map(safe, texts))
