"""The review page: a person's eye on the pairs, their decisions as an append-only log, and what follows from them."""
