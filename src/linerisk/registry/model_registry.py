"""History of promotions and rollbacks, kept on the registered model as one tag per move."""

from __future__ import annotations

from collections.abc import Sequence

from linerisk.as_of import iso, now
from linerisk.errors import RegistryError
from linerisk.registry.runs import NOTE, description_of_first_version
from linerisk.registry.store import ABSENT, CHAMPION, Versions
from linerisk.registry.tracking import MlflowException, quiet
from linerisk.registry.versions import (
    PROMOTED,
    ROLLED_BACK,
    Move,
    Version,
    check_gates,
    current_versions,
    in_one_line,
    is_another_person,
    shortened,
)

_MOVE = "move-"
_STANDING, _NO_LONGER = "standing", "**No longer champion"


class Registry(Versions):
    """The versions of one model and their history."""

    def history(self) -> tuple[Move, ...]:
        """What was live when, oldest first."""
        try:
            with quiet():
                tags = self.client.get_registered_model(self.name).tags
        except MlflowException as error:
            if error.error_code in ABSENT:
                return ()
            raise
        return tuple(Move.from_text(tags[key]) for key in sorted(tags) if key.startswith(_MOVE))

    def promote(
        self,
        version: str,
        *,
        by: str,
        approver: str,
        reason: str = "",
        override: Sequence[str] = (),
        expires_at: str | None = None,
    ) -> Move:
        """Make a version champion, approved by a second person.

        Args:
            version: The version.
            by: Who asks.
            approver: The second person.
            reason: Why; a sentence at least where a gate is overridden.
            override: Codes of the failed gates to override: all of them, by name.
            expires_at: When its evidence is used up, UTC ISO 8601.

        Raises:
            RegistryError: Unknown version, already champion, gates not passed or answered against another champion than
                that of now, or the approver trained or asked for it.
        """
        chosen, current = self.version(version), self.alias(CHAMPION)
        champion = None if current is None else current.version
        if champion == chosen.version:
            raise RegistryError(
                f"version {champion} is champion already",
                expected="a version that is not",
                found=champion,
                todo="nothing: it is live; or name another version of `linerisk models`",
            )
        check_gates(chosen, champion=champion, override=override, reason=reason)
        if not is_another_person(approver, (chosen.trained_by, by)):
            raise RegistryError(
                "a second person must approve",
                expected=f"somebody other than {chosen.trained_by}" + (f" and {by}" if by != chosen.trained_by else ""),
                found=approver or "nobody",
                todo="ask a colleague to approve",
            )
        move = self._move(
            PROMOTED, chosen, by=by, approver=approver, reason=reason, override=override, expires_at=expires_at
        )
        self._tag_version(move)
        self._tag_current_versions(move)
        return move

    def rollback(self, *, by: str, reason: str) -> Move:
        """Make the version before champion again; needs no second person, because it must not wait.

        A version that was rolled back is not gone back to: the next rollback goes further back. Its evidence is as old
        as it was: it expires when it would have.

        Raises:
            RegistryError: Nothing was live before.
        """
        current = self.champion()
        history = self.history()
        current_ones = current_versions(history)
        if len(current_ones) < 2:  # noqa: PLR2004 - the champion and one before
            raise RegistryError(
                "there is no version to go back to",
                expected="a version that was champion before",
                found=f"only version {current.version} is left",
                todo="train a version and promote it: linerisk promote VERSION --approver NAME",
            )
        back = current_ones[-2]
        promoted = next(move for move in reversed(history) if move.what == PROMOTED and move.version == back)
        move = self._move(
            ROLLED_BACK,
            self.version(back),
            by=by,
            approver="",
            reason=reason,
            override=promoted.overridden,
            expires_at=promoted.expires_at,
        )
        self._tag_current_versions(move)
        return move

    def _move(
        self,
        what: str,
        version: Version,
        *,
        by: str,
        approver: str,
        reason: str,
        override: Sequence[str],
        expires_at: str | None,
    ) -> Move:
        current = self.alias(CHAMPION)
        before = current.version if current else None
        move = Move(
            at=iso(now()),
            what=what,
            version=version.version,
            before=before,
            by=shortened(by),
            approver=shortened(approver),
            reason=shortened(reason),
            overridden=tuple(override),
            expires_at=expires_at,
        )
        key = f"{_MOVE}{len(self.history()) + 1:06}"
        with quiet():
            self.client.set_registered_model_tag(self.name, key, move.as_text())
            self.client.set_registered_model_alias(self.name, CHAMPION, version.version)
        return move

    def _tag_version(self, move: Move) -> None:
        """Tag the version with who promoted it, why, and its expiry date."""
        text = {"promoted_at": move.at, "promoted_by": move.by, "approved_by": move.approver, "reason": move.reason}
        text |= {"overridden": ", ".join(move.overridden), "expires_at": move.expires_at or ""}
        with quiet():
            for key, words in text.items():
                self.client.set_model_version_tag(self.name, move.version, key, words)
        if move.overridden:
            override = (
                f"**Overridden: {', '.join(move.overridden)}.** {in_one_line(move.reason)} "
                f"(asked by {move.by}, approved by {move.approver}, {move.at[:10]})"
            )
            self._describe_first_version(move.version, "**Overridden: ", override)

    def _tag_current_versions(self, move: Move) -> None:
        """Tag the former champion and the new one."""
        again = " again" if move.what == ROLLED_BACK else ""
        with quiet():
            self.client.set_model_version_tag(self.name, move.version, _STANDING, f"champion{again} since {move.at}")
        self._describe_first_version(move.version, _NO_LONGER, "")
        if move.before is None or move.before == move.version:
            return
        why = f"version {move.version} was promoted"
        if move.what == ROLLED_BACK:
            why = f"rolled back to version {move.version} by {move.by}: {in_one_line(move.reason)}"
        with quiet():
            self.client.set_model_version_tag(
                self.name, move.before, _STANDING, f"no longer champion since {move.at}: {why}"
            )
        self._describe_first_version(
            move.before, _NO_LONGER, f"{_NO_LONGER} since {move.at[:16].replace('T', ' ')} UTC:** {why}"
        )

    def _describe_first_version(self, version: str, beginning: str, words: str) -> None:
        """Put a paragraph first on the pages of a version and its run, replacing one with the same beginning."""
        kept = self.get(version)
        with quiet():
            run = self.client.get_run(kept.run_id)
            self.client.update_model_version(
                self.name, version, description=description_of_first_version(kept.description or "", beginning, words)
            )
            self.client.set_tag(
                kept.run_id, NOTE, description_of_first_version(run.data.tags.get(NOTE, ""), beginning, words)
            )
