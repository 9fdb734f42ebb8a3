"""Dataset to model to numbers: templates, pretraining, supervised fine-tuning, evaluation. Imports only schemas."""

import os

# Read once, when torch loads its OpenMP: waiting threads spin briefly instead of for milliseconds. As fast on a free
# machine; on a busy one (2 cores, one other process) 2 threads took 180 ms a step with it, 250 to 1350 ms without.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
