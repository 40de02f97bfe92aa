//! What a transfer finds out about the line and the processor while it runs.
//!
//! `compression` chooses the level of each part, `stream_count` decides how many streams are worth their
//! cost, and `stream_pool` opens them. Both judge by the same `window` of measurements. `rate_limit` holds a
//! sender to the rate that its user set.

pub(crate) mod compression;
pub(crate) mod rate_limit;
pub(crate) mod stream_count;
pub(crate) mod stream_pool;
pub(crate) mod window;
