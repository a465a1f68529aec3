"""The source reports' experiments: rows (data) → run → results → table.

`rows` are the models with their published figures; `run` trains and scores them by way of
`training`, `scoring` and `checkpoints`; `record` keeps what was measured in
`book/results/<study>.json`, which `vaecourse.results` reads; `table` prints it.
"""
