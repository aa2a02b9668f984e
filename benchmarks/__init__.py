"""What is claimed about speed, as commands that print ratios against a named peer in the same run."""
