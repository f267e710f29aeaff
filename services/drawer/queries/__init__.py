"""Read models for pages, API and the record, by subject."""
