"""Not the library: only the exception that the interop suite's tests name."""
