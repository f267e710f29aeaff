"""Over a whole campaign: every event has the trace of what it came of, and a notice that of the request it goes back to."""

from collections import Counter

import pytest

from runtime.log.trace import trace_id
from schemas.envelope import CloudEvent
from tests.scenario.playing import Played, records_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("county"), pytest.mark.timeout(600)]


def test_one_trace_leads_from_each_request_to_every_notice_of_it(undisturbed: Played) -> None:
    events = {
        event.id: event for event in (CloudEvent.model_validate_json(one.body) for one in records_of(undisturbed.home))
    }
    traces = {event.id: trace_id(event.traceparent or "") for event in events.values()}
    causes = [(event.id, event.causationid) for event in events.values() if event.causationid is not None]
    notices = [event for event in events.values() if event.type == "onevisit.notice.delivered.v1"]
    asked = {traces[event.id] for event in events.values() if event.causationid is None}

    assert None not in traces.values()
    assert [one for one, cause in causes if traces[one] != traces[cause]] == []
    assert notices
    assert {traces[event.id] for event in notices} <= asked
    longest = Counter(traces.values()).most_common(1)[0][1]
    print(f"{len(events)} events in {len(asked)} traces, up to {longest} in one, {len(notices)} notices")
