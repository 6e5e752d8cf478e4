"""No file names a package registry, a machine path, or an e-mail address."""

import re

import pytest

# Written in parts, so that this file does not name them either.
HOSTS = ["".join(parts) for parts in (
    ("py", "pi.org"), ("python", "hosted.org"), ("npm", "js.org"), ("npm", "js.com"), ("ana", "conda.org"),
    ("crates", ".io"), ("ruby", "gems.org"), ("hugging", "face.co"), ("proxy.", "golang.org"), ("quay", ".io"),
    ("ghcr", ".io"), ("docker", ".io"), ("maven", ".org"), ("js", "delivr.net"), ("unpkg", ".com"),
)]  # fmt: skip
REGISTRY = re.compile("|".join(re.escape(host) for host in HOSTS) + "|--(?:extra-)?" + "index-url|--find" + "-links")
MACHINE_PATH = re.compile(r"(?<![\w.}~/-])/(?:work|tmp|root|home|Users|mnt|private)/\w|\b[A-Z]:\\\\?\w|file:///[a-z]")
EMAIL = re.compile(r"(?<![\w.+%/-])[\w.+%-]+@[A-Za-z][\w-]*(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")


def _hits(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}"
        for name, text in texts.items()
        for hit in pattern.finditer(text)
    ]


def test_no_file_names_a_package_registry(texts: dict[str, str]) -> None:
    assert _hits(REGISTRY, texts) == []


def test_no_file_names_a_path_of_a_machine(texts: dict[str, str]) -> None:
    assert _hits(MACHINE_PATH, texts) == []


def test_no_file_names_an_address_of_a_person(texts: dict[str, str]) -> None:
    assert _hits(EMAIL, texts) == []


def test_every_file_of_the_tree_is_checked(texts: dict[str, str]) -> None:
    assert {"README.md", "requirements.lock", "pyproject.toml", ".ci/run", "src/linerisk/errors.py"} <= set(texts)
    assert not [name for name in texts if name.startswith((".venv", ".git/", "var/"))]


@pytest.mark.parametrize("host", HOSTS)
def test_a_package_registry_is_detected(host: str) -> None:
    assert _hits(REGISTRY, {"x": f"see https://{host}/simple"})


@pytest.mark.parametrize("path", ["/" + "work/main", "/" + "tmp/x", "/" + "home/me/x", "C:" + "\\Users"])
def test_a_machine_path_is_detected(path: str) -> None:
    assert _hits(MACHINE_PATH, {"x": f"open {path}"})


@pytest.mark.parametrize(
    "path", ["var/tmp/x", "home/live/current.json", "settings.home / 'demo'", "/v1/score", "~/home/x"]
)
def test_a_project_path_is_not_a_machine_path(path: str) -> None:
    assert _hits(MACHINE_PATH, {"x": f"open {path}"}) == []


def test_an_email_address_is_detected_and_a_decorator_is_not() -> None:
    assert _hits(EMAIL, {"x": "write to some.body" + "@" + "example.com"})
    for text in ("@pytest.fixture", "@app.command()", "[A-Za-z0-9._@-]", "name @ https"):
        assert _hits(EMAIL, {"x": text}) == []
