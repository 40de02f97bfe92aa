//! Offers with names that would lead out of the destination: refused as a whole, before anything is
//! created.

use crate::harness::trees::contents;
use crate::peer::Peer;
use crate::real::{Side, exit_code};
use crate::tree::Ground;
use crate::wire::{Entries, RawOffer, round_end};
use peerbridge::internals::{Message, Role};
use peerbridge::{DeclineReason, Error};

/// Offers this to a real receiver, which must not take it.
fn expect_refused(what: &str, offer: &RawOffer, more: &[Vec<u8>]) {
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    peer.say(&offer.to_bytes());
    more.iter().for_each(|message| peer.say(message));
    let heard = peer.hear();
    let Some(Message::Decline(decline)) = heard else {
        panic!("{what}: {heard:?}");
    };
    assert_eq!(decline.reason, DeclineReason::UnsafeName, "{what}");
    peer.say(&[13]);
    peer.given_up();
    let result = receiver.end();
    let is_unsafe = matches!(result, Err(Error::UnsafeOffer { .. }));
    assert!(is_unsafe, "{what}: {result:?}");
    assert_eq!(exit_code(result), 14);
    ground.expect_untouched();
}

fn bad_names() -> Vec<(&'static str, Vec<u8>)> {
    let named = |name: &'static str| (name, name.as_bytes().to_vec());
    let mut names: Vec<_> = [
        "../x",
        "/abs",
        "a/../../x",
        "//x",
        "",
        ".",
        "..",
        "a/",
        "/",
        "a//b",
        "a/.",
        "./a",
        "a\0b",
        "\0",
        ".peerbridge-x",
        ".PEERBRIDGE-0123",
        ".peer\u{200d}bridge-x",
        ".peerbridge-",
    ]
    .into_iter()
    .map(named)
    .collect();
    names.push(("a component of 256 bytes", vec![b'a'; 256]));
    names.push(("a path of 5,000 bytes", [&b"a"[..]; 2500].join(&b'/')));
    names.push(("2,000 levels", vec!["d"; 2000].join("/").into_bytes()));
    names
}

#[test]
fn an_unsafe_name_has_the_whole_offer_refused() {
    for (number, (what, name)) in bad_names().into_iter().enumerate() {
        let good = Entries::default().file(b"good", 1);
        let entries = match number % 3 {
            0 => good.file(&name, 1),
            1 => good.folder(&name),
            _ => good.link(&name, b"good"),
        };
        expect_refused(what, &RawOffer::of(&entries), &[]);
    }
}

/// They are letters on Unix. A receiver on Windows cannot have such names and leaves them out.
#[cfg(unix)]
#[test]
fn what_windows_would_read_as_a_way_out_is_a_name() {
    let names = [&b"C:x"[..], b"\\\\?\\x", b"\\x", b"..\\x", b"a\\..\\..\\x"];
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    let entries = names
        .iter()
        .fold(Entries::default(), |all, name| all.file(name, 0));
    peer.say(&RawOffer::of(&entries).to_bytes());
    let heard = peer.hear();
    assert!(matches!(heard, Some(Message::Accept(_))), "{heard:?}");
    peer.say(&round_end(0, &[], &[]));
    let heard = peer.hear();
    assert!(matches!(heard, Some(Message::Done(_))), "{heard:?}");
    peer.say(&[13]);
    receiver.end().unwrap();
    for name in names {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(name);
        assert!(ground.destination.join(name).is_file(), "{name:?}");
    }
}

#[test]
fn an_unsafe_name_below_a_folder_is_refused_as_well() {
    for name in [&b"d/../x"[..], b"d//x", b"d/.peerbridge-x", b"d/\0", b"d/"] {
        let entries = Entries::default().folder(b"d").file(name, 1);
        expect_refused(
            &name.escape_ascii().to_string(),
            &RawOffer::of(&entries),
            &[],
        );
    }
}

#[test]
fn entries_that_make_no_tree_are_refused() {
    let one = Entries::default;
    let trees = [
        ("a name twice", one().file(b"x", 1).file(b"x", 1)),
        (
            "a file and a folder of one name",
            one().file(b"x", 1).folder(b"x"),
        ),
        (
            "a folder and a link of one name",
            one().folder(b"x").link(b"x", b"y"),
        ),
        ("through a file", one().file(b"x", 1).file(b"x/y", 1)),
        ("through a link", one().link(b"x", b"y").file(b"x/y", 1)),
        ("through nothing", one().file(b"x/y", 1)),
        ("before its folder", one().file(b"x/y", 1).folder(b"x")),
        (
            "through a link outside",
            one().link(b"x", b"/tmp").file(b"x/y", 1),
        ),
        ("links to nothing", one().link(b"x", b"")),
        ("links to NUL", one().link(b"x", b"a\0b")),
    ];
    for (what, entries) in trees {
        expect_refused(what, &RawOffer::of(&entries), &[]);
    }
}

/// Links that lead outside are left out one by one, and made only by a receiver that wants them.
#[cfg(unix)]
#[test]
fn links_that_lead_outside_are_made_only_where_they_are_wanted() {
    use std::os::unix::ffi::OsStrExt;
    let links: [(&[u8], &[u8]); 6] = [
        (b"up", b"../y"),
        (b"d/up", b"../../y"),
        (b"anywhere", b"/etc/passwd"),
        (b"d/about", b"y/../../z"),
        (b"drive", b"C:\\y"),
        (b"back", b"..\\..\\x"),
    ];
    let entries = links.iter().fold(
        Entries::default().folder(b"d").file(b"empty", 0),
        |all, (name, target)| all.link(name, target),
    );
    for outside_links in [false, true] {
        let ground = Ground::small();
        let side = Side {
            outside_links,
            ..Side::default()
        };
        let receiver = side.receive_listening(&ground.destination);
        let mut peer = Peer::dial(receiver.port, Role::Send);
        peer.say(&RawOffer::of(&entries).to_bytes());
        assert!(matches!(peer.hear(), Some(Message::Accept(_))));
        peer.say(&round_end(0, &[], &[]));
        let Some(Message::Done(done)) = peer.hear() else {
            panic!("a receiver is done");
        };
        peer.say(&[13]);
        receiver.end().unwrap();
        assert_eq!(done.failed, if outside_links { 0 } else { 6 });
        assert_eq!(done.files, 1);
        for (name, target) in links {
            let path = ground.destination.join(std::ffi::OsStr::from_bytes(name));
            let made = std::fs::read_link(path).ok();
            let made = made.map(|text| text.as_os_str().as_bytes().to_vec());
            assert_eq!(made, outside_links.then(|| target.to_vec()));
        }
    }
}

/// What comes behind the name that is refused does not change what the receiver ends with.
#[test]
fn what_follows_a_refused_name_changes_nothing() {
    let entries = Entries::default().file(b"../x", 1);
    let early = RawOffer::of(&entries).early(0, &[]);
    expect_refused("an early round", &early, &[round_end(0, &[], &[])]);
    let mut longer = RawOffer::of(&entries);
    longer.count = 3;
    let rest = Entries::default().file(b"y", 1).file(b"z", 1).bytes.0;
    let rest = crate::wire::Raw::kind(3)
        .u32(rest.len() as u32)
        .bytes(&rest);
    expect_refused("further entries", &longer, &[rest.0]);
}

#[test]
fn a_name_that_is_refused_in_a_later_chunk_refuses_the_whole() {
    let mut offer = RawOffer::of(&Entries::default().file(b"x", 1));
    offer.count = 2;
    let rest = Entries::default().file(b"../y", 1).bytes.0;
    let rest = crate::wire::Raw::kind(3)
        .u32(rest.len() as u32)
        .bytes(&rest);
    expect_refused("a later chunk", &offer, &[rest.0]);
}

#[test]
fn a_path_that_goes_on_from_nothing_is_malformed() {
    let mut offer = RawOffer::of(&Entries::default().file(b"x", 1));
    offer.entries[1..3].copy_from_slice(&9u16.to_be_bytes());
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    peer.say(&offer.to_bytes());
    peer.given_up();
    assert_eq!(exit_code(receiver.end()), 10);
    ground.expect_untouched();
}

/// Odd names that are harmless come as they are.
#[cfg(unix)]
#[test]
fn odd_names_are_received() {
    let names: [&[u8]; 7] = [
        b"-rf",
        b"$(id)",
        b"\x1b[31mred",
        b"\xff\xfe",
        b"...",
        b"new\nline",
        "\u{202e}txt".as_bytes(),
    ];
    let ground = Ground::small();
    let receiver = Side::default().receive_listening(&ground.destination);
    let mut peer = Peer::dial(receiver.port, Role::Send);
    let entries = names
        .iter()
        .fold(Entries::default(), |entries, name| entries.file(name, 0));
    peer.say(&RawOffer::of(&entries).to_bytes());
    assert!(matches!(peer.hear(), Some(Message::Accept(_))));
    peer.say(&round_end(0, &[], &[]));
    assert!(matches!(peer.hear(), Some(Message::Done(_))));
    peer.say(&[13]);
    receiver.end().expect("they are harmless");
    assert_eq!(contents(&ground.destination).len(), names.len());
}
