"""BentoML as in its manual: `@bentoml.api` with pydantic types, default settings."""

import bentoml
from shapes import Decision, ScoreAnswer, ScoreRequest
from work import Work


@bentoml.service(workers=1)
class Scorer:
    """Scores lines."""

    def __init__(self) -> None:
        self.work = Work()

    @bentoml.api
    def score(self, request: ScoreRequest, /) -> ScoreAnswer:
        """Score lines."""
        scored = self.work([line.line_id for line in request.lines])
        decisions = [Decision(line_id=line, probability=probability, tier=tier) for line, probability, tier in scored]
        return ScoreAnswer(request_id=request.request_id, decisions=decisions)
