"""Chunks to drafts: the extractive generator, and the LLM engine with its journal (the only network code)."""
