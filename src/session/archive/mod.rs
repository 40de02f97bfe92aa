//! Zip archives for people: made by `zip` and `pack`, opened by `unzip`.

pub(crate) mod pack;
pub(crate) mod unzip;
pub(crate) mod zip;
