"""The one engine of every call to a language model: journal, budget, pace, retries, dialects, batches."""
