"""Not the library: `packb` for tests of the suite, by u-msgpack-python."""

from vpcodec import pack

packb = pack
