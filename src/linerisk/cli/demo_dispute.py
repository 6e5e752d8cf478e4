"""The demo's last step: a holder objects, a reviewer clears the line, the system that suspends hears of it."""

from __future__ import annotations

from typing import Any

import httpx
from ulid import ULID

from linerisk.cli.output import out, table

STATEMENT = "I have had this number for nine years, and called the customers whose orders I deliver."
FINDING = "The employer confirmed the deliveries in writing; the numbers called are those of its customers."


def object_to(
    client: httpx.Client, decision: dict[str, Any], *, scorer: str, reviewer: str, name: str
) -> dict[str, Any]:
    """Dispute a decision over HTTP, from the holder's words to the lift.

    Args:
        client: Of the running service.
        decision: As it was answered.
        scorer: Token of the system that suspends.
        reviewer: Token of a reviewer.
        name: Name of the reviewer's token.

    Returns:
        `notice` as a text message, the `dispute` as it ended, and its `lift`.
    """

    def call(token: str, method: str, path: str, **body: Any) -> dict[str, Any]:
        json = {"request_id": f"demo-{ULID()}", **body} if method == "POST" else None
        answer = client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json=json)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    decided = f"/v1/decisions/{decision['decision_id']}"
    opened = call(
        scorer,
        "POST",
        "/v1/disputes",
        decision_id=decision["decision_id"],
        statement=STATEMENT,
        channel="hotline",
    )
    case = f"/v1/disputes/{opened['dispute_id']}"
    call(reviewer, "POST", f"{case}/assign", assignee=name)
    call(reviewer, "POST", f"{case}/outcome", outcome="cleared", reason=FINDING)
    lifts: list[dict[str, Any]] = []
    after = 0
    while True:
        page = call(scorer, "GET", f"/v1/lifts?after={after}")
        lifts += page["lifts"]
        if not page["lifts"]:
            break
        after = page["next_after"]
    return {
        "notice": call(reviewer, "GET", f"{decided}/notice?lang=zh&form=sms"),
        "dispute": call(reviewer, "GET", case),
        "lift": next(lift for lift in lifts if lift["dispute_id"] == opened["dispute_id"]),
    }


def show_objection(told: dict[str, Any]) -> None:
    """What became of it, step by step."""
    dispute = told["dispute"]
    out.print(f"\n[bold]The holder of the old line objects: case {dispute['case_number']}[/bold]")
    table(
        "Every step is in the decision log's chain",
        ["step", "by", "at", "what"],
        [[event["move"], event["by"], event["at"], _what(event)] for event in dispute["events"]],
    )
    out.print(
        f"  Lifted at {told['lift']['lifted_at']}: the suspending system polls `/v1/lifts` and was told. "
        "`linerisk disputes labels` gives the finding to the next training."
    )


def _what(event: dict[str, Any]) -> str:
    if event["opening"] is not None:
        return str(event["opening"]["statement"])
    return str(event["reason"] or f"to {event['assigned_to']}")
