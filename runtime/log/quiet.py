"""Loggers that say the same thing thousands of times a minute while a broker is away, made to say it now and then."""

import logging
import time

EVERY_SECONDS = 10.0
NOISY = (
    "aiokafka",
    "aiokafka.client",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
    "faust.transport.consumer",
    "faust.transport.drivers.aiokafka",
)


class NowAndThen(logging.Filter):
    """Passes a message once in ten seconds, however its values differ, and then says how often it was held back."""

    def __init__(self, seconds: float = EVERY_SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        self._said: dict[tuple[str, int, str], float] = {}
        self._held: dict[tuple[str, int, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether *record* is written."""
        what = (record.name, record.levelno, str(record.msg))
        now = time.monotonic()
        if now - self._said.get(what, -self._seconds) < self._seconds:
            self._held[what] = self._held.get(what, 0) + 1
            return False
        self._said[what] = now
        held = self._held.pop(what, 0)
        if held:
            record.msg = f"{record.msg} (and {held} more)"
        return True


def quieten() -> None:
    """Put the filter on every noisy logger, once. A logger's filter does not reach its children, so each is named."""
    for name in NOISY:
        logger = logging.getLogger(name)
        if not any(isinstance(one, NowAndThen) for one in logger.filters):
            logger.addFilter(NowAndThen())
