"""Every case of the suite runs on every platform, or stands here by name with the reason why it has no meaning on the others."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from tests.conformance.platforms import DISTRIBUTED, PLATFORMS, Platform

HERE = Path(__file__).parent
EMBEDDED = [platform for platform in PLATFORMS if platform not in DISTRIBUTED]

ON_THE_EMBEDDED_LOG_ONLY = {
    "test_killed_at_a_failpoint_the_restarted_system_ends_in_the_same_state": (
        "The same kills, at every point in turn, are test_killed_at_every_failpoint_in_turn_the_system_ends_in_the_same_state:"
        " on Kafka a start takes seconds, so one home is killed at one point after the other."
    ),
}
ON_KAFKA_ONLY = {
    "test_killed_at_every_failpoint_in_turn_the_system_ends_in_the_same_state": "see the one above",
    "test_a_broker_killed_in_the_flow_costs_nothing_and_commands_go_on_without_it": "the embedded log has no broker",
    "test_two_workers_share_the_partitions_and_one_that_stays_away_loses_them_to_the_other": (
        "on the embedded log one process runs a service: there is no group"
    ),
    "test_a_second_worker_under_one_number_refuses_to_start_and_the_first_works_on": "numbers are of workers of a group",
    "test_a_worker_whose_number_is_lost_with_its_connection_takes_it_again_or_ends_if_another_has_it": "likewise",
    "test_a_killed_worker_is_at_work_again_under_its_ordinal_long_before_its_session_ends": "likewise",
    "test_a_database_that_is_away_is_waited_out_and_a_stop_meanwhile_loses_nothing": (
        "what a broker is told of batches not handled; on the embedded log the offset is in the database that is away:"
        " test_a_database_that_is_away_parks_nothing"
    ),
    "test_what_a_foreign_producer_writes_is_parked_while_the_healthy_flow": (
        "nobody but us writes to the embedded log; what stands there all the same:"
        " test_a_poison_event_is_parked_with_its_reason_while_the_flow_goes_on"
    ),
    "test_missing_topics_refuse_the_start_and_name_the_command": "a topic of the embedded log is there when it is written to",
    "test_with_no_broker_at_the_start_commands_succeed_and_what_they_say_stays": "the embedded log has no broker",
}
OF_THE_BUS = {  # no host takes part, and the database is one of the toys'
    "test_the_log_on_kafka_is_replayed_into_equal_projections": (
        "the bus as replay reads it; on every platform: test_replaying_from_the_beginning_gives_equal_projections_and_says_nothing"
    ),
    "test_foreign_tools_read_every_event_of_the_wire": "what is on the wire is the same, whoever consumes it",
}


def cases() -> dict[str, set[str]]:
    """Collect the suite: the parameters under which each of its cases runs."""
    command = [sys.executable, "-m", "pytest", str(HERE), "--collect-only", "-q", "-n", "0", "-p", "no:randomly"]
    said = subprocess.run([*command, "-p", "no:cacheprovider"], capture_output=True, text=True, check=True).stdout
    found: dict[str, set[str]] = defaultdict(set)
    for line in said.splitlines():
        if match := re.match(r"\S+/(?!test_everywhere)\w+\.py::(\w+)(?:\[(.*)\])?$", line):
            found[match[1]].add(match[2] or "")
    return found


def test_every_case_runs_on_all_four_platforms_or_says_why_not() -> None:
    everywhere = 0
    found = cases()
    for case, parameters in found.items():
        if case in OF_THE_BUS:
            continue
        wanted: list[Platform] = PLATFORMS
        if case in ON_KAFKA_ONLY:
            wanted = DISTRIBUTED
        elif case in ON_THE_EMBEDDED_LOG_ONLY:
            assert {part for parameter in parameters for part in parameter.split("-")} >= {
                platform.store for platform in EMBEDDED
            }, case
            continue
        else:
            everywhere += 1
        assert parameters == {str(platform) for platform in wanted}, case
    assert not {*ON_THE_EMBEDDED_LOG_ONLY, *ON_KAFKA_ONLY, *OF_THE_BUS} - {*found}, "named here, and gone"
    print(f"{everywhere} of {len(found)} cases on {', '.join(map(str, PLATFORMS))}; the others say why")
