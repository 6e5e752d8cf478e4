"""Every rule has a description."""

import pytest

from linerisk.records.contract import TABLES, TableName
from linerisk.tables.rules import allowed, describe_rule, rules_of
from linerisk.tables.validation import _SCHEMAS, _contract_rule_name

IMPLIED = {"peer_area|min", "peer_area|max", "visited_area|min", "visited_area|max", "home_area|min", "home_area|max"}
"""A value that breaks these breaks the rule `area_code` first."""


@pytest.mark.parametrize("table", TABLES)
def test_every_rule_of_the_schema_is_listed(table: TableName) -> None:
    schema = _SCHEMAS[table]
    rules = {_contract_rule_name(rule) for rule in schema._validation_rules(with_cast=False)}
    assert rules - {"row|required", "received_at|required"} - IMPLIED <= rules_of(table).keys()


def test_a_rule_is_described_in_a_sentence() -> None:
    assert describe_rule("call_records", "duration_s|min") == "duration_s is 0 or more"


def test_allowed_values_are_listed_for_codes_only() -> None:
    columns = {column.name: column for column in TABLES["accounts"]}
    assert allowed("accounts", columns["plan_kind"]) == ("prepaid", "postpaid", "enterprise", "iot")
    assert allowed("accounts", columns["home_area"]) is None
