"""Makes the pictures of `docs/review.md` again: `python tests/docs/pictures.py`, or with the home of a demo.

It asks for what `linerisk demo` made (`var/demo`), Playwright and Chromium. The demo's home is left as it is: the live
pair is copied to a folder of its own, and with it a log, tokens and disputes come and go. Days and case numbers on the
pictures are those of the day on which they are made.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import httpx
import polars as pl

from linerisk import as_of
from linerisk.cli.demo import AS_OF, running_service
from linerisk.decisions.log import DecisionLog
from linerisk.policy import load_policies
from linerisk.review.dispute_service import DisputeService
from linerisk.review.transitions import LEAD, REVIEWER, SCORER, Actor, Outcome
from linerisk.settings import Settings
from linerisk.web.token_store import Role, TokenStore

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "images"
LANGUAGES = ("zh", "en")
REVIEWS, OTHER, LEADS, HOTLINE = (
    Actor("li.wei", REVIEWER),
    Actor("chen.fang", REVIEWER),
    Actor("zhao.min", LEAD),
    "hotline",
)
HEIGHTS = {"queue": 800, "case": 1560}
WIDTH = 1280
STATEMENTS = (
    "我是外卖骑手，每天要给很多顾客打电话，号码停了没法接单，请尽快恢复。",
    "开学前我按名单给新生家长逐个打电话，都是学校工作。",
    "家里办喜事，这几天一直在打电话请亲戚。",
    "号码用了很多年，突然不能拨出，没有人告诉我原因。",
    "我在培训机构做回访，都是报过名的学员。",
)
REASON = "通话对象均为平台订单的收件人，单位书面证明已核实，使用属正常业务。"
HOURS_AGO = (300, 30, 22, 9, 7, 5, 4, 3, 2, 1)
"""When disputes were opened: one is near its limit, one overdue, one due soon."""
_LINES_AT_ONCE = 1_000
_RECORDS_OF_ONE = 19_000
_CASES = 12


def main(arguments: list[str]) -> int:
    """Make all pictures; the exit code."""
    demo = Path(arguments[0]) if arguments else ROOT / "var" / "demo"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not (demo / "source").is_dir() or not (demo / "live" / "current.json").is_file():
        sys.stderr.write(f"{demo} is no home of a demo: run `linerisk demo` first, or name one\n")
        return 1
    if chromium is None:
        sys.stderr.write("there is no Chromium on this machine: install the package `chromium`\n")
        return 1
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        shutil.copytree(demo / "live", home / "live")
        shutil.copyfile(demo / "id_key", home / "id_key")
        settings = Settings(home=home)
        tokens = TokenStore(settings.tokens)
        scorer = tokens.create(HOTLINE, Role.SCORER)
        for person, role in ((OTHER, Role.REVIEWER), (LEADS, Role.LEAD)):
            tokens.create(person.name, role)
        reviewer = tokens.create(REVIEWS.name, Role.REVIEWER)
        with running_service(settings, log=home / "service.log") as client:
            client.headers["authorization"] = f"Bearer {scorer}"
            decisions = list(_decisions(client, demo / "source"))
            case = _dispute(settings, decisions, role_of=tokens.role_of)
            _take(str(client.base_url), reviewer, case, chromium)
    return 0


def _decisions(client: httpx.Client, source: Path) -> Iterator[dict[str, Any]]:
    """Decisions that raise a tier, from records, so that they are fresh; those of the demo's story first."""
    accounts = (
        pl.read_parquet(source / "accounts" / "*.parquet").sort("line_id", "known_at").unique("line_id", keep="last")
    )
    story = (
        pl.read_parquet(source / "accounts" / "story.parquet")
        .sort("activated_on")["line_id"]
        .unique(maintain_order=True)
    )
    ids = story.to_list() + sorted(set(accounts["line_id"]) - set(story))
    raised: dict[str, list[str]] = {}
    for start in range(0, len(ids), _LINES_AT_ONCE):
        lines = [{"line_id": line} for line in ids[start : start + _LINES_AT_ONCE]]
        for each in _asked(client, "/v1/score", f"pictures-{start}", lines=lines):
            raised.setdefault(each["tier"], []).append(each["line_id"])
    wanted = [
        line for tier in ("extremely_high", "medium_high", "medium_low") for line in raised.get(tier, ())[:_CASES]
    ]
    wanted.sort(key=lambda line: line not in set(story))
    kept = pl.scan_parquet(source / "call_records" / "*.parquet").filter(pl.col("line_id").is_in(wanted)).collect()
    for line in wanted:
        of_line = pl.col("line_id") == line
        [account] = _plain(accounts.filter(of_line))
        asked = {"line_id": line, "account": account, "records": _plain(kept.filter(of_line).tail(_RECORDS_OF_ONE))}
        answer = _asked(client, "/v1/score/records", f"pictures-{line}", as_of=as_of.iso(AS_OF), lines=[asked])
        yield from (each for each in answer if each["tier"] != "normal")


def _asked(client: httpx.Client, path: str, request_id: str, **body: Any) -> list[dict[str, Any]]:
    answer = client.post(path, json={"request_id": request_id, **body}).raise_for_status()
    decisions: list[dict[str, Any]] = answer.json()["decisions"]
    return decisions


def _plain(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as a request has them, without what is not known."""
    times = pl.selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M:%SZ"), pl.selectors.date().dt.to_string()
    told = rows.drop("line_id").with_columns(*times).to_dicts()
    return [{name: value for name, value in row.items() if value is not None} for row in told]


def _dispute(settings: Settings, decisions: list[dict[str, Any]], *, role_of: Any) -> str:
    """Disputes as a working day has them; that of the first decision, which the reviewer holds."""
    now = as_of.now()
    with DecisionLog(settings.decision_log_url) as log:
        state = DisputeService(log, load_policies(settings.policies), role_of=role_of)
        opened = []
        for i, decision in enumerate(decisions):
            # The first one is the case that is shown: it was opened just now.
            at = now - timedelta(hours=HOURS_AGO[i % len(HOURS_AGO)]) if i else now
            with patch.object(as_of, "now", return_value=at):
                dispute = state.open(
                    Actor(HOTLINE, SCORER),
                    decision["decision_id"],
                    statement=STATEMENTS[i % len(STATEMENTS)],
                    channel=("hotline", "hall", "app")[i % 3],
                    request_id=f"open-{i}",
                )
            opened.append(dispute.dispute_id)
        for i, dispute_id in enumerate(opened[::2]):
            holder = OTHER if i % 2 else REVIEWS
            state.assign(LEADS, dispute_id, assignee=holder.name, request_id=f"assign-{i}")
            if i in {2, 4, 5}:
                outcome = {2: Outcome.UPHELD, 4: Outcome.CLEARED, 5: Outcome.INCONCLUSIVE}[i]
                state.decide(holder, dispute_id, outcome=outcome, reason=REASON, request_id=f"decide-{i}")
    return opened[0]


def _take(url: str, token: str, case: str, chromium: str) -> None:
    """The pictures: queue and case, in both languages."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # who names no home should not need it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for language in LANGUAGES:
            page = browser.new_context(locale=language).new_page()
            page.goto(f"{url}/review/login?lang={language}")
            page.fill("#token", token)
            with page.expect_navigation():
                page.keyboard.press("Enter")
            for name, path in (("queue", "/review"), ("case", f"/review/cases/{case}")):
                page.set_viewport_size({"width": WIDTH, "height": HEIGHTS[name]})
                page.goto(f"{url}{path}")
                file = PICTURES / f"review-{name}-{language}.png"
                page.screenshot(path=file)
                sys.stdout.write(f"{file.relative_to(ROOT)}\n")
        browser.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
