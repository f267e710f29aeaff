"""The drawer as a service: a real database, real keys, the whole ceremony."""
