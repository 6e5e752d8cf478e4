"""Why something cannot be shown, in the language of the visitor.

Errors speak English, with all their facts. In another language their kind says what is wrong and who can mend it.
"""

from __future__ import annotations

import re
from typing import Final

from linerisk.console.translations import WORDS, translator
from linerisk.errors import LineriskError
from linerisk.model.risk_model import ARTEFACT_FILES
from linerisk.suspension.local_time import Language

_NUMBER: Final = re.compile(r"\d+")
_CLAUSES: Final = {words["en"]: key for key, words in WORDS.items() if key.startswith("wrong_")}
"""Keys of words by what a walk along a chain says in English, its numbers left out."""


def problem_text(error: LineriskError, language: Language) -> str:
    """An error as one paragraph."""
    if language == "en":
        return error.paragraph()
    translate, key = translator(language), f"problem_{error.code}"
    files = "、".join(name for name in ARTEFACT_FILES if name in f"{error.wrong} {error.found}")
    if files and key == "problem_artefact":
        return translate("problem_artefact_file").format(files)
    return translate(key if key in WORDS else "problem_other")


def clause_text(what: str, language: Language) -> str:
    """What a walk along a chain found wrong, as one clause; of one that has no words here the English."""
    key = _CLAUSES.get(_NUMBER.sub("{}", what))
    return what if key is None else translator(language)(key).format(*_NUMBER.findall(what))
