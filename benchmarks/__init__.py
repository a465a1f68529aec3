"""How fast `fit` is beside its peers and the floor of its arithmetic: `python -m benchmarks`.

Not part of the tests: times differ from machine to machine, so only ratios within one run count.
"""
