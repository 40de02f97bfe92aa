//! Input from people and files: questions at the terminal, secrets and passwords.

pub(crate) mod code_source;
pub(crate) mod completion;
pub(crate) mod credentials;
pub(crate) mod editor;
pub(crate) mod percent;
pub(crate) mod private_file;
pub(crate) mod questions;
mod raw_terminal;
pub(crate) mod secrets_file;
pub(crate) mod terminal;
