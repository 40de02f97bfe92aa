//! The part of HTTP/1.1 (RFC 9112) that a browser on this machine needs: one request a connection.

pub(super) mod request;
pub(super) mod response;
mod timed;
