//! Requests that the page never makes: each gets a clear answer, and nothing happens.

use crate::harness::{Scene, until};
use crate::page::{Page, status};
use serde_json::json;
use std::io::{Read, Write};

fn page(scene: &Scene) -> Page {
    Page::start(scene, "in")
}

/// A valid POST with one field replaced.
fn post_with(page: &Page, old: &str, new: &str) -> String {
    let request = format!(
        "POST /api/folder HTTP/1.1\r\n{}Content-Length: @\r\n\r\n",
        page.fields()
    );
    let folder = std::path::Path::new("/tmp");
    let body = json!({ "path": folder, "name": "peerbridge-must-not-be" }).to_string();
    let request = request.replace('@', &body.len().to_string()) + &body;
    assert!(request.contains(old), "{old}");
    request.replacen(old, new, 1)
}

#[test]
fn nothing_but_the_page_is_there_without_the_token() {
    let scene = Scene::new();
    let page = page(&scene);
    let token = format!("Authorization: Bearer {}\r\n", page.token);
    let zeros = format!("Authorization: Bearer {}\r\n", "0".repeat(32));
    let longer = token.replace("\r\n", "0\r\n");
    let twice = format!("{token}{token}");
    for wrong in [
        "",
        &zeros,
        "Authorization: Basic eDp5\r\n",
        "Authorization: Bearer \r\n",
        &longer,
        &twice,
    ] {
        let response = page.exchange(post_with(&page, &token, wrong));
        assert_eq!(status(&response), 401, "{wrong}: {response}");
        let events = format!(
            "GET /api/events HTTP/1.1\r\nHost: {}\r\n{wrong}\r\n",
            page.host
        );
        assert_eq!(status(&page.exchange(events)), 401, "{wrong}");
    }
    let in_the_query = format!(
        "GET /api/events?token={} HTTP/1.1\r\nHost: {}\r\n\r\n",
        page.token, page.host
    );
    assert_eq!(status(&page.exchange(in_the_query)), 401);
    assert!(!std::path::Path::new("/tmp/peerbridge-must-not-be").exists());
    page.quits();
}

#[test]
fn other_hosts_and_origins_are_refused() {
    let scene = Scene::new();
    let page = page(&scene);
    let host = format!("Host: {}\r\n", page.host);
    let port = page.host.split_once(':').unwrap().1;
    for wrong in [
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        String::new(),
        format!("{host}{host}"),
    ] {
        let response = page.exchange(post_with(&page, &host, &wrong));
        assert_eq!(status(&response), 421, "{wrong}: {response}");
        let file = page.exchange(format!("GET / HTTP/1.1\r\n{wrong}\r\n"));
        assert_eq!(status(&file), 421, "{wrong}");
    }
    let origin = format!("Origin: http://{}\r\n", page.host);
    for wrong in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: https://127.0.0.1\r\n",
        "",
        &format!("{origin}Sec-Fetch-Site: cross-site\r\n"),
        &format!("{origin}{origin}"),
    ] {
        let response = page.exchange(post_with(&page, &origin, wrong));
        assert_eq!(status(&response), 403, "{wrong}: {response}");
    }
    assert!(!std::path::Path::new("/tmp/peerbridge-must-not-be").exists());
    page.quits();
}

#[test]
fn every_response_keeps_other_sites_out() {
    let scene = Scene::new();
    let page = page(&scene);
    let get = |path: &str| {
        page.exchange(format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n",
            page.host
        ))
    };
    for path in ["/", "/main.js", "/style.css", "/nothing", "/api/events"] {
        let response = get(path);
        for field in [
            "Content-Security-Policy: default-src 'none'",
            "frame-ancestors 'none'",
            "X-Content-Type-Options: nosniff",
            "Cross-Origin-Resource-Policy: same-origin",
            "Cache-Control: no-store",
            "Referrer-Policy: no-referrer",
        ] {
            assert!(
                response.contains(field),
                "{path} lacks {field}: {response:.600}"
            );
        }
        let lower = response.to_lowercase();
        for field in ["access-control-", "set-cookie", "unsafe-inline", "server:"] {
            assert!(!lower.contains(field), "{path} has {field}");
        }
        assert!(!response.contains(&page.token));
    }
    // Nothing may be inline: the policy would block it, and the page would not work.
    let html = get("/");
    assert!(!html.contains("style=\"") && !html.contains("onclick") && !html.contains("<script>"));
    assert!(!html.contains("//cdn") && !html.contains("https://"));
    page.quits();
}

#[test]
fn requests_that_no_page_makes_get_a_clear_answer() {
    let scene = Scene::new();
    let page = page(&scene);
    let fields = page.fields();
    let post = |path: &str, body: &str| {
        let length = body.len();
        format!("POST {path} HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
    };
    let cases: Vec<(String, u16)> = vec![
        ("GARBAGE\r\n\r\n".into(), 400),
        ("\x16\x03\x01\x02\x00\x01\x00".into(), 400),
        (
            format!("GET / HTTP/1.1\r\nHost: {}\r\nbroken\r\n\r\n", page.host),
            400,
        ),
        ("GET / HTTP/1.1\r\nHost: half".into(), 400),
        (
            format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)),
            431,
        ),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200)),
            431,
        ),
        (
            format!(
                "GET /../../etc/passwd HTTP/1.1\r\nHost: {}\r\n\r\n",
                page.host
            ),
            404,
        ),
        (
            format!("POST / HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n"),
            405,
        ),
        (format!("GET /api/send HTTP/1.1\r\n{fields}\r\n"), 405),
        (format!("POST /api/send HTTP/1.1\r\n{fields}\r\n"), 411),
        (
            format!(
                "POST /api/send HTTP/1.1\r\n{fields}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            411,
        ),
        (
            format!(
                "POST /api/send HTTP/1.1\r\n{fields}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{{}}"
            ),
            411,
        ),
        (
            format!("POST /api/send HTTP/1.1\r\n{fields}Content-Length: -1\r\n\r\n"),
            400,
        ),
        (
            format!("POST /api/send HTTP/1.1\r\n{fields}Content-Length: 99\r\n\r\n{{}}"),
            400,
        ),
        (
            format!("POST /api/send HTTP/1.1\r\n{fields}Content-Length: 2000000\r\n\r\n"),
            413,
        ),
        (
            format!(
                "POST /api/send HTTP/1.1\r\n{fields}Content-Length: 99999999999999999999999\r\n\r\n"
            ),
            413,
        ),
        (
            post("/api/send", "{}").replace("application/json", "text/plain"),
            415,
        ),
        (post("/api/send", "no json"), 400),
        (post("/api/send", "[]"), 400),
        (post("/api/send", &"[".repeat(100_000)), 400),
        (post("/api/send", r#"{"paths":[{"path":"relative"}]}"#), 400),
        (post("/api/send", r#"{"unknown":1}"#), 400),
        (post("/api/send", r#"{"paths":[]}"#), 422),
        (
            post("/api/receive", r#"{"folder":"/","existing":"burn"}"#),
            400,
        ),
        (post("/api/nothing", "{}"), 404),
        (post("/api/answer", r#"{"question":1,"answer":"yes"}"#), 409),
        (post("/api/again", "{}"), 409),
        (post("/api/show", "{}"), 409),
        (post("/api/list", r#"{"path":"/nothing/there"}"#), 422),
        (post("/api/discard", r#"{"dropped":"../.."}"#), 200),
        (post("/api/send", r#"{"dropped":"../.."}"#), 404),
    ];
    for (request, expected) in cases {
        let response = page.exchange(&request);
        assert_eq!(
            status(&response),
            expected,
            "{request:.200}\n{response:.600}"
        );
    }
    page.quits();
}

/// All paths that take a POST, and the one of the events.
const POSTS: [&str; 17] = [
    "/api/again",
    "/api/answer",
    "/api/cancel",
    "/api/discard",
    "/api/doctor",
    "/api/drop",
    "/api/end",
    "/api/folder",
    "/api/leave",
    "/api/list",
    "/api/nearby",
    "/api/receive",
    "/api/send",
    "/api/show",
    "/api/unzip",
    "/api/upload",
    "/api/zip",
];
const EVENTS: &str = "/api/events";

#[test]
fn the_routes_above_are_all() {
    let source = include_str!("../../src/web/api.rs");
    let routes = source.split("\"/api/").skip(1);
    let mut routes: Vec<_> = routes.filter_map(|rest| rest.split('"').next()).collect();
    routes.retain(|route| !route.is_empty());
    routes.sort_unstable();
    routes.dedup();
    let mut known: Vec<_> = POSTS.iter().chain(&[EVENTS]).collect();
    known.sort_unstable();
    let known: Vec<_> = known.iter().map(|route| &route["/api/".len()..]).collect();
    assert_eq!(routes, known);
}

#[test]
fn no_route_does_anything_for_a_request_that_no_page_makes() {
    let scene = Scene::new();
    let page = page(&scene);
    let fields = page.fields();
    let host = format!("Host: {}\r\n", page.host);
    let origin = format!("Origin: http://{}\r\n", page.host);
    let token = format!("Authorization: Bearer {}\r\n", page.token);
    let json = "Content-Type: application/json\r\n";
    let cross = format!("{origin}Sec-Fetch-Site: cross-site\r\n");
    for path in POSTS.into_iter().chain([EVENTS]) {
        let is_post = path != EVENTS;
        let good = if is_post { "POST" } else { "GET" };
        let ask = |method: &str, fields: &str, body: &str| {
            let length = body.len();
            page.exchange(format!(
                "{method} {path} HTTP/1.1\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
            ))
        };
        let with = |old: &str, new: &str| ask(good, &fields.replacen(old, new, 1), "{}");
        let mut cases = vec![
            (with(&token, ""), 401, "no token"),
            (with(&page.token, &"0".repeat(32)), 401, "another token"),
            (with(&host, "Host: evil.example\r\n"), 421, "another Host"),
            (
                with(&origin, "Origin: http://evil.example\r\n"),
                403,
                "another Origin",
            ),
            (with(&origin, "Origin: null\r\n"), 403, "an opaque Origin"),
            (with(&origin, &cross), 403, "another site"),
        ];
        let other = if is_post { "GET" } else { "POST" };
        for method in [other, "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"] {
            cases.push((ask(method, &fields, "{}"), 405, method));
        }
        if is_post {
            cases.push((with(&origin, ""), 403, "no Origin"));
        }
        if is_post && path != "/api/upload" {
            let half = format!("POST {path} HTTP/1.1\r\n{fields}Content-Length: 9\r\n\r\n{{}}");
            let huge = format!("POST {path} HTTP/1.1\r\n{fields}Content-Length: 1048577\r\n\r\n");
            cases.extend([
                (page.exchange(half), 400, "half"),
                (page.exchange(huge), 413, "huge"),
                (with(json, "Content-Type: text/plain\r\n"), 415, "a form"),
                (ask("POST", &fields, "[]"), 400, "a list"),
                (ask("POST", &fields, "{\"x\":1}"), 400, "an unknown field"),
                (ask("POST", &fields, "\u{fffd}"), 400, "no JSON"),
            ]);
        }
        for (response, expected, what) in cases {
            assert_eq!(
                status(&response),
                expected,
                "{path}, {what}: {response:.400}"
            );
        }
    }
    assert_eq!(
        scene.names_in("tmp"),
        Vec::<String>::new(),
        "nothing was made"
    );
    assert_eq!(scene.names_in("in"), Vec::<String>::new());
    page.posts("doctor", json!({ "folder": scene.path("in") }));
    let events = page.events_until("done");
    let number = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!(number("started"), 1, "nothing else ran");
    page.quits();
}

#[test]
fn dropped_files_that_come_in_part_or_are_huge_leave_nothing() {
    let scene = Scene::new();
    let page = page(&scene);
    let dropped = page.posts("drop", json!({}))["dropped"].clone();
    let upload = |length: &str, body: &str| {
        page.exchange(format!(
            "POST /api/upload HTTP/1.1\r\n{}Folder: {}\r\nName: file\r\nContent-Length: {length}\r\n\r\n{body}",
            page.fields(),
            dropped.as_str().unwrap(),
        ))
    };
    assert_eq!(status(&upload("9", "half")), 400);
    let huge = upload("9000000000000000000", "x");
    assert_eq!(status(&huge), 422, "{huge}");
    assert!(huge.contains("too little room"), "{huge}");
    assert_eq!(status(&upload("99999999999999999999999", "x")), 413);
    assert_eq!(
        page.post("send", &json!({ "dropped": dropped })).0,
        422,
        "it is empty"
    );
    assert_eq!(status(&upload("5", "whole")), 200, "the name is free");
    page.quits();
}

#[test]
fn a_body_that_stops_half_way_is_not_waited_for_for_ever() {
    let scene = Scene::new();
    let page = page(&scene);
    let mut stream = page.connect();
    let head = format!(
        "POST /api/send HTTP/1.1\r\n{}Content-Length: 99\r\n\r\n{{",
        page.fields()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert_eq!(status(&response), 408, "{response}");
    page.quits();
}

#[test]
fn names_of_dropped_files_lead_nowhere_else() {
    let scene = Scene::new();
    let page = page(&scene);
    let dropped = page.posts("drop", json!({}))["dropped"]
        .as_str()
        .unwrap()
        .to_owned();
    let upload = |name: &str, folder: &str| {
        page.exchange(format!(
            "POST /api/upload HTTP/1.1\r\n{}Folder: {folder}\r\nName: {name}\r\nContent-Length: 1\r\n\r\nx",
            page.fields()
        ))
    };
    for name in [
        "../out",
        "/tmp/out",
        "a/../../out",
        "..%2fout",
        "a//b",
        "",
        ".",
        "a%00b",
        "%zz",
    ] {
        assert_eq!(status(&upload(name, &dropped)), 400, "{name}");
    }
    assert_eq!(status(&upload("good", "0000000000000000")), 404);
    assert_eq!(status(&upload("good%20one/deep", &dropped)), 200);
    assert_eq!(
        status(&upload("good%20one/deep", &dropped)),
        422,
        "it is taken"
    );
    let is_out = |folder: &str| scene.names_in(folder).iter().any(|name| name == "out");
    assert!(!is_out("tmp") && !is_out("in"));
    page.quits();
    crate::page::until_gone(&scene, "tmp", "peerbridge-web-");
}

#[test]
fn silent_connections_keep_nobody_out_for_good() {
    let scene = Scene::new();
    let page = page(&scene);
    let mut silent: Vec<_> = (0..100).map(|_| page.connect()).collect();
    for stream in &mut silent[..50] {
        stream.write_all(b"GET / HT").unwrap();
    }
    // Connections above the limit are told that there are too many; the others get an answer when their time is
    // over.
    let mut heard = Vec::new();
    for stream in silent {
        let mut response = Vec::new();
        let _ = { stream }.read_to_end(&mut response);
        heard.extend(
            String::from_utf8_lossy(&response)
                .split(' ')
                .nth(1)
                .map(str::to_owned),
        );
    }
    assert!(heard.iter().any(|status| status == "429"), "{heard:?}");
    assert!(heard.iter().any(|status| status == "408"), "{heard:?}");
    until("an answer for the page", || {
        let response = page.exchange(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", page.host));
        response.starts_with("HTTP/1.1 200").then_some(())
    });
    assert!(page.running.threads() < 20);
    page.quits();
}

#[test]
fn connections_that_trickle_behind_a_refusal_keep_nobody_out() {
    let scene = Scene::new();
    let page = page(&scene);
    let refused = "GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n";
    let mut trickling: Vec<_> = (0..70).map(|_| page.connect()).collect();
    for stream in &mut trickling {
        stream.write_all(refused.as_bytes()).unwrap();
    }
    until("an answer beside those that trickle", || {
        for stream in &mut trickling {
            // The server may have closed the connection already.
            let _ = stream.write_all(b"x");
        }
        let end = format!(
            "POST /api/end HTTP/1.1\r\n{}Content-Length: 2\r\n\r\n{{}}",
            page.fields()
        );
        page.exchange(end).starts_with("HTTP/1.1 200").then_some(())
    });
    page.running.ends().exits(0);
}

#[test]
fn the_page_is_on_the_loopback_address_only() {
    let scene = Scene::new();
    let page = page(&scene);
    assert!(page.host.starts_with("127.0.0.1:"));
    let port: u16 = page.host.split_once(':').unwrap().1.parse().unwrap();
    let needle = format!(":{port:04X} ");
    let listening = |file: &str| {
        let table = std::fs::read_to_string(file).unwrap_or_default();
        let lines = table
            .lines()
            .filter(|line| line.contains(" 0A ") && line.contains(&needle));
        lines
            .map(|line| line.split_whitespace().nth(1).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listening("/proc/net/tcp"), [format!("0100007F:{port:04X}")]);
    assert!(listening("/proc/net/tcp6").is_empty());
    assert!(!String::from_utf8_lossy(&page.running.process_list_entry()).contains(&page.token));
    page.quits();
}
