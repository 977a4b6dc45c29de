"""The command line. Heavy libraries are imported inside the commands, never at the top."""
