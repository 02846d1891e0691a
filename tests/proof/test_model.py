from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from proof.model.machine import Machine

def test_m():
    run_state_machine_as_test(Machine, settings=settings(max_examples=6, stateful_step_count=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)))
    print(Machine.steps, Machine.faults, sorted(Machine.statuses.items()))
