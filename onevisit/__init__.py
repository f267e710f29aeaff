"""The composition root: puts the services, the runtime and one data folder together, and offers them on the command line."""
