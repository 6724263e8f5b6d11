"""Task types, one file each."""
