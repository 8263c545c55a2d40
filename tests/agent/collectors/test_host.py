"""The collectors of the machine, on this machine."""

import re
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from vedette_agent.collectors.collector import Reading
from vedette_agent.collectors.cpu import CpuCollector
from vedette_agent.collectors.database import DatabaseCollector
from vedette_agent.collectors.disk import DiskCollector
from vedette_agent.collectors.filesystem import FilesystemCollector
from vedette_agent.collectors.load import LoadCollector
from vedette_agent.collectors.memory import MemoryCollector
from vedette_agent.collectors.network import NetworkCollector
from vedette_agent.settings.model import CollectorSettings, DatabaseSettings, Selection

SETTINGS = CollectorSettings()
Partition = namedtuple("Partition", "device mountpoint")  # noqa: PYI024 - psutil's own kind of type
Usage = namedtuple("Usage", "used free")  # noqa: PYI024
Disk = namedtuple("Disk", "read_bytes write_bytes")  # noqa: PYI024
Ticks = namedtuple("Ticks", "user system idle iowait guest guest_nice")  # noqa: PYI024


def named(reading: Reading) -> dict[str, float]:
    return {series.name: value for series, value in reading.samples}


def test_cpu_compares_with_the_look_before(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [Ticks(10, 5, 80, 5, 3, 0), Ticks(13, 6, 83, 7, 5, 0), Ticks(13, 6, 83, 7, 5, 0)]
    monkeypatch.setattr(psutil, "cpu_times", lambda: looks.pop(0))
    collector = CpuCollector(SETTINGS)
    assert "system.cpu.utilization" not in named(collector.collect())
    # user (a guest's time included) and system grew by 4, idle by 3, iowait by 2
    assert named(collector.collect())["system.cpu.utilization"] == pytest.approx(4 / 9)
    assert "system.cpu.utilization" not in named(collector.collect())


def test_memory_use_is_what_is_not_available() -> None:
    found = named(MemoryCollector(SETTINGS).collect())
    assert found["system.memory.limit"] == psutil.virtual_memory().total
    assert 0 < found["system.memory.usage"] < found["system.memory.limit"]
    assert found["system.memory.utilization"] == found["system.memory.usage"] / found["system.memory.limit"]


def test_load_has_three_averages() -> None:
    assert list(named(LoadCollector(SETTINGS).collect())) == [
        "system.cpu.load_average.1m",
        "system.cpu.load_average.5m",
        "system.cpu.load_average.15m",
    ]


def test_a_file_systems_limit_is_what_an_ordinary_program_could_fill(tmp_path: Path) -> None:
    root = Path("/") if not tmp_path.drive else Path(tmp_path.anchor)
    collector = FilesystemCollector(SETTINGS, Selection(include=(re.compile(f"^{re.escape(str(root))}$"),)))
    usage = psutil.disk_usage(str(root))
    found = named(collector.collect())
    assert found["system.filesystem.limit"] == pytest.approx(usage.used + usage.free, rel=0.01)


def test_a_device_mounted_twice_is_one_file_system_and_an_error_is_one_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mounts = [
        Partition("/dev/a", "/data"),
        Partition("/dev/a", "/very/long/bind"),
        Partition("/dev/b", "/gone"),
        Partition("/dev/c", "/excluded"),
    ]
    usage = Usage(5, 7)

    def disk_usage(path: str) -> object:
        if path == "/gone":
            raise OSError(5, "Input/output error")
        return usage

    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    monkeypatch.setattr(psutil, "disk_usage", disk_usage)
    reading = FilesystemCollector(SETTINGS, Selection(exclude=(re.compile("excluded"),))).collect()
    assert [(series.name, dict(series.labels), value) for series, value in reading.samples] == [
        ("system.filesystem.usage", {"mountpoint": "/data"}, 5.0),
        ("system.filesystem.limit", {"mountpoint": "/data"}, 12.0),
    ]
    assert reading.problems == ("/gone: Input/output error",)


def test_disks_may_have_no_counters_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "disk_io_counters", lambda **_: None)
    assert DiskCollector(SETTINGS, Selection()).collect() == Reading()


def test_disk_and_network_counters_have_device_and_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(1, 2)
    monkeypatch.setattr(psutil, "disk_io_counters", lambda **_: {"sda": disk, "loop0": disk})
    reading = DiskCollector(SETTINGS, Selection(exclude=(re.compile("^loop"),))).collect()
    assert [(dict(series.labels), value) for series, value in reading.samples] == [
        ({"device": "sda", "direction": "read"}, 1.0),
        ({"device": "sda", "direction": "write"}, 2.0),
    ]
    network = NetworkCollector(SETTINGS, Selection(include=(re.compile("^lo$"),))).collect()
    assert [dict(series.labels) for series, _ in network.samples] == [
        {"device": "lo", "direction": "receive"},
        {"device": "lo", "direction": "transmit"},
    ]


def test_a_database_is_as_large_as_its_files(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    path = tmp_path / "recordings.db"
    settings = DatabaseSettings(name="recordings", path=path, limit=8 * 1024 * 1024)
    collector = DatabaseCollector(SETTINGS, settings)
    assert collector.collect().problems == (f"{path}: No such file or directory",)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE recording (audio BLOB)")
        database.execute("INSERT INTO recording VALUES (zeroblob(300000))")
        database.commit()
        files = path.stat().st_size + path.with_name("recordings.db-wal").stat().st_size
        found = named(collector.collect())
        assert found == {"database.usage": float(files), "database.limit": 8.0 * 1024 * 1024}
        assert found["database.usage"] > 300_000
    assert sorted(one.name for one in tmp_path.iterdir()) == ["recordings.db"]


def test_a_databases_limit_may_be_what_its_file_system_has_left(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"x" * 5000)
    collector = DatabaseCollector(SETTINGS, DatabaseSettings(name="x", path=path))
    found = named(collector.collect())
    assert found["database.limit"] == pytest.approx(5000 + psutil.disk_usage(str(tmp_path)).free, rel=0.05)
