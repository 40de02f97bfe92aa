//! The command line: the table of options, the parser, and what numbers and addresses mean.

pub(crate) mod address;
pub(crate) mod args;
pub(crate) mod choices;
pub(crate) mod connect;
pub(crate) mod flags;
pub(crate) mod numbers;
pub(crate) mod verbs;
#[cfg(feature = "web")]
pub(crate) mod web;
mod wildcards;
pub(crate) mod words;
