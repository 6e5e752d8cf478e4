"""A reviewer's day in a real browser: from logging in to the lift, and what is refused on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

REASON = "The holder works as a courier; the employer confirmed it in writing."
PAGES = ("", "/lines", "/overturns", "/model")


def test_a_case_from_the_queue_to_the_lift(state: Any, visit: Callable[..., Page], opened: Any) -> None:
    dispute = opened()
    before = state.client("scorer").get("/v1/lifts").json()["next_after"]
    page = visit("reviewer")
    page.get_by_role("link", name=dispute["case_number"]).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(dispute["case_number"])
    page.get_by_role("button", name="Assign to me").click()
    expect(page.get_by_role("status")).to_contain_text("The case is assigned to you")
    page.get_by_label("Cleared").check()
    page.get_by_label("Written reason").first.fill(REASON)
    page.get_by_role("button", name="Record the finding").click()
    expect(page.get_by_role("status")).to_contain_text("the command to lift the measure was issued")
    expect(page.get_by_text("The measure was lifted at")).to_be_visible()
    (lift,) = state.client("scorer").get("/v1/lifts", params={"after": before}).json()["lifts"]
    assert (lift["dispute_id"], lift["outcome"]) == (dispute["dispute_id"], "cleared")


def test_the_language_changes_where_one_is_and_stays(visit: Callable[..., Page], opened: Any, state: Any) -> None:
    page = visit("reviewer")
    address = f"{state.url}/review/cases/{opened()['dispute_id']}"
    page.goto(address)
    page.get_by_role("button", name="中文").click()
    expect(page).to_have_url(address)
    expect(page.get_by_role("heading", name="评级原因")).to_be_visible()
    page.get_by_role("link", name="模型", exact=True).click()
    expect(page.get_by_role("heading", name="在用模型")).to_be_visible()


def test_a_wrong_role_is_refused(state: Any, visit: Callable[..., Page], opened: Any) -> None:
    page = visit("scorer")
    expect(page.get_by_role("alert")).to_contain_text("cannot open the console")
    page = visit("reviewer")
    page.goto(f"{state.url}/review/audit")
    expect(page.get_by_role("alert")).to_contain_text("Your role may not use this page")
    page = visit("auditor")
    page.goto(f"{state.url}/review/cases/{opened()['dispute_id']}")
    expect(page.get_by_text("Auditors have read-only access")).to_be_visible()
    expect(page.get_by_role("button", name="Assign to me")).to_have_count(0)


def test_a_stale_tab_is_refused_and_what_was_written_is_kept(
    state: Any, visit: Callable[..., Page], opened: Any
) -> None:
    address = f"{state.url}/review/cases/{opened()['dispute_id']}"
    mine, other = visit("reviewer"), visit("lead")
    mine.goto(address)
    mine.get_by_role("button", name="Assign to me").click()
    mine.get_by_label("Upheld").check()
    mine.get_by_label("Written reason").first.fill(REASON)
    other.goto(address)
    other.get_by_role("button", name="Assign to me").click()
    mine.get_by_role("button", name="Record the finding").click()
    expect(mine.get_by_role("alert")).to_contain_text("the case changed after you opened this page")
    expect(mine.get_by_role("alert")).to_contain_text("a-lead assigned it to a-lead")
    expect(mine.get_by_label("Written reason").first).to_have_value(REASON)


def test_what_a_holder_wrote_runs_nowhere(state: Any, visit: Callable[..., Page], opened: Any) -> None:
    said = '<img src=x onerror="alert(1)"><script>alert(2)</script></blockquote><b>bold</b>'
    page = visit("lead")
    page.goto(f"{state.url}/review/cases/{opened(statement=said)['dispute_id']}")
    expect(page.locator("blockquote.statement")).to_have_text(said)


def test_a_filter_works_at_once_and_without_a_reload(visit: Callable[..., Page], opened: Any) -> None:
    dispute = opened()
    page = visit("reviewer")
    page.evaluate("window.stays = true")
    page.get_by_role("combobox", name="State").select_option("cleared")
    expect(page.get_by_role("link", name=dispute["case_number"])).to_have_count(0)
    page.get_by_role("combobox", name="State").select_option("opened")
    expect(page.get_by_role("link", name=dispute["case_number"])).to_be_visible()
    assert page.evaluate("window.stays")
    assert "state=opened" in page.url


def test_the_keyboard_is_enough(visit: Callable[..., Page]) -> None:
    page = visit("reviewer")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="State")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1280, 800, 640], ids=["desktop", "tablet", "desktop at 200 percent"])
def test_no_page_is_wider_than_the_window_and_every_field_has_a_label(
    state: Any, visit: Callable[..., Page], opened: Any, width: int, language: str
) -> None:
    page = visit("lead", language=language, width=width)
    for path in (*PAGES, "/audit", f"/cases/{opened()['dispute_id']}"):
        page.goto(f"{state.url}/review{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        nameless = (
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter(e => !e.labels.length)"
        )
        assert page.evaluate(f"{nameless}.map(e => e.outerHTML)") == [], path


@pytest.mark.parametrize("language", ["zh", "en"])
def test_words_stand_out_from_what_is_behind_them(
    state: Any, visit: Callable[..., Page], opened: Any, language: str
) -> None:
    """WCAG 2 AA: 4.5 to 1, for every piece of text on every page."""
    page = visit("lead", language=language)
    for path in (*PAGES, "/audit", f"/cases/{opened('extremely_high')['dispute_id']}"):
        page.goto(f"{state.url}/review{path}")
        checked, faint = page.evaluate(_CONTRAST)
        assert checked > 5, path
        assert faint == [], path


_CONTRAST = """() => {
  const channel = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2])
  const colour = text => text.match(/[\\d.]+/g).map(Number)
  const behind = e => { for (; e; e = e.parentElement) {
    const c = colour(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c }
    return [255, 255, 255] }
  const faint = []; let checked = 0
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
    if (!own || !e.getClientRects().length) continue
    const style = getComputedStyle(e), svg = e instanceof SVGElement
    const [a, b] = [light(colour(svg ? style.fill : style.color)), light(behind(e))].sort((x, y) => y - x)
    checked += 1
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(e.outerHTML.slice(0, 90))
  }
  return [checked, faint]
}"""
