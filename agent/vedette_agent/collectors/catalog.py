"""Which collectors the settings ask for."""

from vedette_agent.clock import Clock
from vedette_agent.collectors.collector import Collector
from vedette_agent.settings.model import HostSettings, ProductSettings, Settings


def collectors_of(settings: Settings, *, clock: Clock, boot_id: str) -> list[Collector]:
    """Return the enabled collectors, host first; each is imported only if it is wanted."""
    return [*_host(settings.host), *_product(settings.product, clock, boot_id)]


def _host(host: HostSettings) -> list[Collector]:
    from vedette_agent.collectors.cpu import CpuCollector  # noqa: PLC0415 - see above
    from vedette_agent.collectors.disk import DiskCollector  # noqa: PLC0415
    from vedette_agent.collectors.filesystem import FilesystemCollector  # noqa: PLC0415
    from vedette_agent.collectors.load import LoadCollector  # noqa: PLC0415
    from vedette_agent.collectors.memory import MemoryCollector  # noqa: PLC0415
    from vedette_agent.collectors.network import NetworkCollector  # noqa: PLC0415

    pairs: list[tuple[bool, Collector]] = [
        (host.cpu.enabled, CpuCollector(host.cpu)),
        (host.memory.enabled, MemoryCollector(host.memory)),
        (host.load.enabled, LoadCollector(host.load)),
        (host.filesystem.enabled, FilesystemCollector(host.filesystem, host.filesystems)),
        (host.disk.enabled, DiskCollector(host.disk, host.disks)),
        (host.network.enabled, NetworkCollector(host.network, host.interfaces)),
    ]
    return [collector for enabled, collector in pairs if enabled]


def _product(product: ProductSettings, clock: Clock, boot_id: str) -> list[Collector]:
    collectors: list[Collector] = []
    if product.process.enabled and product.components:
        from vedette_agent.collectors.process import ProcessCollector  # noqa: PLC0415

        collectors.append(ProcessCollector(product.process, product.components, clock=clock, boot_id=boot_id))
    if product.database.enabled and product.databases:
        from vedette_agent.collectors.database import DatabaseCollector  # noqa: PLC0415

        collectors += [DatabaseCollector(product.database, one) for one in product.databases]
    if product.prometheus.enabled and product.scrapes:
        from vedette_agent.collectors.prometheus import PrometheusCollector  # noqa: PLC0415

        collectors += [PrometheusCollector(product.prometheus, one) for one in product.scrapes]
    if product.log.enabled and product.logs:
        from vedette_agent.collectors.log_events import LogCollector  # noqa: PLC0415

        collectors += [LogCollector(product.log, one, clock) for one in product.logs]
    return collectors
