"""The pages: filters, questions, pieces. A page sums nothing that a question has not summed."""
