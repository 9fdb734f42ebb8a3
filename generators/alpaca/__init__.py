"""The Alpaca step: a large model turns passages into drafts of pairs, by tasks, planned by coverage."""
