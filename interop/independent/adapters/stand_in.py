"""A pytest plugin: the suite's tests find these clients under the names of the suite's own."""

import inbox  # noqa: F401
import scheme  # noqa: F401
import walkie  # noqa: F401
