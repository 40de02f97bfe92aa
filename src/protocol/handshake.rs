//! The handshake as typestates: each step consumes the state before it, so no step can be skipped or repeated.
//!
//! ```text
//! dialler                                             listener
//!
//! DiallerWaitsForHello::start ------ Hello ---------> ListenerStart
//!   |                                                   | on_hello
//!   |                                                   v
//!   |                                                 ListenerHeardHello
//!   |                                                   | answer
//!   | on_hello <-------------------- Hello -----------  |
//!   v                                                   v
//! DiallerUnproven -- Confirm, first sealed message -> ListenerUnproven
//!   |                                                   | on_confirm
//!   | on_confirm <---------- Confirm, its answer -----  |
//!   v                                                   v
//! SessionKeys                                         SessionKeys
//!
//! DiallerJoins::start -------------- Join ----------> JoinRequest::parse
//!   | on_join <--------------------- Join -----------   | accept
//!   v                                                   v
//! a further stream of the session                     the same
//! ```
//!
//! Instead of its Hello, Confirm or Join a listener may send a Refuse and hang up.

mod dialler;
mod error;
mod hello;
mod join;
mod listener;
mod refusal;
mod role;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
mod version;

pub use dialler::{DiallerUnproven, DiallerWaitsForHello};
pub use error::HandshakeError;
pub use hello::DiallerName;
pub use join::{DiallerJoins, JoinRequest};
pub use listener::{ListenerStart, ListenerUnproven};
pub use role::{DiallerRole, Role};
