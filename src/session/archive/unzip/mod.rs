//! Opens archives into a folder. There is no session, but its promises hold here, too: nothing appears under a
//! final name before it is verified, nothing is written outside of the folder, and nothing is replaced without
//! permission.

mod expansion;
mod hidden;
mod notices;
mod options;
mod unpack;
mod unzipping;
mod verify;
mod workers;

pub use hidden::{check_archive, hides_names};
pub use options::UnzipOptions;
pub use unpack::{unpack, unzip};
pub use verify::verify;
