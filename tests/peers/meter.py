"""What every side of the engine's benchmark shares: its arguments, its clock, and the line that it prints.

Only the calls are measured: after the imports and after WARM_UP requests, in CPU seconds of the process with the children
that it has waited for. A reply counts as answered when it is JSON with items.
"""

import argparse
import json
import resource
from pathlib import Path

WARM_UP = 64


def arguments():
    """Return the port of the server, the number of requests, the file of their bodies and the folder that may be written to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--concurrency", type=int, required=True)
    parser.add_argument("--bodies", help="JSON lines: the bodies of the warm-up, then those of the requests")
    parser.add_argument("--folder", required=True)
    return parser.parse_known_args()[0]


def bodies(given):
    """Return the bodies of the warm-up and those to measure."""
    with Path(given.bodies).open(encoding="utf-8") as lines:
        read = [json.loads(next(lines)) for _ in range(WARM_UP + given.requests)]
    return read[:WARM_UP], read[WARM_UP:]


def cpu_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def has_items(text):
    """Whether the text of a reply is what was asked for."""
    try:
        return bool(json.loads(text)["items"])
    except (ValueError, KeyError, TypeError):
        return False


def report(given, *, cpu, answered):
    """Print the figures of this side."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"requests": given.requests, "cpu_seconds": cpu, "answered": answered, "peak_megabytes": peak}), flush=True)
