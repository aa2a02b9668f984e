"""Files in: mapping files, readers, row checks, and the rows that count after replacement."""
