-- The chosen features as one query. Variables: as_of, local_offset_us, lo, hi. Views: records, accounts.
-- Records are read once and get window flags; what is counted by party, hour, day or cell is grouped by it first.
-- Instants are taken apart as integers, which costs less than the calendar of a time zone.
WITH account AS MATERIALIZED (
    SELECT line_key, arg_max(home_area, known_at) // 100 AS home
    FROM accounts
    WHERE known_at <= getvariable('as_of') AND line_key BETWEEN getvariable('lo') AND getvariable('hi')
    GROUP BY line_key
),
seen AS MATERIALIZED (
    SELECT
        line_key, peer_key, home, cell_key, device_key, duration_s, age_s, hour_of_day,
        record_type = 'call_out' AS is_out,
        record_type = 'call_in' AS is_in,
        record_type = 'sms_out' AS is_text,
        record_type <> 'call_forwarded' AS is_contact,
        record_type = 'call_out' AND coalesce(answered, duration_s > 0) AS is_talk,
        peer_area // 100 AS peer_area,
        visited_area // 100 AS visited_area,
        age_s < 86400 AS w1, age_s < 604800 AS w7, age_s < 2419200 AS w28
    FROM (
        SELECT *,
            ((epoch_us(getvariable('as_of')) - epoch_us(started_at)) // 1000000)::INTEGER AS age_s,
            ((epoch_us(started_at) + getvariable('local_offset_us')) // 3600000000 % 24)::TINYINT AS hour_of_day
        FROM records
        WHERE line_key BETWEEN getvariable('lo') AND getvariable('hi')
            AND started_at > getvariable('as_of') - INTERVAL 1344 HOURS
            AND started_at <= getvariable('as_of')
            AND received_at <= getvariable('as_of')
    ) LEFT JOIN account USING (line_key)
),
party AS (
    SELECT line_key,
        count(*) FILTER (is_out AND w1) AS out_1,
        count(*) FILTER (is_out AND w7) AS out_7,
        count(*) FILTER (is_out AND w28) AS out_28,
        count(*) FILTER (is_in AND w28) AS in_28,
        count(*) FILTER (is_contact AND NOT w7) AS before_7,
        count(*) FILTER (is_talk AND w7) AS talks_7,
        count(*) FILTER (is_talk AND w28) AS talks_28,
        count(*) FILTER (is_talk AND w7 AND duration_s <= 10) AS short_7,
        count(*) FILTER (is_talk AND w28 AND duration_s >= 180) AS long_28,
        sum(duration_s) FILTER (is_talk AND w28) AS talk_s_28,
        count(*) FILTER (is_text AND w7) AS texts_7,
        count(*) FILTER (is_out AND w7 AND (hour_of_day >= 23 OR hour_of_day < 6)) AS night_7,
        count(*) FILTER (is_out AND w7 AND peer_area <> home IS NOT NULL AND peer_area <> visited_area IS NOT NULL)
            AS areas_7,
        count(*) FILTER (is_out AND w7 AND peer_area <> home AND peer_area <> visited_area) AS town_7
    FROM seen
    GROUP BY line_key, peer_key
),
by_party AS (
    SELECT line_key,
        sum(out_1) AS out_calls_count_24h,
        sum(out_7) AS out_calls_count_7d,
        sum(out_28) AS out_calls_count_28d,
        sum(in_28) AS in_calls_count_28d,
        sum(out_28) / nullif(sum(out_28) + sum(in_28), 0) AS out_call_share_28d,
        sum(short_7) / nullif(sum(talks_7), 0) AS short_call_share_7d,
        sum(long_28) / nullif(sum(talks_28), 0) AS long_call_share_28d,
        sum(talk_s_28) / nullif(sum(talks_28), 0) AS mean_call_duration_s_28d,
        sum(texts_7) AS out_texts_count_7d,
        count(*) FILTER (out_1 > 0) AS distinct_callees_count_24h,
        count(*) FILTER (out_7 > 0) AS distinct_callees_count_7d,
        count(*) FILTER (out_28 > 0) AS distinct_callees_count_28d,
        count(*) FILTER (out_7 > 0 AND before_7 = 0) AS new_callees_count_7d,
        count(*) FILTER (out_7 > 0 AND before_7 = 0) / nullif(count(*) FILTER (out_7 > 0), 0) AS new_callee_share_7d,
        count(*) FILTER (out_28 > 0 AND in_28 > 0) / nullif(count(*) FILTER (out_28 > 0), 0)
            AS reciprocal_callee_share_28d,
        sum(night_7) / nullif(sum(out_7), 0) AS night_call_share_7d,
        sum(town_7) / nullif(sum(areas_7), 0) AS out_of_town_share_7d
    FROM party
    GROUP BY line_key
),
calls AS (
    SELECT line_key, peer_key, age_s, w7,
        lag(age_s) OVER (PARTITION BY line_key, peer_key ORDER BY age_s DESC) AS age_before
    FROM seen
    WHERE is_out AND w28
),
callee AS ( -- attempts, redials merged: one begins with a call, or goes on into the window from before it
    SELECT line_key,
        count(*) FILTER (age_before IS NULL OR age_before - age_s > 1800) AS calls_28,
        count(*) FILTER (w7 AND (age_before IS NULL OR age_before - age_s > 1800 OR age_before >= 604800)) AS calls_7
    FROM calls
    GROUP BY line_key, peer_key
),
by_callee AS (
    SELECT line_key,
        sum(calls_7) / nullif(count(*) FILTER (calls_7 > 0), 0) AS calls_per_callee_7d,
        count(*) FILTER (calls_28 = 1) / count(*) AS one_shot_callee_share_28d,
        max(calls_28) / sum(calls_28) AS top_callee_share_28d,
        CASE WHEN count(*) FILTER (calls_7 > 0) > 1 THEN
            (ln(sum(calls_7)) - sum(calls_7 * ln(greatest(calls_7, 1))) / sum(calls_7))
            / ln(count(*) FILTER (calls_7 > 0))
        END AS callee_entropy_7d
    FROM callee
    GROUP BY line_key
),
by_hour AS (
    SELECT line_key, max(calls) AS max_out_calls_count_1h_7d
    FROM (SELECT line_key, count(*) AS calls FROM seen WHERE is_out AND w7 GROUP BY line_key, age_s // 3600)
    GROUP BY line_key
),
by_day AS (
    SELECT line_key,
        count(*) AS active_days_count_28d,
        count(*) FILTER (calls_out >= 10 AND calls_in = 0) AS zero_in_days_count_28d
    FROM (
        SELECT line_key, count(*) FILTER (is_out) AS calls_out, count(*) FILTER (is_in) AS calls_in
        FROM seen
        WHERE (is_out OR is_in) AND w28
        GROUP BY line_key, age_s // 86400
    )
    GROUP BY line_key
),
by_gap AS (
    SELECT line_key, avg(gap_s) FILTER (gap_s <= 86400) AS mean_gap_s_7d
    FROM (
        SELECT line_key, lag(age_s) OVER (PARTITION BY line_key ORDER BY age_s DESC) - age_s AS gap_s
        FROM seen
        WHERE is_out AND w7
    )
    GROUP BY line_key
),
by_cell AS (
    SELECT line_key, count(*) AS distinct_cells_count_7d, max(used) / sum(used) AS main_cell_share_7d
    FROM (
        SELECT line_key, count(*) AS used FROM seen WHERE w7 AND cell_key IS NOT NULL GROUP BY line_key, cell_key
    )
    GROUP BY line_key
),
by_device AS (
    SELECT line_key, count(*) AS distinct_devices_count_28d
    FROM (SELECT DISTINCT line_key, device_key FROM seen WHERE w28 AND device_key IS NOT NULL)
    GROUP BY line_key
)
SELECT *
FROM (SELECT line_key FROM account UNION SELECT line_key FROM by_party)
LEFT JOIN by_party USING (line_key)
LEFT JOIN by_callee USING (line_key)
LEFT JOIN by_hour USING (line_key)
LEFT JOIN by_day USING (line_key)
LEFT JOIN by_gap USING (line_key)
LEFT JOIN by_cell USING (line_key)
LEFT JOIN by_device USING (line_key)
ORDER BY line_key
