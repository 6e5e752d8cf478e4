"""A wrong policy file is refused with its name, the key, what was expected and what was found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from linerisk.errors import PolicyError
from linerisk.policy import load_policies

FILE = "shenzhen-2024-07-b.toml"
HALL_STEPS = 'steps = ["business_hall_real_person", "guangdong_residence_code"]'


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("verify_within_hours = 24", 'verify_within_hours = "24"', "clocks.verify_within_hours"),
        ("cool_down_days = 30", "cool_down_days = 0", "clocks.cool_down_days"),
        ("cool_down_days = 30", "", "clocks.cool_down_days"),
        ("[clocks]", "[clocks]\nhurry = true", "clocks.hurry"),
        ("in_force_from = 2024-07-26", 'in_force_from = "soon"', "in_force_from"),
        ("Asia/Shanghai", "Asia/Atlantis", "time_zone"),
        ('"110", ', "", "always_open"),
        ('scope = "country"', 'scope = "city"', "halls.ground"),
        ('kind = "none"', 'kind = "verify"', "tiers.normal"),
        ('steps = ["online_real_person"]', "steps = []", "tiers.medium_low"),
        (HALL_STEPS, HALL_STEPS.replace("guangdong_residence_code", "business_hall_real_person"), "tiers.medium_high"),
        (HALL_STEPS, HALL_STEPS.replace("]", ', "employment_proof"]'), "steps"),
        ('materials = ["guangdong_residence_code"]', 'materials = ["identity_document"]', "materials"),
        ("[tiers.extremely_high]", "[tiers.highest]", "tiers.highest.[key]"),
        ("{deadline}", "tonight", "wording.notice.zh"),
        ("{case}", "{case", "wording.notice.zh"),
        ("带{materials}", "带证件", "wording.sms.zh"),
        ("原因：", "原因为以下之一：", "wording.notice.zh"),
        (". Reason: ", ". One of these reasons: ", "wording.notice.en"),
        ('short = { zh = "粤居码", en = "Yueju code" }', "", "steps.guangdong_residence_code.short"),
        ("stale = {", "# stale = {", "wording.held"),
        ('[tiers.normal]\nzh = "正常"\nen = "normal"\nkind = "none"\nsteps = []\n', "", "tiers"),
        ("stale = {", "late = {", "wording.held.late.[key]"),
    ],
)
def test_the_error_names_a_wrong_key(change: Callable[[str, str, str], Path], old: str, new: str, key: str) -> None:
    folder = change(FILE, old, new)
    with pytest.raises(PolicyError, match=FILE) as error:
        load_policies(folder)
    assert error.value.field == key
    assert error.value.expected
    assert error.value.found


def test_a_material_without_an_alternative_is_refused(change: Callable[[str, str, str], Path]) -> None:
    old = "[[materials.sim_card.alternatives]]"
    with pytest.raises(PolicyError) as error:
        load_policies(change(FILE, old, "[materials.sim_card.spare]"))
    assert error.value.field is not None
    assert error.value.field.startswith("materials.sim_card")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('id = "shenzhen-2024-07-b"', 'id = "shenzhen-2024-07-a"', "id"),
        ("in_force_from = 2024-07-26", "in_force_from = 2024-07-01", "in_force_from"),
    ],
)
def test_two_policies_never_share_an_id_or_a_first_day(
    change: Callable[[str, str, str], Path], old: str, new: str, key: str
) -> None:
    with pytest.raises(PolicyError, match=r"as in shenzhen-2024-07-a\.toml") as error:
        load_policies(change(FILE, old, new))
    assert error.value.field == key


def test_a_file_that_is_not_toml_is_refused(folder: Path) -> None:
    (folder / "torn.toml").write_text("id = ", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"torn\.toml cannot be read"):
        load_policies(folder)


def test_a_folder_without_a_policy_is_refused(folder: Path) -> None:
    for file in folder.glob("shenzhen*"):
        file.unlink()
    with pytest.raises(PolicyError, match="there is no policy"):
        load_policies(folder)


def test_a_new_policy_needs_only_a_new_file(folder: Path) -> None:
    text = (folder / FILE).read_text(encoding="utf-8")
    text = text.replace('id = "shenzhen-2024-07-b"', 'id = "shenzhen-2027-01"')
    text = text.replace("in_force_from = 2024-07-26", "in_force_from = 2027-01-01")
    (folder / "0-next.toml").write_text(text, encoding="utf-8")
    assert [policy.id for policy in load_policies(folder)] == [
        "shenzhen-2024-07-a",
        "shenzhen-2024-07-b",
        "shenzhen-2027-01",
    ]
