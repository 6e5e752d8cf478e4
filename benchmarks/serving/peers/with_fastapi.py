"""FastAPI as in its manual, once with `def`, which runs on a thread, and once with `async def`."""

from fastapi import FastAPI
from shapes import Decision, ScoreAnswer, ScoreRequest
from work import Work

app = FastAPI()
work = Work()


@app.get("/health")
def health() -> str:
    """Health check."""
    return "ok"


@app.post("/score")
def score(request: ScoreRequest) -> ScoreAnswer:
    """Score lines on a thread."""
    return _answer(request)


@app.post("/async/score")
async def score_async(request: ScoreRequest) -> ScoreAnswer:
    """Score lines on the event loop."""
    return _answer(request)


def _answer(request: ScoreRequest) -> ScoreAnswer:
    scored = work([line.line_id for line in request.lines])
    decisions = [Decision(line_id=line, probability=probability, tier=tier) for line, probability, tier in scored]
    return ScoreAnswer(request_id=request.request_id, decisions=decisions)
