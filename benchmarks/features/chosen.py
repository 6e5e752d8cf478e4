"""What all engines compute, and when and where: features of the catalogue that SQL and pandas can state as well."""

from __future__ import annotations

from datetime import UTC, datetime

from linerisk.features.stages import local_clock

DAYS = 56
"""Days simulated: all that features read."""
AS_OF = datetime(2024, 6, 13, 16, tzinfo=UTC)
"""Midnight in Shanghai after the last simulated day."""
TIME_ZONE = "Asia/Shanghai"
CLOCK = local_clock(AS_OF, TIME_ZONE)

CHOSEN = (
    "out_calls_count_24h",
    "out_calls_count_7d",
    "out_calls_count_28d",
    "in_calls_count_28d",
    "out_call_share_28d",
    "short_call_share_7d",
    "long_call_share_28d",
    "mean_call_duration_s_28d",
    "out_texts_count_7d",
    "distinct_callees_count_24h",
    "distinct_callees_count_7d",
    "distinct_callees_count_28d",
    "new_callees_count_7d",
    "new_callee_share_7d",
    "reciprocal_callee_share_28d",
    "calls_per_callee_7d",
    "one_shot_callee_share_28d",
    "top_callee_share_28d",
    "callee_entropy_7d",
    "max_out_calls_count_1h_7d",
    "active_days_count_28d",
    "zero_in_days_count_28d",
    "night_call_share_7d",
    "mean_gap_s_7d",
    "out_of_town_share_7d",
    "distinct_cells_count_7d",
    "main_cell_share_7d",
    "distinct_devices_count_28d",
)
"""Columns that every engine gives after `line_key`."""
