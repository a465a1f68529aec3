"""Where the seconds of `fit` go: by operation, beside what the arithmetic alone would take."""

from torch.profiler import ProfilerActivity, profile

from benchmarks.ours import prepare
from benchmarks.workloads import Workload


def measure(workload: Workload, precision: str = "float32", most: int = 10) -> dict[str, float]:
    """Seconds an epoch by operation, the slowest first; all the others as "the rest".

    The profiler slows every operation down, and what Python does between two is in none of them:
    the shares tell more than the seconds.
    """
    epoch = prepare(workload, precision, False)
    epoch()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        epoch()
    spent = {e.key: e.self_cpu_time_total / 1e6 for e in seen.key_averages()}
    slowest = sorted(spent, key=spent.__getitem__, reverse=True)[:most]
    found = {name: round(spent[name], 3) for name in slowest}
    return found | {"the rest": round(sum(spent.values()) - sum(found.values()), 3)}


def lines(found: dict[str, float], floor: float) -> str:
    """A line an operation: its seconds, and how many times the floor of the whole epoch it is."""
    table = [f"{'where fit, float32, spends its time':44}{'s/epoch':>9}{'x floor32':>10}"]
    for name, seconds in found.items():
        table.append(f"{name[:42]:44}{seconds:9.2f}{seconds / floor:10.2f}")
    return "\n".join(table)
