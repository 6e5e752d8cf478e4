"""Promotion takes passed gates and two people; the way back takes one; what was live when is never lost."""

from collections.abc import Callable

import pytest

from linerisk.errors import RegistryError
from linerisk.registry import CHALLENGER, CHAMPION, Registry, Version
from linerisk.registry.versions import LONGEST_WORDS, Move, current_versions

Open = Callable[[str], Registry]
Register = Callable[..., Version]


def of(open_registry: Open, register: Register, name: str, versions: int = 1) -> Registry:
    """A registry with some versions trained by li, each judged against the one before."""
    registry = open_registry(name)
    for number in range(versions):
        register(registry, against=str(number) if number else None)
    return registry


def test_a_promoted_version_is_the_champion(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "promoted")
    move = registry.promote("1", by="li", approver="wang", reason="first model")
    assert registry.champion().version == "1"
    assert registry.version("1").aliases == (CHALLENGER, CHAMPION) or registry.version("1").aliases == (
        CHAMPION,
        CHALLENGER,
    )
    assert (move.what, move.version, move.before, move.by, move.approver) == ("promoted", "1", None, "li", "wang")


@pytest.mark.parametrize("gates", ["failed", "unknown", ""])
def test_a_version_whose_gates_did_not_pass_is_refused(open_registry: Open, register: Register, gates: str) -> None:
    registry = open_registry(f"gates {gates}")
    register(registry, gates=gates)
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang")
    assert refused.value.expected == "every gate passed"
    assert registry.alias(CHAMPION) is None


@pytest.mark.parametrize(
    ("by", "approver"),
    [
        ("li", "li"),  # who trained it asks and approves
        ("zhao", "li"),  # who trained it approves
        ("zhao", "zhao"),  # who asks approves
        ("zhao", " Li "),  # blanks and capitals make no other person
        ("zhao", "ZHAO"),
        ("zhao", ""),  # nobody
        ("zhao", "  "),
    ],
)
def test_a_second_person_must_approve(open_registry: Open, register: Register, by: str, approver: str) -> None:
    registry = of(open_registry, register, f"second person {by}, {approver.strip() or len(approver)}.{approver}")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by=by, approver=approver)
    assert refused.value.wrong == "a second person must approve"
    assert registry.history() == ()


@pytest.mark.parametrize("registered", ["before there was a champion", "against another champion"])
def test_gate_results_against_a_former_champion_do_not_count(
    open_registry: Open, register: Register, registered: str
) -> None:
    registry = of(open_registry, register, f"outdated, {registered}", versions=2)
    late = register(registry, against=None if registered.startswith("before") else "1")
    registry.promote("1", by="li", approver="wang")
    registry.promote("2", by="li", approver="wang")
    with pytest.raises(RegistryError) as refused:
        registry.promote(late.version, by="li", approver="wang")
    assert refused.value.expected == "G009 answered against version 2, which is champion now"
    assert refused.value.found == (
        "its gates were answered when there was no champion"
        if registered.startswith("before")
        else "its gates were answered against version 1"
    )
    assert "train it again" in str(refused.value.todo)
    assert registry.champion().version == "2"


def test_a_version_without_a_recorded_comparison_is_refused(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "no record of against")
    registry.client.delete_model_version_tag(registry.name, "1", "gates_against")
    with pytest.raises(RegistryError) as refused:
        registry.promote("1", by="li", approver="wang")
    assert refused.value.expected == "G009 answered against no champion, as now"
    assert refused.value.found == "its gates were answered against version unknown"


def test_rollback_needs_no_gate(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "back without gates", versions=2)
    registry.promote("1", by="li", approver="wang")
    registry.promote("2", by="li", approver="wang")
    assert registry.version("1").against == "none"
    assert registry.rollback(by="chen", reason="a drill").version == "1"


def test_the_page_of_a_version_states_whether_it_is_champion_and_how_that_ended(
    open_registry: Open, register: Register
) -> None:
    registry = of(open_registry, register, "standing", versions=2)
    first = registry.promote("1", by="li", approver="wang")
    assert registry.get("1").tags["standing"] == f"champion since {first.at}"
    second = registry.promote("2", by="li", approver="wang")
    assert registry.get("2").tags["standing"] == f"champion since {second.at}"
    assert registry.get("1").tags["standing"] == f"no longer champion since {second.at}: version 2 was promoted"

    back = registry.rollback(by="chen", reason="too many\n\noverturned")
    gone = "rolled back to version 1 by chen: too many overturned"
    assert registry.get("2").tags["standing"] == f"no longer champion since {back.at}: {gone}"
    assert registry.get("1").tags["standing"] == f"champion again since {back.at}"
    note = "mlflow.note.content"
    pages = {v: registry.get(v).description for v in "12"}
    runs = {v: registry.client.get_run(registry.version(v).run_id).data.tags[note] for v in "12"}
    for texts in (pages, runs):
        assert texts["2"].startswith("**No longer champion since ")
        assert texts["2"].split("\n\n", 1)[0].endswith(gone)
        assert texts["1"] == "Tested on **400** lines."

    registry.promote("2", by="li", approver="wang")
    assert "No longer champion" not in registry.get("2").description
    assert registry.get("1").description.startswith("**No longer champion since ")


def test_an_unknown_version_cannot_be_promoted(open_registry: Open, register: Register) -> None:
    with pytest.raises(RegistryError) as refused:
        of(open_registry, register, "promote unknown").promote("7", by="li", approver="wang")
    assert refused.value.expected == "one of 1"


def test_the_champion_cannot_be_promoted_again(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "again")
    registry.promote("1", by="li", approver="wang")
    with pytest.raises(RegistryError, match="version 1 is champion already"):
        registry.promote("1", by="li", approver="wang")
    assert len(registry.history()) == 1


def test_one_person_can_roll_back_to_the_previous_champion(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "back", versions=2)
    registry.promote("1", by="li", approver="wang")
    registry.promote("2", by="li", approver="wang")
    move = registry.rollback(by="chen", reason="overturned decisions")
    assert (move.what, move.version, move.before, move.by) == ("rolled back", "1", "2", "chen")
    assert registry.champion().version == "1"


def test_a_second_rollback_skips_the_version_that_was_rolled_back(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "further back", versions=3)
    for version in ("1", "2", "3"):
        registry.promote(version, by="li", approver="wang")
    assert registry.rollback(by="chen", reason="3 is bad").version == "2"
    assert registry.rollback(by="chen", reason="2 is bad too").version == "1"
    with pytest.raises(RegistryError, match="no version to go back to"):
        registry.rollback(by="chen", reason="and 1")
    assert registry.champion().version == "1"


def test_rollback_without_a_previous_champion_is_refused(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "no way back")
    with pytest.raises(RegistryError, match="no champion yet"):
        registry.rollback(by="chen", reason="x")
    registry.promote("1", by="li", approver="wang")
    with pytest.raises(RegistryError) as refused:
        registry.rollback(by="chen", reason="x")
    assert refused.value.found == "only version 1 is left"


def test_a_reopened_registry_lists_its_history_oldest_first(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "history", versions=2)
    registry.promote("1", by="li", approver="wang", reason="第一个模型")
    registry.promote("2", by="zhao", approver="wang", reason="retrained")
    registry.rollback(by="chen", reason="too strict")
    history = open_registry("history").history()
    assert [(m.what, m.version, m.before, m.by, m.approver, m.reason) for m in history] == [
        ("promoted", "1", None, "li", "wang", "第一个模型"),
        ("promoted", "2", "1", "zhao", "wang", "retrained"),
        ("rolled back", "1", "2", "chen", "", "too strict"),
    ]
    assert [m.at for m in history] == sorted(m.at for m in history)


def test_a_long_reason_is_cut_to_the_length_of_a_tag(open_registry: Open, register: Register) -> None:
    registry = of(open_registry, register, "long reason")
    assert len(registry.promote("1", by="li", approver="wang", reason="x" * 9_000).reason) == LONGEST_WORDS
    assert registry.history()[0].reason == "x" * LONGEST_WORDS


def moves(*changes: tuple[str, str]) -> list[Move]:
    return [Move("2024-07-26T00:00:00Z", what, version, None, "li", "wang", "") for what, version in changes]


@pytest.mark.parametrize(
    ("changes", "current"),
    [
        ([], []),
        ([("promoted", "1"), ("promoted", "2")], ["1", "2"]),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "1")], ["1"]),
        ([("promoted", "1"), ("promoted", "2"), ("rolled back", "1"), ("promoted", "3")], ["1", "3"]),
        ([("promoted", "1"), ("promoted", "2"), ("promoted", "1")], ["1", "2", "1"]),
    ],
)
def test_current_versions_are_those_not_rolled_back(changes: list[tuple[str, str]], current: list[str]) -> None:
    assert current_versions(moves(*changes)) == current
