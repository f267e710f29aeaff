"""Read models of the planner, by subject: plain views for pages and API, as far as the asker may see."""
