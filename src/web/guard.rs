//! Decides which requests are allowed, by the page's own address and the token.

use crate::cli::error::CliError;
use crate::crypto::{Secret, random_bytes};
use crate::web::http::request::Request;
use crate::web::http::response::Status;
use std::net::SocketAddr;

/// Length of the token: 128 random bits.
const TOKEN_BYTES: usize = 16;

/// The page's address and token.
pub(super) struct Guard {
    /// The Host as browsers write it: without the default port of HTTP.
    host: String,
    token: Secret,
}

/// The default port of HTTP.
const HTTP_PORT: u16 = 80;

impl Guard {
    /// Makes a token, and the page's complete address. The token is in its fragment, which browsers never send.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(super) fn new(address: SocketAddr) -> Result<(Guard, String), CliError> {
        let bytes: [u8; TOKEN_BYTES] = random_bytes()?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let host = match address {
            SocketAddr::V4(address) if address.port() == HTTP_PORT => address.ip().to_string(),
            SocketAddr::V6(address) if address.port() == HTTP_PORT => format!("[{}]", address.ip()),
            address => address.to_string(),
        };
        let url = format!("http://{host}/#{token}");
        let secret = Secret::from_text(token).map_err(|_| CliError::Bug)?;
        let guard = Guard {
            host,
            token: secret,
        };
        Ok((guard, url))
    }

    /// Checks a request for anything. A page of another site may have a host name that resolves to this machine
    /// (DNS rebinding), but then its Host is another one.
    pub(super) fn admit(&self, request: &Request) -> Result<(), Status> {
        if request.header("host") != Some(self.host.as_bytes()) {
            return Err(Status::Misdirected);
        }
        let own = format!("http://{}", self.host);
        match request.header("origin") {
            Some(origin) if origin == own.as_bytes() => Ok(()),
            // Browsers send the origin with every post.
            None if request.method == "GET" && !request.has("origin") => Ok(()),
            _ => Err(Status::Forbidden),
        }
    }

    /// Checks a request for anything but the page's files. Browsers say which site a request comes from, and send
    /// no `Authorization` for another site.
    pub(super) fn admit_to_api(&self, request: &Request) -> Result<(), Status> {
        let site = request.header("sec-fetch-site");
        if site.is_some_and(|site| site != b"same-origin") {
            return Err(Status::Forbidden);
        }
        let given = request.header("authorization");
        let given = given.and_then(|text| text.strip_prefix(b"Bearer "));
        let given = given.and_then(|text| Secret::from_text(text).ok());
        match given.is_some_and(|given| given.is(&self.token)) {
            true => Ok(()),
            false => Err(Status::Unauthorized),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_leave_the_usual_port_out() {
        let cases = [
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::1]:8080", "[::1]:8080"),
        ];
        for (address, host) in cases {
            let (guard, url) = Guard::new(address.parse().unwrap()).unwrap();
            assert!(url.starts_with(&format!("http://{host}/#")), "{url}");
            let request = |host: &str| {
                let head =
                    format!("POST / HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\r\n");
                Request::parse(head.as_bytes()).unwrap().unwrap()
            };
            assert_eq!(guard.admit(&request(host)), Ok(()), "{address}");
            let other = guard.admit(&request("127.0.0.1:81"));
            assert_eq!(other, Err(Status::Misdirected), "{address}");
        }
    }
}
