"""Tokens: displayed once, stored as hashes, revoked at once."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from linerisk import as_of
from linerisk.errors import StoreError, UsageError
from linerisk.web.token_store import Role, TokenStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "tokens.json"


@pytest.fixture
def store(path: Path) -> TokenStore:
    return TokenStore(path)


def test_a_new_token_verifies_with_its_name_and_role(store: TokenStore) -> None:
    token = store.verify(store.create("suspension", Role.SCORER))
    assert token is not None
    assert (token.name, token.role) == ("suspension", Role.SCORER)


def test_there_is_no_token_by_default(store: TokenStore) -> None:
    assert store.tokens() == ()
    for guess in ("", "admin", "linerisk", "lr_"):
        assert store.verify(guess) is None


def test_the_secret_is_not_stored_and_only_the_owner_may_read_the_file(store: TokenStore, path: Path) -> None:
    secret = store.create("suspension", Role.SCORER)
    assert secret not in path.read_text()
    assert secret.removeprefix("lr_") not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secrets_are_long_and_never_the_same(store: TokenStore) -> None:
    secrets = {store.create(f"t{i}", Role.LEAD) for i in range(20)}
    assert len(secrets) == 20
    assert min(map(len, secrets)) >= 43


def test_a_revoked_token_is_refused_by_a_store_opened_before(store: TokenStore, path: Path) -> None:
    secret = store.create("suspension", Role.SCORER)
    elsewhere = TokenStore(path)
    assert elsewhere.verify(secret) is not None
    revoked = store.revoke("suspension")
    assert elsewhere.verify(secret) is None
    assert store.revoke("suspension").revoked_at == revoked.revoked_at


def test_revoking_one_token_keeps_the_others_valid(store: TokenStore) -> None:
    secrets = {name: store.create(name, Role.AUDITOR) for name in ("one", "two", "three")}
    store.revoke("two")
    assert [name for name, secret in secrets.items() if store.verify(secret)] == ["one", "three"]


def test_a_token_expires(store: TokenStore) -> None:
    assert store.verify(store.create("late", Role.LEAD, expires_at=as_of.now() - timedelta(seconds=1))) is None
    assert store.verify(store.create("early", Role.LEAD, expires_at=as_of.now() + timedelta(minutes=1))) is not None


def test_the_name_of_a_revoked_token_cannot_be_used_again(store: TokenStore) -> None:
    store.create("suspension", Role.SCORER)
    store.revoke("suspension")
    with pytest.raises(UsageError, match="already"):
        store.create("suspension", Role.SCORER)


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "x" * 65, "a\nb", "中"])
def test_an_invalid_name_is_refused(store: TokenStore, name: str) -> None:
    with pytest.raises(UsageError) as refusal:
        store.create(name, Role.SCORER)
    assert refusal.value.field == "name"


def test_an_unknown_token_cannot_be_revoked(store: TokenStore) -> None:
    with pytest.raises(UsageError, match="no token named ghost"):
        store.revoke("ghost")


def test_a_damaged_token_file_verifies_no_token(store: TokenStore, path: Path) -> None:
    secret = store.create("suspension", Role.SCORER)
    path.write_text("{")
    with pytest.raises(StoreError):
        store.verify(secret)


def test_without_the_token_file_no_token_is_valid(store: TokenStore, path: Path) -> None:
    secret = store.create("suspension", Role.SCORER)
    path.unlink()
    assert store.verify(secret) is None
