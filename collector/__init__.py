"""The collector: what runs beside the accelerators and writes down what they do."""
