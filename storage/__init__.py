"""Tables, query functions and migrations; imports nothing above it but errors."""
