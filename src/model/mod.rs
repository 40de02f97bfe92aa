//! Floor 0: plain values, without I/O, keys or threads.
