"""`vedette alarms`: list, show and acknowledge alarms."""

from datetime import datetime

import click

from vedette_console.client.perform import perform
from vedette_console.client.request_id import new_request_id
from vedette_console.client.support import Support
from vedette_console.clock import Clock
from vedette_console.commands.call import call
from vedette_console.commands.choices import AlarmId, CaseId, etag_option, output_option
from vedette_console.commands.output import Format, plain, write_list, write_one
from vedette_console.model.brief import alarm_brief
from vedette_console.model.format import age_of
from vedette_console.model.intents import AcknowledgeAlarm
from vedette_console.model.outcome import success
from vedette_console.model.resources import Alarm
from vedette_console.model.safe import Safe, safe
from vedette_console.settings import Options

_TITLES = ("PRIORITY", "ALARM", "CONDITION", "ACKNOWLEDGED", "AGENT", "CODE", "SINCE", "CASE", "WHAT")


@click.group()
def alarms() -> None:
    """List, show and acknowledge alarms."""


@alarms.command("list")
@click.option("--all", "show_closed", is_flag=True, help="Also those that are over.")
@click.option("--customer", default="", help="Only this customer id.")
@click.option("--code", default="", help="Only this rule code.")
@click.option("--case", "case_id", type=CaseId(), default="", help="Only alarms of this case.")
@output_option
@click.pass_obj
def list_(
    options: Options,
    *,
    show_closed: bool,
    customer: str,
    code: str,
    case_id: str,
    output: Format,
) -> None:
    """List alarms that hold, or that went away unacknowledged; newest first."""

    async def work(support: Support, clock: Clock) -> None:
        found = await support.list_alarms(
            show_closed=show_closed, customer=customer, code=code, case_id=case_id
        )
        now = clock.now()
        write_list(found, output, _TITLES, lambda alarm: _row(alarm, now))

    call(options, work)


@alarms.command()
@click.argument("alarm_id", type=AlarmId(), metavar="ALARM")
@output_option
@click.pass_obj
def show(options: Options, alarm_id: str, output: Format) -> None:
    """Show one alarm with its evidence."""

    async def work(support: Support, clock: Clock) -> None:
        alarm = await support.get_alarm(alarm_id)
        lines = alarm_brief(alarm, clock.now(), clock.zone())
        write_one(alarm, output, lambda: map(plain, lines))

    call(options, work)


@alarms.command()
@click.argument("alarm_id", type=AlarmId(), metavar="ALARM")
@click.option("--note", default="", help="Comment for the timeline.")
@etag_option
@output_option
@click.pass_obj
def acknowledge(options: Options, alarm_id: str, note: str, etag: str, output: Format) -> None:
    """Take an alarm, and its case with it."""
    intent = AcknowledgeAlarm(id=alarm_id, request_id=new_request_id(), note=note, etag=etag)

    async def work(support: Support, _: Clock) -> None:
        after = await perform(support, intent)
        write_one(after, output, lambda: (success(intent, after),))

    call(options, work)


def _row(alarm: Alarm, now: datetime) -> tuple[Safe, ...]:
    texts = (
        alarm.priority.name,
        alarm.id,
        alarm.condition.value,
        (alarm.acknowledged_by or "yes") if alarm.acknowledged else "no",
        f"{alarm.customer}/{alarm.installation}/{alarm.node}",
        alarm.code,
        age_of(alarm.raise_time, now),
        alarm.case_id or "-",
        alarm.title,
    )
    return tuple(map(safe, texts))
