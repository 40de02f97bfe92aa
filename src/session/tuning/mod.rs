//! How a transfer adapts to the line and the processor while it runs: two loops and a limit.
//!
//! Both loops measure in windows ([`window`]): how many bytes a second were moved, and for which share of their
//! time the threads were blocked in a write, because then the line is the limit.
//!
//! | | `compression` | `stream_count` |
//! | --- | --- | --- |
//! | decides | the level of the next part | how many streams take parts |
//! | by | measuring how long threads wait: they have time for more work | doubling the streams, and comparing |
//! | counts | bytes of contents, at the sender | bytes on the wire, at the dialler |
//! | a window | 150 ms and two parts of each stream | six round trips, 0.25 to 2 s |
//! | a step that does not pay | is taken back and rests ([`hill_climb`]) | the new streams rest |
//!
//! They differ because their steps do. A level takes effect with the next part, costs little to try, and its cost
//! is known in advance. So the compression loop computes which level fits into the idle time, and goes there at
//! once. A stream takes round trips to begin, disturbs the others, and its gain is not known in advance. So the
//! stream loop can only try, wait and compare. They meet in one place: the streams that may soon be opened limit
//! the level, since all compressors share the memory of the transfer.
//!
//! `stream_pool` opens streams or lets them in, and runs each side's work on them. `rate_limit` keeps a sender to
//! the rate that its user set; time that threads wait there does not count for the loops.
//!
//! Each constant says whether it was measured, or chosen and then confirmed by the benchmark.

pub(crate) mod compression;
pub(crate) mod hill_climb;
pub(crate) mod rate_limit;
pub(crate) mod stream_count;
pub(crate) mod stream_pool;
pub(crate) mod window;
