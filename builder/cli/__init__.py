"""The command line: one file per group of commands, each thin; heavy imports live inside the command that needs them."""
