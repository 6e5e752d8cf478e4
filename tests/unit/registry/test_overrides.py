"""A failed gate is overridden by its code, with a reason in writing, by two people, and everybody can see it."""

from collections.abc import Callable

import pytest

from linerisk.errors import RegistryError
from linerisk.registry import CHAMPION, Registry, Version
from linerisk.registry.versions import LEAST_WORDS, Move

Open = Callable[[str], Registry]
Register = Callable[..., Version]

REASON = "few frauds were found in June; the ranking stands"


def failed(open_registry: Open, register: Register, name: str, *codes: str) -> Registry:
    """A registry whose version 1, trained by li, failed these gates."""
    registry = open_registry(f"override, {name}")
    register(registry, gates="failed", failed=codes)
    return registry


def test_a_version_records_its_failed_gates(open_registry: Open, register: Register) -> None:
    assert failed(open_registry, register, "remembered", "G001", "G011").version("1").failed == ("G001", "G011")


def test_an_override_of_each_failed_gate_makes_a_version_champion(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "all", "G001", "G011")
    move = registry.promote("1", by="li", approver="wang", reason=REASON, override=["G011", "G001"])
    assert (move.overridden, move.reason) == (("G011", "G001"), REASON)
    assert registry.champion().version == "1"


@pytest.mark.parametrize(
    "override",
    [("G001",), ("G011",), ("G001", "G011", "G005"), ("G005",), ("all",)],
    ids=["one of two", "the other", "one that passed too", "only one that passed", "no code"],
)
def test_an_override_names_all_that_failed_and_no_other(
    open_registry: Open, register: Register, override: tuple[str, ...]
) -> None:
    registry = failed(open_registry, register, f"names {' '.join(override)}", "G001", "G011")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang", reason=REASON, override=override)
    assert refused.value.field == "override"
    assert registry.alias(CHAMPION) is None


@pytest.mark.parametrize("reason", ["", "   ", "ok", "because we can" + " " * LEAST_WORDS, "模型可用"])
def test_a_short_reason_is_refused(open_registry: Open, register: Register, reason: str) -> None:
    registry = failed(open_registry, register, f"shrug {len(reason)}", "G001")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang", reason=reason, override=["G001"])
    assert refused.value.field == "reason"
    assert registry.history() == ()


def test_a_sentence_in_chinese_is_a_reason(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "chinese", "G001")
    assert registry.promote("1", by="li", approver="wang", reason="本月查实的诈骗较少，排序能力不变", override=["G001"])


def test_an_override_needs_the_second_person_too(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "second person", "G001")
    with pytest.raises(RegistryError, match="second person"):
        registry.promote("1", by="zhao", approver="li", reason=REASON, override=["G001"])


def test_the_impact_assessment_cannot_be_overridden(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "the law", "G001", "G016")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001", "G016"])
    assert refused.value.expected == "G016 passed: the law asks for it"


def test_a_version_that_passed_needs_no_override_and_takes_none(open_registry: Open, register: Register) -> None:
    registry = open_registry("override, nothing to override")
    register(registry)
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001"])
    assert refused.value.expected == "no override, because no gate failed"
    assert refused.value.found == "G001; G001 did not fail"
    assert refused.value.todo == "promote it again without --override"


def test_a_comparison_with_another_champion_is_overridden_by_name_with_a_reason(
    open_registry: Open, register: Register
) -> None:
    registry = open_registry("override, outdated")
    for failed in ((), (), ("G001",)):
        register(registry, gates="failed" if failed else "passed", failed=failed)
    registry.promote("1", by="li", approver="wang")
    with pytest.raises(RegistryError) as refused:
        registry.promote("2", by="li", approver="wang", reason="ok", override=["G009"])
    assert refused.value.field == "reason"
    assert registry.promote("2", by="li", approver="wang", reason=REASON, override=["G009"]).overridden == ("G009",)
    with pytest.raises(RegistryError, match="G009 answered against version 2"):
        registry.promote("3", by="li", approver="wang", reason=REASON, override=["G001"])
    both = registry.promote("3", by="li", approver="wang", reason=REASON, override=["G001", "G009"])
    assert both.overridden == ("G001", "G009")


def test_an_override_of_a_passed_gate_is_refused_by_name(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "did not fail", "G001")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001", "G005"])
    assert refused.value.found == "G001, G005; G005 did not fail"


def test_a_gate_that_was_not_named_is_named_with_its_option(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "options", "G011", "G001")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001"])
    assert refused.value.todo == "give --override G001 --override G011, and no other"


def test_an_override_is_in_the_description_of_the_run(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "on the run", "G001")
    registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001"])
    note = registry.client.get_run(registry.version("1").run_id).data.tags["mlflow.note.content"]
    assert note.startswith(f"**Overridden: G001.** {REASON} (asked by li, approved by wang, ")
    assert note.endswith("Tested on **400** lines.")


def test_a_short_reason_is_refused_with_the_least_length(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "how long", "G001")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang", reason="because", override=["G001"])
    assert f"at least {LEAST_WORDS} characters" in str(refused.value.expected)
    assert refused.value.found == "'because', which is 7"
    assert f"in {LEAST_WORDS} characters or more" in str(refused.value.todo)


def test_failed_gates_without_recorded_codes_cannot_be_overridden(open_registry: Open, register: Register) -> None:
    registry = open_registry("override, unknown gates")
    register(registry, gates="failed")
    with pytest.raises(RegistryError, match="may not be promoted"):
        registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001"])


def test_an_override_stays_in_the_history_and_on_the_version(open_registry: Open, register: Register) -> None:
    registry = failed(open_registry, register, "shown", "G001")
    registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001"], expires_at="2024-09-01T00:00:00Z")
    (move,) = open_registry("override, shown").history()
    assert (move.overridden, move.expires_at) == (("G001",), "2024-09-01T00:00:00Z")
    page = registry.get("1")
    assert page.tags["overridden"] == "G001"
    assert (page.tags["promoted_by"], page.tags["approved_by"], page.tags["reason"]) == ("li", "wang", REASON)
    assert page.tags["expires_at"] == "2024-09-01T00:00:00Z"
    assert page.description.startswith(f"**Overridden: G001.** {REASON} (asked by li, approved by wang, ")
    assert page.description.endswith("Tested on **400** lines.")


def test_a_version_restored_by_rollback_keeps_its_override_and_its_expiry(
    open_registry: Open, register: Register
) -> None:
    registry = failed(open_registry, register, "back", "G001")
    registry.promote("1", by="li", approver="wang", reason=REASON, override=["G001"], expires_at="2024-09-01T00:00:00Z")
    register(registry, against="1")
    registry.promote("2", by="li", approver="wang", expires_at="2024-10-01T00:00:00Z")
    back = registry.rollback(by="chen", reason="too strict")
    assert (back.version, back.overridden, back.expires_at) == ("1", ("G001",), "2024-09-01T00:00:00Z")


def test_history_stored_before_overrides_existed_can_be_read() -> None:
    kept = '{"at": "2024-07-26T00:00:00Z", "what": "promoted", "version": "1", "before": null, "by": "li",'
    move = Move.from_text(kept + ' "approver": "wang", "reason": ""}')
    assert (move.overridden, move.expires_at) == ((), None)
    assert Move.from_text(move.as_text()) == move
