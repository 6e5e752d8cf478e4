"""What a holder is told when a measure is asked for, and what stands behind the decision for who examines it.

Everything is made from the frozen decision and the policy that it names: what is told later is what was decided then.
"""

from linerisk.suspension.errors import NoticeError
from linerisk.suspension.evidence import Evidence, gather
from linerisk.suspension.evidence_page import evidence_page
from linerisk.suspension.local_time import LANGUAGES, Language
from linerisk.suspension.notice import case_number, make_notice
from linerisk.suspension.page import notice_page
from linerisk.suspension.shapes import Notice
from linerisk.suspension.sms import Sms, text_message

__all__ = [
    "LANGUAGES",
    "Evidence",
    "Language",
    "Notice",
    "NoticeError",
    "Sms",
    "case_number",
    "evidence_page",
    "gather",
    "make_notice",
    "notice_page",
    "text_message",
]
