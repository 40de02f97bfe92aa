//! How the program gets the secret, and that it never reveals it.

use crate::harness::trees::set_mode;
use crate::harness::{Run, SECRET, Scene, meet};

const RECEIVE: &str = "receive in --yes --port 0 --wait 3";

/// Whether the receiver, which knows [`SECRET`], accepts the sender's secret.
fn is_the_secret(scene: &Scene, sender: Run) -> bool {
    let (_, sent) = meet(scene.run(RECEIVE), sender);
    !sent.error().contains("the secrets differ") && {
        sent.exits(0);
        true
    }
}

fn secret_file(scene: &Scene, name: &str, text: &str, mode: u32) {
    let path = scene.file(name, text);
    set_mode(&path, mode);
}

fn sender(scene: &Scene) -> Run {
    if !scene.path("file").exists() {
        scene.file("file", "x");
    }
    scene.run("send file --to @").without("PEERBRIDGE_SECRET")
}

#[test]
fn each_way_in_works() {
    let scene = Scene::new();
    secret_file(&scene, "right", &format!("{SECRET}\nsecond line\n"), 0o600);
    secret_file(&scene, "bare", SECRET, 0o400);
    secret_file(&scene, "windows", &format!("{SECRET}\r\n"), 0o600);
    for file in ["right", "bare", "windows"] {
        assert!(is_the_secret(
            &scene,
            sender(&scene).arg("--secret-file").arg(file)
        ));
        assert!(is_the_secret(
            &scene,
            sender(&scene).env("PEERBRIDGE_SECRET_FILE", file)
        ));
    }
    assert!(is_the_secret(
        &scene,
        sender(&scene).env("PEERBRIDGE_SECRET", SECRET)
    ));
    let line = format!("{SECRET}\n");
    assert!(is_the_secret(
        &scene,
        sender(&scene).env("PEERBRIDGE_SECRET", line)
    ));
}

/// Some editors put a byte order mark before the text.
#[test]
fn a_byte_order_mark_is_no_part_of_a_secret_or_a_password() {
    let scene = Scene::new();
    secret_file(&scene, "marked", &format!("\u{feff}{SECRET}\n"), 0o600);
    let marked = sender(&scene).arg("--secret-file").arg("marked");
    assert!(is_the_secret(&scene, marked));
    secret_file(&scene, "password", "\u{feff}orchard Lantern-58\r\n", 0o600);
    scene
        .run("zip all.zip file --zip-password-file password")
        .exits(0);
    let unzip = scene.run("unzip all.zip out");
    unzip
        .env("PEERBRIDGE_ZIP_PASSWORD", "orchard Lantern-58")
        .exits(0);
}

#[test]
fn a_flag_wins_over_the_environment_and_the_secret_over_its_file() {
    let scene = Scene::new();
    secret_file(&scene, "right", SECRET, 0o600);
    secret_file(&scene, "wrong", "wrong", 0o600);
    let flag_right = sender(&scene).arg("--secret-file=right").secret("wrong");
    assert!(is_the_secret(&scene, flag_right));
    let flag_wrong = sender(&scene)
        .arg("-swrong")
        .env("PEERBRIDGE_SECRET", SECRET);
    assert!(!is_the_secret(&scene, flag_wrong));
    let both = sender(&scene)
        .env("PEERBRIDGE_SECRET", SECRET)
        .env("PEERBRIDGE_SECRET_FILE", "wrong");
    assert!(is_the_secret(&scene, both));
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let scene = Scene::new();
    scene.file("file", "x");
    for words in [
        ["--secret", SECRET].as_slice(),
        &[&format!("--secret={SECRET}")],
    ] {
        let mut run = scene.run("send file --to 127.0.0.1:1 --json");
        for word in words {
            run = run.arg(word);
        }
        let ended = run.ends().exits(2).complains("--secret", "--secret-file");
        let shown = String::from_utf8(ended.everything()).unwrap();
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let scene = Scene::new();
    for mode in [0o644, 0o640, 0o604] {
        secret_file(&scene, "exposed", SECRET, mode);
        for run in [
            sender(&scene).arg("--secret-file=exposed"),
            sender(&scene).env("PEERBRIDGE_SECRET_FILE", "exposed"),
        ] {
            run.to(1).ends().exits(2).complains("exposed", "chmod 600 ");
        }
        std::fs::remove_file(scene.path("exposed")).unwrap();
    }
}

#[test]
fn no_secret_and_no_terminal_is_an_error_and_no_hang() {
    let scene = Scene::new();
    let ended = sender(&scene).to(1).ends();
    ended.exits(2).complains("secret", "--secret-file");
    let receiver = scene.run(RECEIVE).without("PEERBRIDGE_SECRET");
    receiver
        .ends()
        .exits(2)
        .complains("secret", "PEERBRIDGE_SECRET");
}

#[test]
fn an_empty_or_missing_secret_is_an_error() {
    let scene = Scene::new();
    secret_file(&scene, "empty", "", 0o600);
    secret_file(&scene, "blank line first", "\nsecret\n", 0o600);
    for run in [
        sender(&scene).env("PEERBRIDGE_SECRET", ""),
        sender(&scene).arg("--secret-file=empty"),
        sender(&scene).arg("--secret-file=blank line first"),
        sender(&scene).arg("--secret-file=missing"),
        sender(&scene).env("PEERBRIDGE_SECRET_FILE", "missing"),
    ] {
        run.to(1).ends().exits(2).complains("secret", "secret");
    }
}

#[test]
fn receive_asks_nothing_without_a_terminal() {
    let scene = Scene::new();
    let ended = scene.run("receive in --port 0 --json").ends();
    let ended = ended
        .exits(2)
        .complains("whether to accept", "--yes")
        .never_says("listening");
    assert_eq!(ended.events().len(), 1);
}

#[test]
fn no_output_holds_the_secret() {
    let scene = Scene::new();
    scene.file("tree/file", "x");
    for secret in [SECRET, "wrong"] {
        let receiver = scene.run(RECEIVE).arg("-v").arg("--json");
        let sender = scene.run("send tree --to @ -v --json").secret(secret);
        let (received, sent) = meet(receiver, sender);
        for ended in [received, sent] {
            let shown = String::from_utf8(ended.everything()).unwrap();
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }
}

#[test]
fn a_credential_of_the_system_may_be_read_by_others_and_never_written() {
    let scene = Scene::new();
    scene.folder("credentials");
    secret_file(&scene, "credentials/word", SECRET, 0o440);
    // As Kubernetes mounts secrets: through a link.
    std::os::unix::fs::symlink("word", scene.path("credentials/link")).expect("a link");
    let system = |file: &str| {
        sender(&scene)
            .env("CREDENTIALS_DIRECTORY", scene.path("credentials"))
            .arg("--secret-file")
            .arg(file)
    };
    assert!(is_the_secret(&scene, system("credentials/word")));
    assert!(is_the_secret(&scene, system("credentials/link")));
    let own = sender(&scene).arg("--secret-file=credentials/word");
    own.to(1)
        .exits(2)
        .says("other users can read credentials/word");
    set_mode(&scene.path("credentials/word"), 0o460);
    let written = system("credentials/word").to(1).exits(2);
    written.says("other users can write to credentials/word");
}

#[test]
fn a_folder_whose_group_may_write_is_warned_of() {
    let scene = Scene::new();
    secret_file(&scene, "keys/right", SECRET, 0o600);
    let folder = scene.path("keys");
    if std::os::unix::fs::chown(&folder, None, Some(12345)).is_err() {
        eprintln!("not tested: only root can give a folder to another group");
        return;
    }
    for (mode, is_warned) in [(0o770, true), (0o1770, false), (0o750, false)] {
        set_mode(&folder, mode);
        let sender = sender(&scene).arg("--secret-file").arg("keys/right");
        let (_, sent) = meet(scene.run(RECEIVE), sender);
        let sent = sent.exits(0);
        let warning = "may put another file in the place of keys/right";
        assert_eq!(
            sent.error().contains(warning),
            is_warned,
            "{mode:o}: {sent:?}"
        );
        std::fs::remove_dir_all(scene.path("in")).unwrap();
    }
}

/// Changing the mode of a device or a folder would be wrong advice.
#[test]
fn no_hint_advises_chmod_on_a_device_or_a_folder() {
    let scene = Scene::new();
    scene.file("file", "x");
    set_mode(&scene.folder("open"), 0o777);
    for path in ["/dev/null", "open", "/dev/zero"] {
        for line in [
            "send file --to 127.0.0.1 --secret-file",
            "serve in --secrets-file",
            "zip a.zip file --zip-password-file",
        ] {
            let ended = scene.run(line).arg(path).exits(2);
            ended.never_says("chmod");
        }
    }
}
