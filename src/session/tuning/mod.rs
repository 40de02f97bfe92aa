//! How a transfer adapts to the line and the processor while it runs: two loops and a limit.
//!
//! Both loops measure in windows ([`window`]): how many bytes a second moved, and which share of their time
//! the threads were blocked in a write, which is how the line shows.
//!
//! | | `compression` | `stream_count` |
//! | --- | --- | --- |
//! | decides | the level of the next part | how many streams take parts |
//! | by | threads that wait have time for more work | doubling the streams, and comparing |
//! | counts | bytes of contents, at the sender | bytes on the wire, at the dialler |
//! | a window | 150 ms and two parts of each stream | six round trips, 0.25 to 2 s |
//! | a step that does not pay | is taken back and rests ([`hill_climb`]) | the new streams rest |
//!
//! They differ because their steps do. A level takes effect with the next part, costs little to try, and its
//! price is known beforehand, so the compression loop computes how far up the idle time reaches and climbs
//! there at once. A stream takes round trips to begin, disturbs the others, and nobody knows beforehand what it
//! brings, so the stream loop can only try, wait and compare. They meet in one place: the streams that may soon
//! be opened limit the level, since all compressors share the memory of the transfer.
//!
//! `stream_pool` opens the streams and lets them in, and runs both sides' work on them. `rate_limit` holds a
//! sender to the rate that its user set; time spent there is no reason for more streams.
//!
//! Beside each constant stands whether it was measured, or chosen and then confirmed by the benchmark.

pub(crate) mod compression;
pub(crate) mod hill_climb;
pub(crate) mod rate_limit;
pub(crate) mod stream_count;
pub(crate) mod stream_pool;
pub(crate) mod window;
