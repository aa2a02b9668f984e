"""A month as a page that a director reads, and pages behind it with all that makes its amounts."""
