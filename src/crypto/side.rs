//! Which end of a connection a peer is.

/// One of a session's two ends. Which side dials does not depend on which side sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The peer that opened the connection; CPace's initiator.
    Dialler,
    /// The peer that accepted it; CPace's responder.
    Listener,
}

impl Side {
    /// The side across the connection.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Dialler => Side::Listener,
            Side::Listener => Side::Dialler,
        }
    }
}
