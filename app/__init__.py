"""The dashboard over the views of `sql/`."""
