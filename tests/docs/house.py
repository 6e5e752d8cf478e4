"""Draws docs/images/house.svg: the rooms in the layers of the import contract, and where the two wings meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

TEXTS = {
    "cli": "commands",
    "service": "/v1 API, BentoML, bounds",
    "workflows": "recipes: train, release, score",
    "console": "reviewers' pages",
    "web": "requests, errors, tokens, metrics",
    "batch": "tables in, scores out",
    "review": "disputes and lifts",
    "suspension": "notices, evidence",
    "decisions": "durable, hash-chained log",
    "explanation": "contributions, reasons",
    "evaluation": "metrics, gates, report",
    "scoring": "margin, probability, tier",
    "training": "slices, trees, calibration",
    "live": "live model and snapshot",
    "registry": "versions in MLflow",
    "policy": "dated rules: tier to action",
    "model": "the artefact: trees, calibration, cut points",
    "features": "170 features, one definition, three runners",
    "tables": "schemas, intake, record store",
    "records": "files of operators, simulator",
    "settings": "read once from the environment",
    "as_of": "the only clock",
    "errors": "wrong, expected, found, what to do",
}
"""What each room holds, in a few words."""
_COLOURS = {"serving": ("#dbeafe", "#1d4ed8"), "shared": ("#f3f4f6", "#6b7280"), "learning": ("#dcfce7", "#15803d")}
_LEFT, _WIDTH = {"serving": 20, "shared": 420, "learning": 700}, {"serving": 380, "shared": 260, "learning": 240}
_TOP, _ROW, _HEIGHT, _GAP = 64, 58, 42, 8
_TOTAL = 960
_FONT = "font-family='Helvetica, Arial, sans-serif'"


def house(layers: Sequence[Sequence[str]], wing_of: Callable[[str], str]) -> str:
    """The picture as SVG; a room may import only from rows below its own."""
    boxes = {room: place for depth, layer in enumerate(layers) for room, place in _row(layer, wing_of, depth)}
    height = _TOP + _ROW * len(layers) + 60
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_TOTAL} {height}' width='{_TOTAL}' height='{height}'>",
        f"<rect width='{_TOTAL}' height='{height}' fill='#ffffff'/>",
        *_heads(),
    ]
    for depth in range(len(layers)):
        y = _TOP + depth * _ROW - _GAP
        if depth % 2 == 0:
            parts.append(f"<rect x='8' y='{y}' width='{_TOTAL - 16}' height='{_ROW}' fill='#fafafa'/>")
    parts += _artefact(boxes)
    for room, (x, y, width) in boxes.items():
        fill, line = _COLOURS[wing_of(room)]
        parts += [
            f"<rect x='{x}' y='{y}' width='{width}' height='{_HEIGHT}' rx='6' fill='{fill}' stroke='{line}'/>",
            _text(x + width / 2, y + 17, room, size=14, weight="bold"),
            _text(x + width / 2, y + 33, TEXTS[room], size=11),
        ]
    foot = "A room imports only from rows below its own. The two wings never import each other."
    parts += [_text(_TOTAL / 2, height - 22, foot, size=13, fill="#374151"), "</svg>"]
    return "\n".join(parts) + "\n"


def _row(
    layer: Sequence[str], wing_of: Callable[[str], str], depth: int
) -> list[tuple[str, tuple[float, float, float]]]:
    placed = []
    for wing, column in _LEFT.items():
        own = [room for room in layer if wing_of(room) == wing]
        left, width = column, _WIDTH[wing]
        # A shared room that is alone on its row serves both wings: it spans the page.
        if wing == "shared" and len(own) == len(layer) == 1:
            left, width = _LEFT["serving"], _TOTAL - 2 * _LEFT["serving"]
        each = (width - _GAP * (len(own) - 1)) / max(1, len(own))
        placed += [(room, (left + at * (each + _GAP), _TOP + depth * _ROW, each)) for at, room in enumerate(own)]
    return placed


def _heads() -> list[str]:
    titles = {"serving": "serving wing: answers", "shared": "shared", "learning": "learning wing: makes models"}
    return [
        _text(_LEFT[wing] + _WIDTH[wing] / 2, 36, title, size=15, weight="bold", fill=_COLOURS[wing][1])
        for wing, title in titles.items()
    ]


def _artefact(boxes: dict[str, tuple[float, float, float]]) -> list[str]:
    """The way of the artefact from the registry to what is live, the only way from wing to wing."""
    (x, y, _), (to_x, to_y, to_width) = boxes["registry"], boxes["live"]
    end_x, end_y, corner = to_x + to_width + 4, to_y + _HEIGHT / 2, x - 10
    head = f"{end_x},{end_y} {end_x + 10},{end_y - 5} {end_x + 10},{end_y + 5}"
    line = f"M{x},{y + 10} H{corner} V{end_y} H{end_x + 10}"
    return [
        f"<path d='{line}' fill='none' stroke='#b45309' stroke-width='2.5'/>",
        f"<polygon points='{head}' fill='#b45309'/>",
        _text((corner + end_x) / 2, end_y - 8, "artefact: text and JSON", size=12, weight="bold", fill="#b45309"),
    ]


def _text(x: float, y: float, text: str, *, size: int, weight: str = "normal", fill: str = "#111827") -> str:
    return (
        f"<text x='{x:g}' y='{y:g}' text-anchor='middle' {_FONT} font-size='{size}' font-weight='{weight}' "
        f"fill='{fill}'>{escape(text)}</text>"
    )
