//! What a sender is told before it starts.

use crate::disk::Links;
use crate::session::options::Level;
use crate::session::send::payload::Payload;
use std::path::PathBuf;

/// What to send and how.
pub struct SendOptions {
    /// What to send.
    pub payload: Payload,
    /// Names and paths to leave out: `*`, `?`, `[abc]`, `**`.
    pub exclude: Vec<String>,
    /// What becomes of symbolic links inside the paths.
    pub links: Links,
    /// Connections side by side, 1 to 64; `None`: by the machine and the size. Contents that are read
    /// while they are sent take one.
    pub streams: Option<u16>,
    /// Compression.
    pub level: Level,
    /// Bytes a second at most, over all streams and receivers together; `None`: as fast as it goes.
    pub rate_limit: Option<u64>,
    /// Whether persons compare the verification phrase before anything is sent.
    pub verify: bool,
}

impl SendOptions {
    /// Sends `paths` in the usual way.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        SendOptions::of(Payload::Paths(paths))
    }

    /// Sends `payload` in the usual way.
    pub fn of(payload: Payload) -> Self {
        SendOptions {
            payload,
            exclude: Vec::new(),
            links: Links::Keep,
            streams: None,
            level: Level::Auto,
            rate_limit: None,
            verify: false,
        }
    }
}
