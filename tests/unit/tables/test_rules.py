"""Every rule has a sentence."""

import pytest

from linerisk.records.contract import TABLES, TableName
from linerisk.tables.rules import allowed, rules_of, sentence
from linerisk.tables.validation import _LAWS, _as_in_source

IMPLIED = {"peer_area|min", "peer_area|max", "visited_area|min", "visited_area|max", "home_area|min", "home_area|max"}
"""Whatever breaks these has no six digits, and cannot be read in the first place."""


@pytest.mark.parametrize("table", TABLES)
def test_every_rule_of_the_schema_is_listed(table: TableName) -> None:
    law = _LAWS[table]
    said = {_as_in_source(rule) for rule in law._validation_rules(with_cast=False)}
    assert said - {"row|required", "received_at|required"} - IMPLIED <= rules_of(table).keys()


def test_a_rule_is_said_in_a_sentence() -> None:
    assert sentence("call_records", "duration_s|min") == "duration_s is 0 or more"


def test_words_are_listed_where_there_are_few() -> None:
    columns = {column.name: column for column in TABLES["accounts"]}
    assert allowed("accounts", columns["plan_kind"]) == ("prepaid", "postpaid", "enterprise", "iot")
    assert allowed("accounts", columns["home_area"]) is None
