//! Zip archives: `zip` and `pack` make them, `unzip` opens them.

pub(crate) mod pack;
pub(crate) mod unzip;
pub(crate) mod zip;
