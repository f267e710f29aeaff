"""The newest events of a log of any length, in pages: as much is held as was asked for."""

from collections import deque
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from runtime.events.bus import EventBus, Record
from runtime.log.trace import trace_id
from schemas.envelope import CloudEvent

PAGE = 200  # records read at once
Reached = dict[tuple[str, int], int]


def newest(bus: EventBus, topics: Sequence[str], last: int, reached: Reached) -> Iterator[Record]:
    """
    Yield the newest *last* records of all *topics*, oldest first; *reached* then names what comes next.

    They lie among the last so many of each partition, so nothing before those is even read.
    """
    reached.update({place: max(0, head - last) for place, head in bus.heads(topics).items()})
    found: deque[Record] = deque(maxlen=last)
    found.extend(onwards(bus, topics, reached))
    while found:
        yield found.popleft()


def onwards(bus: EventBus, topics: Sequence[str], reached: Reached) -> Iterator[Record]:
    """Yield everything from *reached* up to now, in the order of its appending, and move *reached* along."""
    while records := bus.read(topics, reached, PAGE):
        for record in records:
            reached[record.topic, record.part] = record.off + 1
            yield record


def belongs(body: bytes, trace: str) -> bool:
    """Tell whether an event came of the request whose *trace* is given: its id, or its whole traceparent."""
    try:
        event = CloudEvent.model_validate_json(body)
    except ValidationError:
        return False
    return event.traceparent is not None and trace_id(event.traceparent) == (trace_id(trace) or trace)
