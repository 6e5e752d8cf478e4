"""Any Float32 feature matrix comes back from the record with the same bits; so does any finite double."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from linerisk.decisions.ids import decision_ids
from linerisk.decisions.record import DecisionRecord, RecordedAction, RecordedModel
from linerisk.decisions.recorded_features import RecordedFeatures, frozen_features, matrix_row

NOTHING = RecordedFeatures(columns="", values="")
AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
NAMES = [f"f{i}" for i in range(8)]
DOUBLES = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


def record_of(features: RecordedFeatures, *, margin: float = 0.0) -> DecisionRecord:
    return DecisionRecord(
        decision_id=decision_ids(AS_OF, 1)[0],
        request_id="r",
        line_id="l",
        as_of=AS_OF,
        scored_at=AS_OF,
        status="fresh",
        margin=margin,
        probability=0.5,
        probability_low=0.5,
        probability_high=0.5,
        tier="normal",
        action=RecordedAction(kind="none", policy="p"),
        reasons=(),
        base=0.0,
        calibration=0.0,
        contributions={},
        model=RecordedModel(name="m", version="1", fingerprint="f"),
        features_from="table",
        features=features,
        scored_by="t",
    )


@given(arrays(np.float32, (1, len(NAMES)), elements=st.floats(width=32, allow_infinity=False)))
def test_float32_features_come_back_with_the_same_bits(rows: npt.NDArray[np.float32]) -> None:
    [features] = frozen_features(NAMES, rows)
    back = matrix_row(DecisionRecord.from_json(record_of(features).to_json()).features, NAMES)
    known = ~np.isnan(rows)
    assert np.array_equal(np.isnan(back), ~known)
    assert back[known].tobytes() == rows[known].tobytes()


@given(DOUBLES)
def test_doubles_come_back_with_the_same_bits(margin: float) -> None:
    back = DecisionRecord.from_json(record_of(NOTHING, margin=margin).to_json()).margin
    assert np.float64(back).tobytes() == np.float64(margin).tobytes()


@given(st.dictionaries(st.text(max_size=5), DOUBLES), st.text(max_size=5))
def test_the_bytes_of_a_record_read_back_are_the_same_bytes(parts: dict[str, float], line: str) -> None:
    encoded = msgspec.structs.replace(record_of(NOTHING), line_id=line, contributions=parts).to_json()
    assert DecisionRecord.from_json(encoded).to_json() == encoded
