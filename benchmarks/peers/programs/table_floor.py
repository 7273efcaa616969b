"""A table and a graph in one process: the least that predicting for a file of CSV takes. Prints the seconds of each time.

    python table_floor.py TABLE GRAPH TIMES

The reader is the standard library's, the graph is run once over all rows, with as many threads as the runtime likes. Nothing is
checked, and no result is written. The interpreter's start and opening the graph are not counted.
"""

import csv
import io
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime


def main():
    table, graph, times = sys.argv[1:]
    session = onnxruntime.InferenceSession(graph)
    (port,) = session.get_inputs()
    kind = np.float32 if "float" in port.type else np.float64
    data = Path(table).read_bytes()
    took = []
    for _ in range(int(times)):
        began = time.perf_counter()
        reader = csv.reader(io.StringIO(data.decode()))
        next(reader)
        rows = np.array(list(reader), kind)
        session.run(None, {port.name: rows})
        took.append(time.perf_counter() - began)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
