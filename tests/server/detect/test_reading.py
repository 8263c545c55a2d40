"""Values in words."""

import pytest

from vedette_server.detect.reading import Reading


@pytest.mark.parametrize(
    ("used", "limit", "unit", "text"),
    [
        (30, 30, "{channel}", "30 of 30 used (100%)"),
        (7_135_232, 8_388_608, "By", "6.8 MiB of 8.0 MiB used (85%)"),
        (0, 1023, "By", "0 B of 1023 B used (0%)"),
        (1024, 5 * 1024**6, "By", "1.0 KiB of 5120.0 PiB used (0%)"),
        (3, 0, "{user}", "3 of 0 used (more than 100%)"),
        (12_345, 20_000, "1", "12,345 of 20,000 used (62%)"),
    ],
)
def test_a_reading_is_told_in_the_unit_of_its_series(used: float, limit: float, unit: str, text: str) -> None:
    assert Reading(used=used, limit=limit, unit=unit).text == text


def test_a_ratio_is_always_a_number_that_can_be_written_down() -> None:
    assert Reading(used=1.7e308, limit=1e-308).ratio == 1e9
    assert Reading(used=-1.7e308, limit=1e-308).ratio == -1e9
    assert Reading(used=9.0, limit=0.0).ratio == 0.0
    assert Reading(used=1.0, limit=4.0).ratio == 0.25
