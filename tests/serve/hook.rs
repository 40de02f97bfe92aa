//! The program that runs after a transfer.

use crate::harness::trees::set_mode;
use crate::harness::{SECRET, Scene, until};
use std::fs;
use std::path::Path;

/// Makes a program that writes its environment to a file and ends with a code.
fn hook(scene: &Scene, exit: u8) {
    let facts = scene.path("facts");
    let script = format!(
        "#!/bin/sh\necho to-standard-output\nenv > '{0}.new'\nmv '{0}.new' '{0}'\nexit {exit}\n",
        facts.display()
    );
    set_mode(&scene.file("hook", script), 0o700);
}

fn facts(scene: &Scene) -> String {
    until("the hook's facts", || {
        fs::read_to_string(scene.path("facts")).ok()
    })
}

#[test]
fn it_is_told_what_came_and_never_a_secret() {
    let scene = Scene::new();
    scene.private_file("names", &format!("alice {SECRET}\n"));
    hook(&scene, 0);
    let serve = scene.run("serve inbox --secrets-file names --on-receive");
    let serve = serve.arg(scene.path("hook"));
    let serve = serve.env("PEERBRIDGE_ZIP_PASSWORD", "hush");
    let served = serve.env("PEERBRIDGE_SECRET_FILE", "/hush").listens();
    let name = "a tree; $(touch owned) `touch owned` | touch owned";
    scene.tree(name, 3);
    let send = scene.run("send --as alice --to @").arg(name);
    send.to(served.port()).exits(0);
    let facts = facts(&scene);
    let path = fs::canonicalize(scene.path("inbox/alice").join(name)).unwrap();
    for expected in [
        format!("PEERBRIDGE_PATH={}", path.display()),
        "PEERBRIDGE_FILES=3".into(),
        "PEERBRIDGE_BYTES=310000".into(),
        "PEERBRIDGE_PEER=127.0.0.1".into(),
        "PEERBRIDGE_NAME=alice".into(),
    ] {
        assert!(
            facts.lines().any(|line| line == expected),
            "{expected}\n{facts}"
        );
    }
    let owned = scene.names_in("").iter().any(|name| name == "owned");
    assert!(!owned, "a name was given to a shell");
    for secret in [SECRET, "hush", "PEERBRIDGE_SECRET", "PEERBRIDGE_ZIP"] {
        assert!(!facts.contains(secret), "{secret} in\n{facts}");
    }
    assert_eq!(served.waits_for(1, "received")[0]["exit"], 0);
}

#[test]
fn no_name_is_taken_for_two_paths() {
    let scene = Scene::new();
    scene.folder("archive");
    // The hook of docs/SCRIPTING.md. A hook that reads lines would find a second path here, `private`.
    let script = format!(
        "#!/bin/sh\ncd '{}'\nxargs -0 -I{{}} cp -R -- {{}} archive\necho \"${{PEERBRIDGE_PATH-none}}\" > ended\n",
        scene.path("").display()
    );
    set_mode(&scene.file("hook", script), 0o700);
    scene.file("private", "a key");
    let served = scene.listens("serve inbox --on-receive ./hook");
    scene.file("x\nprivate", "contents");
    let send = scene.run("send --to @").arg("x\nprivate");
    send.to(served.port()).exits(0);
    let path = until("the hook", || fs::read_to_string(scene.path("ended")).ok());
    assert_eq!(path, "none\n");
    assert_eq!(scene.names_in("archive"), ["x\nprivate"]);
}

#[test]
fn a_hook_that_never_ends_is_stopped_with_all_that_it_started_and_holds_no_slot() {
    let scene = Scene::new();
    let script = format!(
        "#!/bin/sh\nsleep 600 &\necho $! > '{}'\nwait\n",
        scene.path("child").display()
    );
    set_mode(&scene.file("hook", script), 0o700);
    let serve = "serve inbox --max-peers 1 --on-receive ./hook --hook-timeout 1";
    let served = scene.listens(serve);
    scene.tree("tree", 1);
    scene.sends("tree", served.port()).exits(0);
    scene.tree("next", 2);
    until("the only slot is free again", || {
        let sent = scene.sends("next --retry 0", served.port());
        (sent.code() == Some(0)).then_some(())
    });
    let received = &served.waits_for(1, "received")[0];
    assert_eq!(received["exit"], 15, "{received}");
    assert!(
        received.to_string().contains("--hook-timeout"),
        "{received}"
    );
    let child = fs::read_to_string(scene.path("child")).unwrap();
    let process = Path::new("/proc").join(child.trim());
    until("its child is gone", || (!process.exists()).then_some(()));
}

#[test]
fn its_failure_is_exit_15_and_the_files_stay() {
    let scene = Scene::new();
    hook(&scene, 9);
    let receiver = scene.listens("receive inbox --yes --on-receive ./hook");
    scene.tree("tree", 3);
    scene.sends("tree", receiver.port()).exits(0);
    let ended = receiver.ends().exits(15);
    assert!(ended.done()["error"].as_str().unwrap().contains("hook"));
    assert!(!ended.output().contains("to-standard-output"));
    scene.assert_same("tree", "inbox/tree");
    assert!(facts(&scene).contains("PEERBRIDGE_NAME=\n"));
}

#[test]
fn a_drop_box_goes_on_after_it_failed() {
    let scene = Scene::new();
    let served = scene.listens("serve inbox --on-receive /no/such/program");
    for (seed, name) in (0..).zip(["one", "two"]) {
        scene.tree(name, seed);
        scene.sends(name, served.port()).exits(0);
        scene.assert_same(name, &format!("inbox/{name}"));
    }
    for event in served.waits_for(2, "received") {
        assert_eq!(event["exit"], 15, "{event}");
    }
}
