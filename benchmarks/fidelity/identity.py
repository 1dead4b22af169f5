from benchmarks.fidelity.outcome import Outcome
def identity(bench, subjects, tags): return Outcome()
