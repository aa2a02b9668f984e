"""The pure core: typed frames in, typed frames out. No clock, no environment, no disk, no network."""
