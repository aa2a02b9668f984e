"""What leaves the store: rows, statements, exports."""
