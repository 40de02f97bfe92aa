//! A headless Chromium, driven through chromedriver by the WebDriver protocol (W3C).

use crate::harness::{LIMIT, Running, Scene, has_tool, until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The key of an element's reference (WebDriver, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys (WebDriver, section 17.4.2).
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";

/// Arguments that keep Chromium away from the network and from this user's data.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser with one window.
pub struct Browser {
    _driver: Running,
    port: u16,
    session: String,
}

/// Whether Chromium and its driver are installed.
pub fn is_here() -> bool {
    has_tool("chromium") && has_tool("chromedriver")
}

impl Browser {
    /// Starts a browser whose profile is in the scene.
    pub fn start(scene: &Scene, name: &str) -> Browser {
        let profile = scene.folder(format!("profile-{name}"));
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", scene.path("home"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let driver = Running::spawn(command, "chromedriver".to_owned(), false, LIMIT);
        let port = driver.reads("started successfully on port ", |rest| {
            rest.split_once('.')?.0.parse().ok()
        });
        let mut browser = Browser {
            _driver: driver,
            port,
            session: String::new(),
        };
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({ "args": arguments });
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let started = browser.ask("POST", "/session", &wanted);
        let id = started["sessionId"].as_str();
        browser.session = format!("/session/{}", id.unwrap_or_else(|| panic!("{started}")));
        browser
    }

    /// Sends a command, and returns its value.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method != "POST" {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .expect("a request");
        let body = read_body(&mut BufReader::new(stream));
        let answer: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}"));
        answer["value"].clone()
    }

    fn command(&self, method: &str, path: &str, body: Value) -> Value {
        let value = self.ask(method, &format!("{}{path}", self.session), &body);
        assert!(value["error"].is_null(), "{method} {path} {body}: {value}");
        value
    }

    /// Opens an address.
    pub fn open(&self, url: &str) {
        self.command("POST", "/url", json!({ "url": url }));
    }

    /// Runs a script in the page, and returns its result.
    pub fn script(&self, script: &str) -> Value {
        self.command(
            "POST",
            "/execute/sync",
            json!({ "script": script, "args": [] }),
        )
    }

    /// The visible elements that match a selector.
    fn shown(&self, selector: &str) -> Vec<String> {
        let found = self.command(
            "POST",
            "/elements",
            json!({ "using": "css selector", "value": selector }),
        );
        let found = found.as_array().cloned().unwrap_or_default();
        let ids = found
            .iter()
            .filter_map(|element| element[ELEMENT].as_str().map(str::to_owned));
        ids.filter(|id| {
            // An element that is gone meanwhile is not visible.
            let path = format!("{}/element/{id}/displayed", self.session);
            self.ask("GET", &path, &Value::Null) == true
        })
        .collect()
    }

    /// Waits for a visible element that matches and whose text begins with `text`.
    #[track_caller]
    fn element(&self, selector: &str, text: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let found = self.shown(selector).into_iter().find(|id| {
                let path = format!("{}/element/{id}/text", self.session);
                let shown = self.ask("GET", &path, &Value::Null);
                text.is_empty() || shown.as_str().is_some_and(|shown| shown.starts_with(text))
            });
            if let Some(found) = found {
                return found;
            }
            if Instant::now() > deadline {
                panic!("no {selector} {text:?} in\n{}", self.text("body"));
            }
        }
    }

    /// Waits for such an element and clicks it, as a mouse does.
    #[track_caller]
    pub fn click(&self, selector: &str, text: &str) {
        until(&format!("a click on {selector} {text:?}"), || {
            let id = self.element(selector, text);
            let path = format!("{}/element/{id}/click", self.session);
            self.ask("POST", &path, &json!({}))["error"]
                .is_null()
                .then_some(())
        });
    }

    /// Waits for such an element.
    #[track_caller]
    pub fn shows(&self, selector: &str, text: &str) {
        self.element(selector, text);
    }

    /// Types into a field.
    #[track_caller]
    pub fn types(&self, selector: &str, text: &str) {
        let id = self.element(selector, "");
        self.command(
            "POST",
            &format!("/element/{id}/value"),
            json!({ "text": text }),
        );
    }

    /// Presses keys, wherever the focus is.
    pub fn presses(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.command("POST", "/actions", json!({ "actions": [keyboard] }));
    }

    /// Drops files and folders of this machine on the middle of the page, as from a file manager.
    pub fn drops(&self, paths: &[PathBuf]) {
        let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            self.devtools(
                "Input.dispatchDragEvent",
                json!({ "type": kind, "x": 400, "y": 300, "data": data }),
            );
        }
    }

    /// The text of the first element that matches.
    pub fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({selector:?})?.innerText ?? ''");
        self.script(&script).as_str().unwrap_or_default().to_owned()
    }

    /// The address in the bar.
    pub fn address(&self) -> String {
        let address = self.command("GET", "/url", Value::Null);
        address.as_str().expect("an address").to_owned()
    }

    /// Sets the width of the page, whatever the window allows, and the colour scheme.
    pub fn looks(&self, width: u32, height: u32, scheme: &str) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
    }

    /// Saves a picture of the page as PNG.
    pub fn picture(&self, file: &Path) {
        let taken = self.devtools("Page.captureScreenshot", json!({ "format": "png" }));
        let text = taken["data"].as_str().expect("a picture");
        std::fs::write(file, base64(text)).expect("a file");
    }

    fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("POST", "/goog/cdp/execute", body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session.
        let ended = self.ask("DELETE", &self.session, &Value::Null);
        let is_ended = ended.is_null() || std::thread::panicking();
        assert!(is_ended, "the browser stays: {ended}");
    }
}

/// The body of a response, by its stated length, because the connection stays open.
fn read_body(response: &mut impl BufRead) -> String {
    let mut length = 0;
    loop {
        let mut line = String::new();
        response.read_line(&mut line).expect("a head");
        let line = line.trim_end().to_ascii_lowercase();
        match line.strip_prefix("content-length:") {
            Some(value) => length = value.trim().parse().expect("a length"),
            None if line.is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    response.read_exact(&mut body).expect("a body");
    String::from_utf8(body).expect("text")
}

/// Decodes base 64 (RFC 4648).
fn base64(text: &str) -> Vec<u8> {
    let value = |digit: u8| match digit {
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'a'..=b'z' => u32::from(digit - b'a') + 26,
        b'0'..=b'9' => u32::from(digit - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|digit| *digit != b'=').collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0, |bits, (at, digit)| bits | value(*digit) << (18 - 6 * at));
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}
