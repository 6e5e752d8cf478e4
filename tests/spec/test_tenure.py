"""Tenure: four dates, the last verification, what was declared, and the holder's other lines."""

import pytest

from linerisk.features.spec import Spec

SPECS = (
    Spec(
        "Number A of the Shenzhen case: opened on 30 June, one day old.",
        {"tenure_days": 1},
        accounts="""
        line | activated_on
        me   | 2024-06-30
        """,
    ),
    Spec(
        "Four dates are kept apart: the line, the number, the customer and the port-in are not of the same age.",
        {"tenure_days": 182, "number_age_days": 366, "customer_days": 3226, "days_since_port_in": 182},
        accounts="""
        line | activated_on | number_since | customer_since | ported_in_on
        me   | 2024-01-01   | 2023-07-01   | 2015-09-01     | 2024-01-01
        """,
    ),
    Spec(
        "Dates that are not known are missing, and so is the port-in of a number that was never ported.",
        {"number_age_days": None, "customer_days": None, "days_since_port_in": None},
        accounts="""
        line | number_since | customer_since | ported_in_on
        me   | -            | -              | -
        """,
    ),
    Spec(
        "Lines of fifteen years and more are not told apart.",
        {"tenure_days": 5475},
        accounts="""
        line | activated_on
        me   | 1999-01-01
        """,
    ),
    Spec(
        "A line whose activation lies ahead is 0 days old.",
        {"tenure_days": 0},
        accounts="""
        line | activated_on
        me   | 2024-07-03
        """,
    ),
    Spec(
        "Verification is counted in whole days of 24 hours.",
        {"days_since_verification": 9},
        accounts="""
        line | last_verified_at
        me   | 2024-06-21 00:00
        """,
    ),
    Spec(
        "Never verified counts as longest ago, so that to pass a verification cannot raise the risk.",
        {"days_since_verification": 5475},
        accounts="""
        line | last_verified_at
        me   | -
        """,
    ),
    Spec(
        "A declared use counts to the last day it is declared for.",
        {"use_declared": 1},
        accounts="""
        line | declared_use | declared_until
        me   | e-commerce   | 2024-07-01
        """,
    ),
    Spec(
        "A declaration that has run out counts no more.",
        {"use_declared": 0},
        accounts="""
        line | declared_use | declared_until
        me   | e-commerce   | 2024-06-30
        """,
    ),
    Spec(
        "The plan is prepaid or an enterprise's, or neither.",
        {"is_prepaid": 1, "is_enterprise": 0},
        accounts="""
        line | plan_kind
        me   | prepaid
        """,
    ),
    Spec(
        "Active lines of the same holder are counted with the line itself; of new ones only the others.",
        {"holder_lines_count": 3, "holder_new_lines_count_30d": 1},
        accounts="""
        line | holder_key | activated_on | status
        me   | holder     | 2024-06-20   | active
        sim2 | holder     | 2024-06-02   | active
        sim3 | holder     | 2024-06-01   | active
        sim4 | holder     | 2024-06-20   | closed
        sim5 | other      | 2024-06-20   | active
        """,
    ),
    Spec(
        "A line counts itself even while suspended: a suspension must not show in its own features.",
        {"holder_lines_count": 2, "holder_new_lines_count_30d": 0},
        accounts="""
        line | holder_key | activated_on | status
        me   | holder     | 2024-06-20   | suspended
        sim2 | holder     | 2022-01-01   | active
        sim3 | holder     | 2022-01-01   | suspended
        """,
    ),
    Spec(
        "Without a holder on file nothing is said of other lines.",
        {"holder_lines_count": None, "holder_new_lines_count_30d": None},
        accounts="""
        line | holder_key
        me   | -
        """,
    ),
    Spec(
        "Of several account rows the last one known at as_of counts; what becomes known later is not seen.",
        {"is_prepaid": 0, "is_enterprise": 1},
        accounts="""
        line | known_at         | plan_kind
        me   | 2024-01-01       | prepaid
        me   | 2024-06-30 23:00 | enterprise
        me   | 2024-06-30 23:01 | prepaid
        """,
    ),
    Spec(
        "A line that calls before its account is known has no tenure.",
        {
            "tenure_days": None,
            "days_since_verification": None,
            "use_declared": None,
            "is_prepaid": None,
            "is_enterprise": None,
            "holder_lines_count": None,
            "out_calls_count_7d": 1,
        },
        records="""
        ago
        1h
        """,
        accounts="""
        line | known_at
        me   | 2024-07-02
        """,
    ),
    Spec(
        "Opened on 1 June; 20 new numbers on the day that began 20 days before: nine to ten days after it was opened.",
        {"days_to_burst_28d": 10, "tenure_days": 30},
        "\n".join(["ago | peer", *(f"20d1h | p{number}" for number in range(20))]),
        accounts="line | activated_on\nme | 2024-06-01",
    ),
    Spec(
        "Nineteen new numbers are no burst; nor are twenty that the line had called before.",
        {"days_to_burst_28d": None},
        "\n".join(
            [
                "ago | peer",
                *(f"20d1h | p{number}" for number in range(19)),
                *(f"{days}d | q{number}" for number in range(20) for days in (2, 40)),
            ]
        ),
    ),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.says)
def test_example(spec: Spec) -> None:
    assert spec.found() == spec.values
