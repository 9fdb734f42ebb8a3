"""Near copies among instructions by one side, in a process of its own; a JSON line of what it took and found.

    python tests/peers/near_side.py SIDE FILE COUNT

FILE holds an instruction a line; the first COUNT count. CPU seconds begin after it is read and the side is imported; ours has
been called once before with a few. Kept lists are those of Alpaca's filter, first come first kept, at a ROUGE-L F of 0.7;
`digest` is the hash of a kept list.
"""

import hashlib
import json
import random
import re
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

THRESHOLD = 0.7
SAMPLED = 4_000
WARM_UP = 100


def megabytes():
    """What the process holds at most so far; Linux's own figure for this program, as getrusage counts what started it too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+)", status.read_text(encoding="ascii"))
    return int(kilobytes) / 1024


def ours(texts):
    from builder.curation.greedy import copies
    from builder.rouge import alpaca_words

    copies([alpaca_words(text) for text in texts[:WARM_UP]], THRESHOLD)
    yield
    gone = copies((alpaca_words(text) for text in texts), THRESHOLD)
    yield kept_of(place for place in range(len(texts)) if place not in gone)


def pairs(texts):
    """All near pairs, for the sides that find pairs."""
    from builder.rouge import alpaca_words, near_pairs

    near_pairs([alpaca_words(text) for text in texts[:WARM_UP]], THRESHOLD)
    yield
    yield {"pairs": near_pairs([alpaca_words(text) for text in texts], THRESHOLD).tolist()}


def alpaca(texts):
    """The loop of generate_instruction.py, in one process: its Pool of 16, made anew for every candidate, would cost more."""
    from rouge_score import rouge_scorer

    tokenizer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)._tokenizer
    yield
    kept, tokens = [], []
    for place, text in enumerate(texts):
        mine = tokenizer.tokenize(text)
        scores = [rouge_scorer._score_lcs(mine, other).fmeasure for other in tokens]
        if max(scores, default=0) > THRESHOLD:
            continue
        kept.append(place)
        tokens.append(mine)
    yield kept_of(kept)


def alpaca_pair(texts):
    """The cost of one comparison of Alpaca's filter, over random pairs of the texts."""
    from rouge_score import rouge_scorer

    draw = random.Random(0)
    tokens = [re.findall(r"[a-z0-9]+", text.lower()) for text in texts]
    sample = [(draw.choice(tokens), draw.choice(tokens)) for _ in range(SAMPLED)]
    yield
    for one, other in sample:
        rouge_scorer._score_lcs(one, other)
    yield {"compared": SAMPLED}


def datasketch(texts):
    """MinHash over words, 32 bands of 4: what it takes to find nearly all of the near pairs; nothing is verified."""
    from datasketch import MinHash, MinHashLSH  # pyright: ignore[reportMissingImports] - in its own environment

    yield
    bags = [sorted({word.encode() for word in re.findall(r"[a-z0-9]+", text.lower())}) for text in texts]
    index, found = MinHashLSH(num_perm=128, params=(32, 4)), []
    for place, sketch in enumerate(MinHash.bulk(bags, num_perm=128)):
        found += [(other, place) for other in index.query(sketch)]
        index.insert(place, sketch)
    yield {"pairs": found}


def kept_of(places):
    """What a filter that keeps these says."""
    kept = list(places)
    return {"kept": len(kept), "digest": hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:16], "places": kept}


def main():
    side, path, count = sys.argv[1:]
    with Path(path).open(encoding="utf-8") as lines:
        texts = [line.rstrip("\n") for line, _ in zip(lines, range(int(count)), strict=False)]
    work = {each.__name__: each for each in (ours, pairs, alpaca, alpaca_pair, datasketch)}[side](texts)
    next(work)
    before, started = megabytes(), time.process_time()
    made = next(work)
    print(json.dumps({"cpu_seconds": time.process_time() - started, "megabytes": megabytes() - before} | (made or {})))


if __name__ == "__main__":
    main()
