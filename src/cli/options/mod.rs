//! What was typed, and what it means: the table of options, the parser, numbers and addresses.

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
