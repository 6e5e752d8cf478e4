"""Links between documents lead somewhere."""

import json
import re
from pathlib import Path

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def _anchor(heading: str) -> str:
    """As the usual Markdown pages make it."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _anchors(text: str) -> set[str]:
    code_free = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", code_free, flags=re.MULTILINE)}


def _broken(root: Path, name: str, text: str) -> list[str]:
    broken = []
    for target in LINK.findall(_without_code(text)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (root / name).parent / path if path else root / name
        if not file.resolve().is_relative_to(root) or not file.exists():
            broken.append(f"{name}: {target}")
        elif anchor and (file.suffix != ".md" or anchor not in _anchors(file.read_text(encoding="utf-8"))):
            broken.append(f"{name}: {target}: no such heading")
    return broken


def test_relative_links_of_documents_resolve(root: Path, documents: dict[str, str]) -> None:
    assert [link for name, text in documents.items() for link in _broken(root, name, text)] == []


def test_relative_links_of_notebooks_resolve(root: Path) -> None:
    broken = []
    for path in sorted(root.glob("notebooks/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        broken += _broken(root, str(path.relative_to(root)), text)
    assert broken == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# Where `state` lives\n", encoding="utf-8")
    text = "[a](there.md#where-state-lives) [b](there.md#elsewhere) [c](gone.md) [d](../out.md) `[e](code.md)`"
    assert _broken(tmp_path, "page.md", text) == [
        "page.md: there.md#elsewhere: no such heading",
        "page.md: gone.md",
        "page.md: ../out.md",
    ]
