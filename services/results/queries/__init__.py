"""Read models for pages, API and parts, by subject."""
