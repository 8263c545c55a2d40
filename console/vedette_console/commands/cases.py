"""`vedette cases`: list, show and work cases."""

from datetime import datetime, tzinfo

import click

from vedette_console.client.perform import perform
from vedette_console.client.request_id import new_request_id
from vedette_console.client.support import Support
from vedette_console.clock import Clock
from vedette_console.commands.call import call
from vedette_console.commands.choices import CaseId, etag_option, output_option
from vedette_console.commands.output import Format, plain, write_list, write_one
from vedette_console.model.brief import alarm_line, case_brief, case_headline, case_promise
from vedette_console.model.countdown import countdown
from vedette_console.model.format import age_of, full_time
from vedette_console.model.intents import (
    AcknowledgeCase,
    AssignCase,
    CloseCase,
    CommentCase,
    CreateCase,
    Intent,
    ResolveCase,
)
from vedette_console.model.outcome import success
from vedette_console.model.resources import Case, CaseState, Priority, TimelineEntry
from vedette_console.model.safe import Safe, safe
from vedette_console.settings import Options

_STATES = [state.value for state in CaseState if state is not CaseState.UNKNOWN]
_TITLES = ("PRIORITY", "TO BREACH", "CASE", "CUSTOMER", "STATE", "OWNER", "AGE", "WHAT")


@click.group()
def cases() -> None:
    """List, show and work cases."""


@cases.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only this; repeatable.")
@click.option("--customer", default="", help="Only this customer id.")
@click.option("--owner", default="", help="Only this owner.")
@output_option
@click.pass_obj
def list_(options: Options, states: tuple[str, ...], customer: str, owner: str, output: Format) -> None:
    """List open cases, the one whose promise breaks first at the top."""

    async def work(support: Support, clock: Clock) -> None:
        wanted = tuple(CaseState(state) for state in states)
        found = await support.list_cases(states=wanted, customer=customer, owner=owner)
        now, zone = clock.now(), clock.zone()
        write_list(found, output, _TITLES, lambda case: _row(case, now, zone))

    call(options, work)


@cases.command()
@click.argument("case_id", type=CaseId(), metavar="CASE")
@output_option
@click.pass_obj
def show(options: Options, case_id: str, output: Format) -> None:
    """Show one case: what is wrong, what was promised and why."""

    async def work(support: Support, clock: Clock) -> None:
        case = await support.get_case(case_id)
        alarms = (
            await support.list_alarms(case_id=case_id, show_closed=True) if output is Format.TABLE else ()
        )
        now, zone = clock.now(), clock.zone()
        lines = (
            case_headline(case),
            *case_brief(case, now, zone),
            *case_promise(case, now, zone),
            *(alarm_line(alarm, now) for alarm in alarms),
        )
        write_one(case, output, lambda: map(plain, lines))

    call(options, work)


@cases.command()
@click.argument("case_id", type=CaseId(), metavar="CASE")
@output_option
@click.pass_obj
def timeline(options: Options, case_id: str, output: Format) -> None:
    """Show what happened to a case, oldest first."""

    async def work(support: Support, clock: Clock) -> None:
        entries = await support.list_timeline(case_id)
        zone = clock.zone()
        titles = ("TIME", "WHO", "ABOUT", "REASON", "WHAT")
        write_list(entries, output, titles, lambda entry: _entry_row(entry, zone))

    call(options, work)


@cases.command()
@click.option("--customer", required=True, help="Customer id.")
@click.option("--installation", default="", help="Installation id, where it concerns one.")
@click.option("--priority", required=True, type=click.Choice(Priority, case_sensitive=False))
@click.option("--title", required=True, help="What is wrong, in one line.")
@click.option("--description", default="", help="Anything more.")
@output_option
@click.pass_obj
def create(
    options: Options,
    customer: str,
    installation: str,
    priority: Priority,
    title: str,
    description: str,
    output: Format,
) -> None:
    """Open a case for what a customer reports."""
    intent = CreateCase(
        request_id=new_request_id(),
        customer=customer,
        installation=installation,
        priority=priority,
        title=title,
        description=description,
    )
    _do(options, intent, output)


@cases.command()
@click.argument("case_id", type=CaseId(), metavar="CASE")
@click.option("--note", default="", help="Comment for the timeline.")
@etag_option
@output_option
@click.pass_obj
def acknowledge(options: Options, case_id: str, note: str, etag: str, output: Format) -> None:
    """Take a case: own it if nobody does, and stop its clock."""
    _do(options, AcknowledgeCase(id=case_id, request_id=new_request_id(), note=note, etag=etag), output)


@cases.command()
@click.argument("case_id", type=CaseId(), metavar="CASE")
@click.argument("owner", required=False, default="")
@click.option("--nobody", is_flag=True, help="Take the owner away.")
@etag_option
@output_option
@click.pass_obj
def assign(options: Options, *, case_id: str, owner: str, nobody: bool, etag: str, output: Format) -> None:
    """Give a case an owner."""
    if bool(owner) is nobody:
        raise click.UsageError("name the new OWNER, or say --nobody")
    _do(options, AssignCase(id=case_id, request_id=new_request_id(), owner=owner, etag=etag), output)


@cases.command()
@click.argument("case_id", type=CaseId(), metavar="CASE")
@click.argument("text")
@output_option
@click.pass_obj
def comment(options: Options, case_id: str, text: str, output: Format) -> None:
    """Add a comment to the timeline."""
    _do(options, CommentCase(id=case_id, request_id=new_request_id(), text=text), output)


@cases.command()
@click.argument("case_id", type=CaseId(), metavar="CASE")
@click.option("--resolution", default="", help="What was done.")
@etag_option
@output_option
@click.pass_obj
def resolve(options: Options, case_id: str, resolution: str, etag: str, output: Format) -> None:
    """Say that the work is done."""
    intent = ResolveCase(id=case_id, request_id=new_request_id(), resolution=resolution, etag=etag)
    _do(options, intent, output)


@cases.command()
@click.argument("case_id", type=CaseId(), metavar="CASE")
@etag_option
@output_option
@click.pass_obj
def close(options: Options, case_id: str, etag: str, output: Format) -> None:
    """Close a resolved case for good."""
    _do(options, CloseCase(id=case_id, request_id=new_request_id(), etag=etag), output)


def _do(options: Options, intent: Intent, output: Format) -> None:
    async def work(support: Support, _: Clock) -> None:
        after = await perform(support, intent)
        write_one(after, output, lambda: (success(intent, after),))

    call(options, work)


def _row(case: Case, now: datetime, zone: tzinfo) -> tuple[Safe, ...]:
    texts = (
        case.priority.name,
        countdown(case.response_clock, now, zone).text,
        case.id,
        case.customer,
        case.state.value,
        case.owner or "-",
        age_of(case.create_time, now),
        case.title,
    )
    return tuple(map(safe, texts))


def _entry_row(entry: TimelineEntry, zone: tzinfo) -> tuple[Safe, ...]:
    texts = (full_time(entry.time, zone), entry.actor, entry.id, entry.reason, entry.text)
    return tuple(map(safe, texts))
