"""Replay of a decision that nobody knows says where to look."""

from pathlib import Path

import pytest

from linerisk.decisions.log import DecisionLog
from linerisk.errors import DecisionLogError
from linerisk.settings import Settings
from linerisk.workflows.replay import replay_decision


def test_a_decision_that_is_not_in_the_log_is_refused_with_where_ids_come_from(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    DecisionLog(settings.decision_log_url).close()
    with pytest.raises(DecisionLogError) as refused:
        replay_decision(settings, "01K0ABCDEFGHJKMNPQRSTVWXYZ")
    assert refused.value.expected == "the decision_id of an answer of the service of this home"
    assert refused.value.found == "01K0ABCDEFGHJKMNPQRSTVWXYZ"
    assert str(refused.value.todo).startswith("check the id, and --home")
