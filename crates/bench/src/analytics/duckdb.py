"""Answers the questions of the benchmark in DuckDB, over the same appeals in memory with two threads.

Told the file with the appeals, it says `ready`. Then every line on stdin is the number of a question and for how many
seconds to ask it: the answer is one line of JSON, with the milliseconds of each run and the rows of the last one.
"""

import json
import sys
import time

import duckdb

QUESTIONS = [
    "SELECT year(filed), count(*) FROM appeals GROUP BY ALL ORDER BY ALL",
    "SELECT year(filed), institution, outcome, count(*) FROM appeals GROUP BY ALL ORDER BY ALL",
    "SELECT year(filed), institution, quantile_cont(answered - filed, 0.5), quantile_cont(answered - filed, 0.9)"
    " FROM appeals WHERE answered IS NOT NULL GROUP BY ALL ORDER BY ALL",
]


def main():
    database = duckdb.connect(config={"threads": 2})
    columns = "{'filed': 'DATE', 'answered': 'DATE', 'institution': 'VARCHAR', 'outcome': 'VARCHAR'}"
    database.execute(f"CREATE TABLE appeals AS SELECT * FROM read_csv(?, header = false, columns = {columns})", sys.argv[1:])
    print("ready", flush=True)
    for line in sys.stdin:
        number, seconds = line.split()
        until, taken, rows = time.perf_counter() + float(seconds), [], []
        while not taken or time.perf_counter() < until:
            begun = time.perf_counter()
            rows = database.execute(QUESTIONS[int(number)]).fetchall()
            taken.append((time.perf_counter() - begun) * 1e3)
        print(json.dumps({"taken_ms": taken, "rows": rows}), flush=True)


main()
