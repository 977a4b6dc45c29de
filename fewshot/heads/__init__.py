"""Every head, a file a method."""
