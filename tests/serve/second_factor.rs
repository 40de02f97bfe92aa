//! One-time codes in addition to the secret of a name.

use crate::harness::{Running, Scene, until};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::time::{SystemTime, UNIX_EPOCH};

/// 20 bytes: "12345678901234567890".
const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// A drop box that asks alice for codes and bob for none.
fn serves(scene: &Scene) -> Running {
    scene.private_file(
        "names",
        &format!("alice right\nalice --totp {KEY}\nbob other\n"),
    );
    scene.file("file", "small");
    scene.listens("serve inbox --secrets-file names")
}

/// The code of RFC 6238 for the step `ahead` steps after now, computed independently.
fn code(ahead: u64) -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut mac = Hmac::<Sha1>::new_from_slice(b"12345678901234567890").unwrap();
    mac.update(&(seconds / 30 + ahead).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

#[test]
fn a_name_that_owes_a_code_gets_nothing_without_it() {
    let scene = Scene::new();
    let served = serves(&scene);
    let port = served.port();
    let send = |name: &str| {
        scene
            .run(&format!("send file --to @ --as {name} --retry 0"))
            .to(port)
    };
    // Without a terminal nobody can be asked for a code.
    let ended = send("alice").secret("right").exits(2);
    assert!(
        ended.error().contains("PEERBRIDGE_OTP"),
        "{}",
        ended.error()
    );
    let right: Vec<_> = (0..3).map(code).collect();
    let mut codes = (0..).map(|number: u32| format!("{number:06}"));
    let wrong = codes.find(|code| !right.contains(code)).unwrap();
    let ended = send("alice")
        .secret("right")
        .env("PEERBRIDGE_OTP", wrong)
        .exits(3);
    assert!(ended.error().contains("one-time code"), "{}", ended.error());
    let ping = scene.run("ping @ --as alice").to(port).secret("right");
    ping.env("PEERBRIDGE_OTP", "000").exits(2);
    // Without the secret a peer does not learn that a code is needed.
    let ended = send("alice").secret("wrong").exits(3);
    assert!(!ended.error().contains("code"), "{}", ended.error());
    assert!(
        scene.names_in(".").iter().all(|name| name != "inbox"),
        "nothing was made"
    );
    send("bob").secret("other").exits(0);
    let said = "gave no right one-time code";
    until("the log", || served.error().contains(said).then_some(()));
}

#[test]
fn a_code_counts_once() {
    let scene = Scene::new();
    let served = serves(&scene);
    let port = served.port();
    let send = |code: &str| {
        let run = scene.run("send file --to @ --as alice --retry 0").to(port);
        run.secret("right").env("PEERBRIDGE_OTP", code)
    };
    // The code that was current at the start is refused, the next one is accepted.
    let next = code(1);
    send(&next).exits(0);
    assert!(scene.path("inbox/alice/file").exists());
    send(&next).exits(3);
}
