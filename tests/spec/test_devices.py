"""Devices: handsets of a line, and lines of a handset."""

import pytest

from linerisk.features.spec import Spec

SPECS = (
    Spec(
        "A handset counts once; records that do not name theirs are left out.",
        {"distinct_devices_count_7d": 1, "distinct_devices_count_28d": 2},
        """
        ago | record_type | device
        1h  | call_out    | old
        2h  | sms_in      | old
        2h  | call_in     | -
        9d  | call_out    | older
        30d | call_out    | oldest
        """,
    ),
    Spec(
        "Lines that share a handset within 28 days, at whatever times; the fullest handset of the line counts.",
        {"max_lines_per_device_count_28d": 3},
        """
        line | ago | device
        me   | 1h  | box
        sim2 | 20d | box
        sim3 | 2d  | box
        sim3 | 1d  | phone
        sim4 | 40d | box
        me   | 3d  | phone
        """,
    ),
    Spec(
        "A handset of one's own is a handset with one line.",
        {"max_lines_per_device_count_28d": 1},
        """
        line  | ago | device
        me    | 1h  | mine
        other | 1h  | theirs
        """,
    ),
    Spec(
        "Where handsets are not recorded, nothing is known.",
        {"distinct_devices_count_7d": None, "distinct_devices_count_28d": None, "max_lines_per_device_count_28d": None},
        """
        ago | device
        1h  | -
        """,
    ),
    Spec(
        "A handset not seen in the seven weeks before is new; on a day with three handsets two are further ones.",
        {"new_devices_count_7d": 2, "extra_device_days_count_28d": 2},
        """
        ago | device
        1h  | old
        20d | old
        2h  | box
        3h  | box2
        2d  | box
        """,
    ),
    Spec(
        "One handset for years: nothing new, and no day with two.",
        {"new_devices_count_7d": 0, "extra_device_days_count_28d": 0},
        """
        ago | device
        1h  | mine
        50d | mine
        """,
    ),
    Spec(
        "Where handsets are not recorded, changes are not known.",
        {"new_devices_count_7d": None, "extra_device_days_count_28d": None},
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
