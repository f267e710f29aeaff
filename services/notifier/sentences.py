"""What notices and duties are called, in the reader's language (``messages.toml``)."""

from runtime.web.messages import Lang, Messages
from services.notifier.queries import NoticeView


def duty_name(messages: Messages, kind: str, lang: Lang) -> str:
    """Name a kind of duty."""
    return messages.of(f"duty.{kind}").says(lang)


def sentence(messages: Messages, notice: NoticeView, lang: Lang) -> str:
    """Say a notice in one sentence."""
    facts = dict(notice.facts)
    if "duty" in facts:
        facts["duty"] = duty_name(messages, str(facts["duty"]), lang)
    return messages.of(f"notice.{notice.code}", facts).says(lang)
