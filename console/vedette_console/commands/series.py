"""`vedette series`: what an agent measures, as numbers or as a plot."""

import shutil
from datetime import timedelta

import click

from vedette_console.client.support import POINT_COUNT, Support
from vedette_console.clock import Clock
from vedette_console.commands.call import call
from vedette_console.commands.choices import Duration, LabelPair, output_option
from vedette_console.commands.output import Format, plain, write, write_list
from vedette_console.model.format import quantity
from vedette_console.model.plot import Frame, chart
from vedette_console.model.resources import SeriesData, SeriesInfo
from vedette_console.model.rows import series_name
from vedette_console.model.safe import Safe, safe
from vedette_console.settings import Options

#: Size of a plot in a terminal that does not tell its own.
_PLOT_COLUMNS = 80
#: Lines of a plot, axes included.
_PLOT_LINES = 10
#: Widest plot.
_PLOT_COLUMNS_MAX = 120


@click.group()
def series() -> None:
    """List and query series."""


@series.command("list")
@click.argument("agent_id", metavar="AGENT")
@click.option("--name", default="", help="Only this metric name.")
@output_option
@click.pass_obj
def list_(options: Options, agent_id: str, name: str, output: Format) -> None:
    """List the series of an agent."""

    async def work(support: Support, _: Clock) -> None:
        found = await support.list_series(agent_id, name=name)
        write_list(found, output, ("SERIES", "UNIT"), _row)

    call(options, work)


@series.command()
@click.argument("agent_id", metavar="AGENT")
@click.argument("name")
@click.option("--label", "labels", multiple=True, type=LabelPair(), help="NAME=VALUE; repeatable.")
@click.option("--since", type=Duration(), default="1h", show_default=True, help="How far back.")
@click.option("--until", type=Duration(), help="How long ago to stop; now if not said.")
@click.option("--points", type=click.IntRange(1, 10_000), default=POINT_COUNT, help="Most points a series.")
@output_option
@click.pass_obj
def query(
    options: Options,
    agent_id: str,
    name: str,
    labels: tuple[tuple[str, str], ...],
    since: timedelta,
    until: timedelta | None,
    points: int,
    output: Format,
) -> None:
    """Query the samples of a series: a plot, or every point as JSON."""

    async def work(support: Support, clock: Clock) -> None:
        now = clock.now()
        start, end = now - since, now - (until or timedelta(0))
        if start >= end:
            raise click.UsageError("--until must be later than --since")
        found = await support.query_series(
            agent_id, name, labels=labels, start=start, end=end, point_count=points
        )
        if output is not Format.TABLE:
            write_list(found, output, (), lambda _: ())
            return
        width = min(_PLOT_COLUMNS_MAX, shutil.get_terminal_size((_PLOT_COLUMNS, 24)).columns)
        for data in found:
            write(_caption(data))
            frame = Frame(start=start, end=end, unit=data.info.unit)
            for line in chart(data.points, frame, width=width, height=_PLOT_LINES, zone=clock.zone()):
                write(plain(line))
        if not found:
            write(safe(f"{agent_id} measured no {name} in this time"))

    call(options, work)


def _row(info: SeriesInfo) -> tuple[Safe, ...]:
    return safe(series_name(info.name, info.labels)), safe(info.unit)


def _caption(data: SeriesData) -> Safe:
    unit = data.info.unit
    last = quantity(data.points[-1].value, unit)
    least = quantity(min(point.minimum for point in data.points), unit)
    most = quantity(max(point.maximum for point in data.points), unit)
    return safe(f"{series_name(data.info.name, data.info.labels)}  last {last}, least {least}, most {most}")
