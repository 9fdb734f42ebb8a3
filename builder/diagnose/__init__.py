"""What is weak in the tuned model: its failures and their causes, what it knows, and training pairs that may be wrong."""
