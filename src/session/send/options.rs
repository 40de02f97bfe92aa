//! The options of a sender.

use crate::disk::Links;
use crate::session::options::Level;
use crate::session::send::payload::Payload;
use std::path::PathBuf;

/// What to send and how.
///
/// ```
/// use peerbridge::SendOptions;
///
/// let mut options = SendOptions::new(vec!["photos".into(), "notes.txt".into()]);
/// options.exclude = vec!["*.tmp".into(), "cache/**".into()];
/// options.rate_limit = Some(2_000_000);
/// ```
#[non_exhaustive]
pub struct SendOptions {
    /// What to send.
    pub payload: Payload,
    /// Patterns of names and paths to leave out. `*`, `?`, `[abc]` and `**` are special.
    pub exclude: Vec<String>,
    /// Which symbolic links below the paths are carried.
    pub links: Links,
    /// Number of connections, 1 to 64. `None` starts with a few and opens more while they make the
    /// transfer faster. A [`Payload::Stream`] or [`Payload::Archive`] always takes one.
    pub streams: Option<u16>,
    /// How hard to compress.
    pub level: Level,
    /// The most bytes a second over the network, for all streams and receivers together. `None` sets no limit.
    pub rate_limit: Option<u64>,
    /// Show a phrase on both sides, and send nothing before both people have confirmed that it is the same.
    pub verify: bool,
    /// Compare the contents of files of the same size and time, instead of assuming that they are the same.
    pub checksum: bool,
}

impl SendOptions {
    /// Sends files and folders with the default options. A path that ends in `/.` sends what the folder
    /// holds, without the folder itself.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        SendOptions::of(Payload::Paths(paths))
    }

    /// Sends `payload` with the default options: as many streams as help, automatic compression, and links that
    /// stay inside.
    pub fn of(payload: Payload) -> Self {
        SendOptions {
            payload,
            exclude: Vec::new(),
            links: Links::Inside,
            streams: None,
            level: Level::Auto,
            rate_limit: None,
            verify: false,
            checksum: false,
        }
    }
}
