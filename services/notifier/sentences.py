"""What notices and duties are called, in the reader's language (``messages.toml``)."""

from runtime.web.messages import Lang, Messages
from services.notifier.queries import NoticeView

WITH_NOTHING = {
    "deadline.remind": ("left", 0, "notice.deadline.remind.today"),
    "deadline.yellow": ("left", 0, "notice.deadline.yellow.today"),
    "reveals.sealed": ("missing", [], "notice.reveals.sealed.nobody"),
    "target.replaced": ("instead", None, "notice.target.replaced.by_none"),
    "target.replaced.lead": ("instead", None, "notice.target.replaced.by_none"),
}
"""Notice → its fact that may be nothing, that nothing, and the sentence that then says it better."""


def duty_name(messages: Messages, kind: str, lang: Lang) -> str:
    """Name a kind of duty."""
    return messages.of(f"duty.{kind}").says(lang)


def sentence(messages: Messages, notice: NoticeView, lang: Lang) -> str:
    """Say a notice in one sentence."""
    facts = dict(notice.facts)
    if "duty" in facts:
        facts["duty"] = duty_name(messages, str(facts["duty"]), lang)
    return messages.of(_code(notice), facts).says(lang)


def _code(notice: NoticeView) -> str:
    name, nothing, code = WITH_NOTHING.get(notice.code, ("", None, ""))
    return code if name and notice.facts.get(name) == nothing else f"notice.{notice.code}"
