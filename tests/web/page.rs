//! `peerbridge web` for tests: its address, its token, and requests over raw sockets.

use crate::harness::{LIMIT, Run, Running, Scene, until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

/// A running `peerbridge web`.
pub struct Page {
    pub running: Running,
    /// The address to open, with the token.
    pub url: String,
    /// `127.0.0.1` and the port.
    pub host: String,
    pub token: String,
}

impl Page {
    /// Starts a page that saves into the folder `name` of the scene and finds peers on this machine.
    pub fn start(scene: &Scene, name: &str) -> Page {
        Page::start_as(scene, name, |run| run.arg("--no-open"))
    }

    /// Starts a page with a command that `change` edits.
    pub fn start_as(scene: &Scene, name: &str, change: impl FnOnce(Run) -> Run) -> Page {
        scene.folder(name);
        let run = scene.run("web --json --dir").arg(name);
        let run = run
            .env("PEERBRIDGE_DISCOVERY", "loopback")
            .env("PEERBRIDGE_PORT", "0");
        let running = change(run).start();
        let told = running.waits_for(1, "page");
        let url = told[0]["url"].as_str().expect("an address").to_owned();
        let (host, token) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once("/#"))
            .expect("a token");
        Page {
            host: host.to_owned(),
            token: token.to_owned(),
            url,
            running,
        }
    }

    /// Connects.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).expect("a connection");
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        stream
    }

    /// Sends `request` unchanged, and returns the whole response.
    pub fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        // A request that is refused early may find the connection closed.
        let _ = stream.write_all(request.as_ref());
        let _ = stream.shutdown(Shutdown::Write);
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        String::from_utf8_lossy(&response).into_owned()
    }

    /// The header fields of a valid POST.
    pub fn fields(&self) -> String {
        format!(
            "Host: {0}\r\nOrigin: http://{0}\r\nAuthorization: Bearer {1}\r\nContent-Type: application/json\r\n",
            self.host, self.token
        )
    }

    /// Sends a POST to the API. Returns the status and the answer.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (fields, body) = (self.fields(), body.to_string());
        let request = format!(
            "POST /api/{path} HTTP/1.1\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let response = self.exchange(request);
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let answer = serde_json::from_str(body).unwrap_or_else(|_| panic!("{response}"));
        (status(head), answer)
    }

    /// Sends a POST, which must succeed.
    #[track_caller]
    pub fn posts(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, &body);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Reads all events of the job up to the first of this name.
    #[track_caller]
    pub fn events_until(&self, name: &str) -> Vec<Value> {
        self.events_until_one(name, |event| event["event"] == name)
    }

    /// Waits for the question about `about`.
    #[track_caller]
    pub fn question(&self, about: &str) -> Value {
        let mut events = self.events_until_one(about, |event| event["about"] == about);
        events.pop().expect("an event")
    }

    #[track_caller]
    fn events_until_one(&self, what: &str, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut stream = self.connect();
        let request = format!(
            "GET /api/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            self.host, self.token
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut events = Vec::new();
        for line in BufReader::new(stream).lines() {
            let line = line.expect("a line");
            let Some(data) = line.strip_prefix("data: ") else {
                continue;
            };
            let event: Value = serde_json::from_str(data).expect("JSON");
            let is_done = event["event"] == "done";
            let is_last = is_last(&event);
            events.push(event);
            if is_last {
                return events;
            }
            if is_done {
                break;
            }
        }
        panic!("no {what}: {events:#?}");
    }

    /// Waits for the event of this name.
    #[track_caller]
    pub fn waits_for(&self, name: &str) -> Value {
        self.events_until(name).pop().expect("an event")
    }

    /// Ends the program as the page's button does.
    pub fn quits(self) {
        self.posts("end", json!({}));
        self.running.ends().exits(0);
    }
}

/// The status of a response.
pub fn status(response: &str) -> u16 {
    let status = response
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status: {response:?}"))
}

/// Waits until a folder has no entries that begin with `prefix`.
pub fn until_gone(scene: &Scene, folder: &str, prefix: &str) {
    until("the end of the temporary folder", || {
        let names = scene.names_in(folder);
        (!names.iter().any(|name| name.starts_with(prefix))).then_some(())
    });
}
