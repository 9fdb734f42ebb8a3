"""What should be known about a set of documents before any money is spent on it."""
