"""The dispute of the demo: a holder objects, a reviewer clears the line, the suspending system receives the lift."""

from __future__ import annotations

from typing import Any

import httpx
from ulid import ULID

from linerisk.cli.output import out, table

STATEMENT = "I have had this number for nine years, and called the customers whose orders I deliver."
FINDING = "The employer confirmed the deliveries in writing; the numbers called are those of its customers."


def dispute_decision(
    client: httpx.Client, decision: dict[str, Any], *, scorer_token: str, reviewer_token: str, reviewer: str
) -> dict[str, Any]:
    """Dispute a decision over HTTP, from the holder's statement to the lift.

    Args:
        client: Client of the running service.
        decision: The decision, as the service answered it.
        scorer_token: Token of the suspending system.
        reviewer_token: Token of a reviewer.
        reviewer: Name of the reviewer's token.

    Returns:
        `notice` as a text message, the decided `dispute`, and its `lift`.
    """

    def call(token: str, method: str, path: str, **body: Any) -> dict[str, Any]:
        json = {"request_id": f"demo-{ULID()}", **body} if method == "POST" else None
        response = client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json=json)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    opened = call(
        scorer_token,
        "POST",
        "/v1/disputes",
        decision_id=decision["decision_id"],
        statement=STATEMENT,
        channel="hotline",
    )
    case = f"/v1/disputes/{opened['dispute_id']}"
    call(reviewer_token, "POST", f"{case}/assign", assignee=reviewer)
    call(reviewer_token, "POST", f"{case}/outcome", outcome="cleared", reason=FINDING)
    lifts: list[dict[str, Any]] = []
    after = 0
    while True:
        page = call(scorer_token, "GET", f"/v1/lifts?after={after}")
        lifts += page["lifts"]
        if not page["lifts"]:
            break
        after = page["next_after"]
    return {
        "notice": call(reviewer_token, "GET", f"/v1/decisions/{decision['decision_id']}/notice?lang=zh&form=sms"),
        "dispute": call(reviewer_token, "GET", case),
        "lift": next(lift for lift in lifts if lift["dispute_id"] == opened["dispute_id"]),
    }


def show_dispute(answers: dict[str, Any]) -> None:
    """Print the events of the dispute and its lift."""
    dispute = answers["dispute"]
    out.print(f"\n[bold]The holder of the old line objects: case {dispute['case_number']}[/bold]")
    table(
        "Every event is in the hash chain of the decision log",
        ["event", "by", "at", "text"],
        [[event["move"], event["by"], event["at"], _text_of(event)] for event in dispute["events"]],
    )
    out.print(
        f"  Lifted at {answers['lift']['lifted_at']}: the suspending system received this from `/v1/lifts`. "
        "`linerisk disputes labels` exports the finding as a label for the next training."
    )


def _text_of(event: dict[str, Any]) -> str:
    if event["opening"] is not None:
        return str(event["opening"]["statement"])
    return str(event["reason"] or f"to {event['assigned_to']}")
