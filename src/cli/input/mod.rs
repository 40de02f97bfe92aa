//! What a person or a file says: questions at the terminal, secrets and passwords.

pub(crate) mod code_source;
pub(crate) mod credentials;
pub(crate) mod private_file;
pub(crate) mod questions;
pub(crate) mod secrets_file;
pub(crate) mod terminal;
