"""Parts of a page as HTML: pure functions of values to text. Whatever comes from the data is escaped here."""
