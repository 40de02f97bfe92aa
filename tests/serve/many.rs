//! Many peers at once.

use crate::harness::{Scene, until};
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

#[test]
fn twenty_peers_at_once_each_with_a_tree_of_its_own() {
    const PEERS: usize = 20;
    let scene = Scene::new();
    let served = scene.listens("serve inbox --max-peers 20");
    let port = served.port();
    let names: Vec<_> = (0..PEERS).map(|number| format!("tree{number}")).collect();
    std::thread::scope(|scope| {
        for (seed, name) in (1..).zip(&names) {
            scene.tree(name, seed);
            let scene = &scene;
            scope.spawn(move || scene.sends(name, port).exits(0));
        }
    });
    let received = served.waits_for(PEERS, "received");
    assert_eq!(received.len(), PEERS, "one line for each");
    for event in &received {
        assert_eq!((&event["files"], &event["exit"]), (&3.into(), &0.into()));
    }
    for name in &names {
        scene.assert_same(name, &format!("inbox/{name}"));
    }
    let peak = served.memory("VmHWM");
    assert!(peak < PEERS as u64 * (24 << 20), "{peak} bytes at most");
    let logged = served.error().matches("Z received ").count();
    assert_eq!(logged, PEERS);
    assert_eq!(scene.names_in("inbox").len(), PEERS);
}

#[test]
fn a_peer_without_a_slot_is_told_to_try_again() {
    let scene = Scene::new();
    scene.folder("inbox");
    let served = scene.listens("serve inbox --max-peers 1");
    let port = served.port();
    scene.tree("slow", 1);
    let first = scene.run("send slow --to @ --limit-rate 64K");
    let first = first.to(port).start();
    until("the first peer's staging folder", || {
        scene.names_in("inbox").pop()
    });
    scene.tree("other", 2);
    scene.sends("other", port).exits(4).says("busy");
    scene.run("ping @").to(port).exits(0);
    first.ends().exits(0);
    served.waits_for(1, "received");
    until("the seat", || {
        (scene.sends("other", port).code() == Some(0)).then_some(())
    });
    scene.assert_same("slow", "inbox/slow");
    scene.assert_same("other", "inbox/other");
}

#[test]
fn one_offer_goes_to_several_receivers_at_once() {
    let scene = Scene::new();
    scene.tree("gift", 7);
    let sender = scene.listens("send gift --listen --count 3");
    let port = sender.port();
    std::thread::scope(|scope| {
        for number in 0..3 {
            let receive = scene.run(&format!("receive {number} --from @ --yes"));
            scope.spawn(move || receive.to(port).exits(0));
        }
    });
    sender.ends().exits(0);
    for number in 0..3 {
        scene.assert_same("gift", &format!("{number}/gift"));
    }
}

#[test]
fn a_receiver_that_declines_is_served_and_the_sender_says_so() {
    let scene = Scene::new();
    scene.tree("gift", 7);
    let sender = scene.listens("send gift --listen --count 2");
    let receive = scene.run("receive inbox --from @ --yes --max-size 1K");
    receive.to(sender.port()).exits(14);
    let receive = scene.run("receive inbox --from @ --yes");
    receive.to(sender.port()).exits(0);
    sender.ends().exits(6);
}

#[test]
fn a_ping_or_a_question_does_not_use_up_a_receiver() {
    let scene = Scene::new();
    scene.folder("inbox");
    scene.tree("gift", 9);
    let receiver = scene.listens("receive inbox --yes");
    let port = receiver.port();
    let pings = scene.run("ping @ --json").to(port).exits(0);
    let pongs = pings.events_of("pong");
    assert_eq!(pongs.len(), 1);
    for way in ["up", "down"] {
        assert!(pongs[0][way].as_u64().is_some_and(|rate| rate > 0), "{way}");
    }
    let asked = scene.sends("gift --dry-run --json", port).exits(0);
    assert_eq!(asked.events_of("lacking")[0]["bytes"], 310_000);
    until("an empty folder", || {
        scene.names_in("inbox").is_empty().then_some(())
    });
    scene.sends("gift", port).exits(0);
    receiver.ends().exits(0);
    scene.assert_same("gift", "inbox/gift");
}

/// A ping takes four seconds, longer than the `--wait` of this drop box.
#[test]
fn a_drop_box_that_is_pinged_is_not_quiet() {
    let scene = Scene::new();
    let pinged = until("a ping in time", || {
        let served = scene.listens("serve inbox --wait 2");
        let pinged = scene.run("ping @ --wait 0").to(served.port()).ends();
        // On a very busy machine the ping may come too late, when the drop box has ended.
        (pinged.code() != Some(4)).then_some(pinged)
    });
    pinged.exits(0);
}

#[test]
fn a_dry_run_reports_what_is_there_already() {
    let scene = Scene::new();
    scene.tree("gift", 11);
    let served = scene.listens("serve inbox");
    let port = served.port();
    scene.sends("gift", port).exits(0);
    let asked = scene.sends("gift --dry-run", port).exits(0);
    asked.says("already has everything");
    fs::remove_file(scene.path("inbox/gift/deep/two")).unwrap();
    let asked = scene.sends("gift --dry-run", port).exits(0);
    asked.says("the receiver lacks ");
    until("nothing else", || {
        (scene.names_in("inbox").len() == 1).then_some(())
    });
    let received = served.events("received").len();
    assert_eq!(received, 1, "a question is no transfer");
}

#[test]
fn a_dialling_receiver_learns_that_it_was_a_dry_run() {
    let scene = Scene::new();
    scene.tree("gift", 13);
    let sender = scene.listens("send gift --listen --dry-run");
    let asked = scene.run("receive inbox --from @ --yes");
    asked.to(sender.port()).exits(6).says("only asked");
    sender.ends().exits(0);
}

#[test]
fn broken_transfers_are_removed_after_a_time() {
    let scene = Scene::new();
    let staged = |digit: &str, days: u64| {
        let name = format!(".peerbridge-{}", digit.repeat(32));
        let folder = scene.folder(format!("inbox/{name}"));
        let journal = File::create(folder.join("journal")).unwrap();
        File::create(folder.join("lock")).unwrap();
        let age = Duration::from_secs(days * 24 * 3600 + 3600);
        journal.set_modified(SystemTime::now() - age).unwrap();
        folder
    };
    for (options, days) in [("", 14), ("--keep-partial 3", 3)] {
        let (old, new) = (staged("a", days), staged("b", days - 1));
        let served = scene.listens(&format!("serve inbox {options}"));
        assert!(!old.exists() && new.exists(), "{days} days");
        drop(served);
    }
}
