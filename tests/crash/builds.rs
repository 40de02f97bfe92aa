//! Data of an earlier run is compared with the source before it counts, however well it is disguised.

use crate::harness::proxy::{Act, Proxy};
use crate::harness::trees::{self, MIB};
use crate::harness::{LISTEN, Scene};
use crate::repeat::cut_off;
use crate::sides::{receive, send, transfer};
use std::fs;
use std::path::Path;

/// Two builds of one file, of the same size and time, as git archives, Nix and firmware have them.
fn build(at: &Path, seed: u64) {
    trees::write(at, &trees::noise(seed, 24 * MIB));
    trees::set_modified(at, 1, 0);
}

#[test]
fn a_resume_never_mixes_two_builds_of_the_same_size_and_time() {
    let scene = Scene::new();
    let (from, into) = (scene.path("fw.bin"), scene.path("into"));
    build(&from, 1);
    let receiver = receive(&into, &LISTEN).args(["--retry", "0"]).start();
    let proxy = Proxy::to(receiver.port());
    proxy.then(15 * MIB as u64, Act::Fin);
    let to = ["--to", "@", "--retry", "0", "-z", "0"];
    send(&from, &to).to(proxy.port()).exits(12);
    receiver.ends().exits(12);
    build(&from, 2);
    for existing in [&[][..], &["--existing", "overwrite"]] {
        let (sender, receiver) = transfer(&from, &[], &into, existing);
        sender.exits(0);
        receiver.exits(0);
        let got = fs::read(into.join("fw.bin")).unwrap();
        assert!(got == fs::read(&from).unwrap(), "mixed: {existing:?}");
    }
    assert!(trees::stagings(&into).is_empty());
}

#[test]
fn planted_parts_are_found_also_with_a_forged_crc() {
    let scene = Scene::new();
    let (from, into) = (scene.path("tree"), scene.path("into"));
    trees::make_mixed(&from, 12 * MIB, 5);
    cut_off(&from, &into);
    let planted = trees::stagings(&into)[0].join("tree/tree/a large one");
    let mut bytes = fs::read(&planted).unwrap();
    for block in bytes.chunks_exact_mut(64 * 1024) {
        forge(&mut block[100..105]);
    }
    fs::write(&planted, bytes).unwrap();
    let (sender, receiver) = transfer(&from, &[], &into, &[]);
    sender.exits(0);
    receiver.exits(0);
    trees::assert_same(&from, &into.join("tree"));
}

/// Changes five bytes so that the CRC-32 of the data around them stays the same: adds the generator polynomial
/// itself.
fn forge(bytes: &mut [u8]) {
    let polynomial = (0xEDB8_8320_u64 << 1 | 1).to_le_bytes();
    let before = crc32fast::hash(bytes);
    for (byte, change) in bytes.iter_mut().zip(polynomial) {
        *byte ^= change;
    }
    assert_eq!(crc32fast::hash(bytes), before);
}
