//! The options of `web`.

use crate::session::Discovery;
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `web`, interpreted.
#[derive(Debug)]
pub(crate) struct WebOptions {
    /// The page's port; 0 for a free one.
    pub(crate) port: u16,
    /// Where transfers listen.
    pub(crate) transfer_port: u16,
    pub(crate) opens_browser: bool,
    /// Where the page saves received files, unless it chooses another folder.
    pub(crate) folder: PathBuf,
    /// Ends after this long without a page.
    pub(crate) idle: Duration,
    pub(crate) discovery: Discovery,
}
