"""From a charge back to the rows of the files and the samples that it was made of."""
