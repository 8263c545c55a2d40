"""`vedette installations`: the product at each customer, and whether proactive support is owed there."""

import click

from vedette_console.client.support import Support
from vedette_console.clock import Clock
from vedette_console.commands.call import call
from vedette_console.commands.choices import output_option
from vedette_console.commands.output import Format, plain, write_list, write_one
from vedette_console.model.brief import installation_brief
from vedette_console.model.resources import Installation
from vedette_console.model.safe import Safe, safe
from vedette_console.settings import Options

_TITLES = ("CUSTOMER", "INSTALLATION", "NAME", "PLAN", "ENTITLED", "OPEN CASES", "AGENTS")


@click.group()
def installations() -> None:
    """List and show installations."""


@installations.command("list")
@click.option("--customer", default="", help="Only this customer id.")
@output_option
@click.pass_obj
def list_(options: Options, customer: str, output: Format) -> None:
    """List installations by customer."""

    async def work(support: Support, _: Clock) -> None:
        write_list(await support.list_installations(customer=customer), output, _TITLES, _row)

    call(options, work)


@installations.command()
@click.argument("customer")
@click.argument("installation_id", metavar="INSTALLATION")
@output_option
@click.pass_obj
def show(options: Options, customer: str, installation_id: str, output: Format) -> None:
    """Show one installation, and why proactive support is owed or not."""

    async def work(support: Support, _: Clock) -> None:
        found = await support.get_installation(customer, installation_id)
        write_one(found, output, lambda: map(plain, installation_brief(found)))

    call(options, work)


def _row(found: Installation) -> tuple[Safe, ...]:
    texts = (
        found.customer,
        found.id,
        found.name,
        found.plan or "-",
        "yes" if found.entitled else "no",
        str(found.open_case_count),
        str(len(found.agents)),
    )
    return tuple(map(safe, texts))
