"""What is decided here, without knowing of databases, clocks or the network."""
