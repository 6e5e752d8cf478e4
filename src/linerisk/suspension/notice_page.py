"""The notice as an HTML page for the holder: no script, no external resource, for phone and paper."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from linerisk.policy import Policy
from linerisk.suspension.local_time import Language
from linerisk.suspension.notice_model import Notice

_PAGES = Environment(
    loader=PackageLoader("linerisk.suspension", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_LABELS: Final[dict[Language, dict[str, str]]] = {
    "zh": {
        "html": "zh-CN",
        "title": "号码核验通知",
        "about": "关于您尾号{}的号码",
        "seen": "看到了什么",
        "no_blame": "号码使用情况异常，存在被他人冒用的可能。请核验是否为您本人使用；本通知不是对您本人的认定。",
        "until": "请在此之前完成",
        "todo": "请您办理",
        "online": "在线办理",
        "hall": "办理地点：",
        "materials": "需要准备",
        "otherwise_title": "如未完成",
        "otherwise": "将于{}暂停呼出。核验通过后立即恢复。",
        "open": "以下号码始终可以拨打：",
        "object": "如有异议",
        "without": "也可以：",
        "answered": "目标{}小时内答复，最迟{}天。",
        "case": "编号",
        "rules": "依据规则：",
        "decided": "决定编号：",
        "nothing": "无需办理",
    },
    "en": {
        "html": "en",
        "title": "Please confirm the use of your number",
        "about": "About your number ending in {}",
        "seen": "What was seen",
        "no_blame": "The use of the number is unusual; somebody else may be using it. Please confirm that it is yours. "
        "This notice says nothing about you as a person.",
        "until": "Please finish before",
        "todo": "What to do",
        "online": "online",
        "hall": "where: ",
        "materials": "What to have ready",
        "otherwise_title": "If it is not done",
        "otherwise": "Outgoing calls stop at {}. They work again at once when you have verified.",
        "open": "These numbers can always be called:",
        "object": "If you object",
        "without": "Or:",
        "answered": "We aim to answer within {} hours, and answer within {} days at the latest.",
        "case": "Case",
        "rules": "Rules: ",
        "decided": "Decision: ",
        "nothing": "Nothing to do",
    },
}


def notice_page(notice: Notice, policy: Policy) -> bytes:
    """Render the page, in UTF-8.

    Args:
        notice: The notice.
        policy: The policy that it was made under.
    """
    return render_page(
        "notice.html.j2",
        "notice.css",
        notice=notice,
        rules=getattr(policy.title, notice.language),
        labels=_LABELS[notice.language],
    )


def render_page(template: str, style: str, **values: Any) -> bytes:
    """Render a template with its style inlined and a content security policy that allows nothing else."""
    css = _PAGES.get_template(style).render().strip()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    page = _PAGES.get_template(template).render(
        style=Markup(css),  # noqa: S704  # our own file
        content_policy=f"default-src 'none'; style-src 'sha256-{digest}'",
        **values,
    )
    return page.encode()
