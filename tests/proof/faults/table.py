"""Every experiment: the tests that are its part in the ordinary run, and where the rest runs."""

from __future__ import annotations

from proof.faults import (
    clocks,
    conflicts,
    exhausted,
    full_disk,
    hanging_up,
    killed,
    log_lines,
    malformed,
    postgres,
    races,
    redis_lost,
    rotations,
    sqlite_writers,
)
from proof.faults.experiment import Experiment

_SQLITE = ("sqlite+memory/1", "sqlite+memory/4")
_POSTGRESQL = ("postgresql+memory/1", "postgresql+redis/4")
_SERVERS = ("sqlite+memory/1", "sqlite+memory/4", "postgresql+memory/1", "postgresql+redis/4")
_DATABASES = ("sqlite+memory/1", "postgresql+memory/1")
_IN_PROCESS = ("sqlite+memory/1", "postgresql+memory/1", "postgresql+redis/1")

EXPERIMENTS = (
    Experiment(
        number=1,
        title="kill -9 during registration",
        tests=(
            "journeys/test_killed.py",
            "accounts/test_db.py::test_a_killed_process_leaves_every_acknowledged_account_and_no_half_one",
        ),
        run=killed.run,
        cells=_SERVERS,
    ),
    Experiment(
        number=4,
        title="PostgreSQL stops and starts",
        tests=(
            "accounts/test_mixed_load.py::test_connections_that_the_server_drops_give_503_and_the_service_recovers",
            "accounts/test_db.py::test_connections_that_the_server_dropped_while_idle_are_replaced_unseen",
            "accounts/test_db.py::test_a_connection_dropped_in_a_transaction_makes_us_unavailable_and_then_well_again",
            "accounts/test_db.py::test_a_commit_that_the_server_never_confirmed_is_no_success",
        ),
        run=postgres.restarts,
        cells=_POSTGRESQL,
        short=("postgresql+memory/1",),
    ),
    Experiment(
        number=5,
        title="PostgreSQL hangs, is slow, has no connection left",
        tests=(
            "proof/test_counter_faults.py::test_accounts_and_counters_in_one_database_that_goes_away_answer_503_at_worst",
            "proof/test_counter_faults.py::test_sql_counters_fail_and_sign_in_stays_limited_and_all_is_well_again",
            "accounts/test_db.py::test_a_statement_that_takes_too_long_makes_us_unavailable",
            "accounts/test_db.py::test_more_callers_than_connections_wait_their_turn",
        ),
        run=postgres.hangs,
        cells=_POSTGRESQL,
        short=("postgresql+memory/1",),
    ),
    Experiment(
        number=6,
        title="serialisation failures and deadlocks",
        tests=("accounts/test_mixed_load.py::test_many_callers_of_everything_at_once_meet_no_error",),
        run=conflicts.run,
        cells=("postgresql+memory/1", "postgresql+redis/1"),
        short=("postgresql+memory/1",),
    ),
    Experiment(
        number=7,
        title="Redis is gone, hangs, is full, forgets, fails over",
        tests=(
            "proof/test_counter_faults.py::test_redis_fails_and_sign_in_stays_limited_and_all_is_well_again",
            "proof/test_counter_faults.py::test_a_flushed_redis_counts_anew_and_is_no_outage",
            "journeys/test_cells.py::test_redis_dies_and_sign_in_stays_limited_over_all_workers",
        ),
        run=redis_lost.run,
        cells=("postgresql+redis/1", "postgresql+redis/4"),
        short=("postgresql+redis/1",),
    ),
    Experiment(
        number=8,
        title="clocks jump and differ",
        tests=(
            "stores/test_store_promises.py::test_a_clock_set_wrong_and_right_again_blocks_no_longer_than_the_period",
            "stores/test_store_sql.py::test_both_clocks_agree_to_within_a_minute",
            "controls/test_tokens_verify.py",
        ),
        run=clocks.run,
        cells=_IN_PROCESS,
        short=("sqlite+memory/1",),
    ),
    Experiment(
        number=10,
        title="one refresh token at once",
        tests=("accounts/test_races.py",),
        run=races.refreshes,
        cells=_DATABASES,
        short=("postgresql+memory/1",),
    ),
    Experiment(
        number=12,
        title="codes, links, factors and challenges at once",
        tests=(
            "accounts/test_confirm_device.py",
            "accounts/test_own_data.py",
            "accounts/test_second_factor.py::test_fifty_at_once_with_one_code_make_one_session",
        ),
        run=races.once,
        cells=_DATABASES,
        short=("postgresql+memory/1",),
    ),
    Experiment(
        number=14,
        title="two e-mail changes at once",
        tests=("accounts/test_change_email.py",),
        run=races.addresses,
        cells=_DATABASES,
        short=("postgresql+memory/1",),
    ),
    Experiment(
        number=16,
        title="spoofed forwarding headers",
        tests=(
            "journeys/test_cells.py::test_exactly_the_limit_passes_and_no_header_gets_more",
            "controls/test_proxies.py",
            "proof/advisories/test_flaws_of_limits.py",
        ),
    ),
    Experiment(
        number=20,
        title="the event loop while passwords are hashed",
        tests=("controls/test_passwords_pool.py",),
        run=exhausted.hashing,
        cells=_SQLITE,
        short=("sqlite+memory/1",),
    ),
    Experiment(
        number=21,
        title="bodies, heads and fields that are too large",
        tests=(
            "controls/test_body.py",
            "controls/test_oddities.py",
            "proof/test_corpora.py::test_what_exhausts_is_refused",
            "proof/advisories/test_flaws_of_http.py",
        ),
        run=exhausted.sizes,
        cells=_SQLITE,
        short=("sqlite+memory/1",),
    ),
    Experiment(
        number=22,
        title="slow clients",
        tests=(
            "cli/test_protocol.py",
            "proof/advisories/test_flaws_of_servers.py",
            "proof/test_websocket_attacks.py",
        ),
        run=exhausted.slow_clients,
        cells=_SQLITE,
    ),
    Experiment(
        number=23,
        title="compressed and malformed bodies",
        tests=(
            "proof/test_corpora.py",
            "accounts/test_hostile_input.py",
            "controls/test_uploads_content.py",
            "proof/test_fuzz.py",
        ),
        run=malformed.run,
        cells=_SQLITE,
        short=("sqlite+memory/1",),
    ),
    Experiment(
        number=24,
        title="log injection and secrets in the log",
        tests=(
            "controls/test_security_events.py",
            "proof/advisories/test_flaws_of_keeping.py",
            "accounts/test_hostile_input.py::test_no_password_token_or_code_reaches_a_log_or_an_event",
        ),
        run=log_lines.run,
        cells=_SERVERS,
        short=("sqlite+memory/1",),
    ),
    Experiment(
        number=25,
        title="SQLite: writers, a long reader and a backup",
        tests=(
            "accounts/test_db.py::test_a_writer_of_another_process_that_keeps_the_lock_makes_us_unavailable_not_broken",
            "stores/test_store_sql.py::test_a_write_of_another_connection_is_awaited_and_is_no_error",
        ),
        run=sqlite_writers.run,
        cells=_SQLITE,
        short=("sqlite+memory/4",),
    ),
    Experiment(
        number=26,
        title="no disk, no descriptor",
        tests=("accounts/test_db.py::test_a_file_that_cannot_be_opened_makes_us_unavailable",),
        run=full_disk.run,
        cells=_SQLITE,
        short=("sqlite+memory/1",),
    ),
    Experiment(
        number=28,
        title="key rotation under load",
        tests=(
            "journeys/test_cells.py::test_rotated_keys_reach_all_workers_within_a_second_and_old_tokens_stay_good",
            "cli/test_cli_accounts.py::test_a_new_key_signs_only_when_no_verifier_can_hold_the_older_list",
        ),
        run=rotations.run,
        cells=("sqlite+memory/4", "postgresql+memory/4", "postgresql+redis/4"),
    ),
    Experiment(
        number=33,
        title="callers hang up at every wait",
        tests=(
            "accounts/test_db.py::test_a_client_that_goes_away_leaves_all_or_nothing_and_no_connection_behind",
            "stores/test_store_redis.py::test_no_answer_goes_to_another_caller_when_callers_give_up",
            "proof/advisories/test_flaws_of_sessions.py",
        ),
        run=hanging_up.run,
        cells=_IN_PROCESS,
        short=("sqlite+memory/1", "postgresql+redis/1"),
    ),
)
"""Of the plan in the order of its numbers."""
