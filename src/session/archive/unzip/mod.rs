//! Opens archives into a folder. That is no session, but keeps all its promises: nothing under a final name
//! before it is verified, nothing outside of the folder, nothing replaced without leave.

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
