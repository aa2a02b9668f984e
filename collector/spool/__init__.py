"""What the agent tells, kept on disk until an inbox has it: an open log, sealed segments, and a bound on both."""
