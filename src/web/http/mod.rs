//! HTTP/1.1 (RFC 9112), as much as a browser of this machine needs: one request a connection.

pub(super) mod request;
pub(super) mod response;
mod timed;
