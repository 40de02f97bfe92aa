//! Memory use with many files and large ones. `PEERBRIDGE_TEST_LONG=1` makes the test large.

use crate::harness::running::peak_memory;
use crate::harness::trees::{assert_same, noise, write};
use crate::harness::{Scene, is_long};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Most resident memory of either side, in bytes, for files of any size and up to 8 streams.
const ALLOWED: u64 = 64 << 20;

/// Makes `files` small files in folders, with links and empty folders among them, and a large one that is half
/// noise and half hole.
fn make(top: &Path, files: usize, large: u64) {
    for number in 0..files {
        let folder = top.join(format!("folder {}", number / 100));
        fs::create_dir_all(&folder).unwrap();
        let name = match number % 50 {
            7 => format!("-odd $(id) {number}\n\x1b[2J"),
            _ => number.to_string(),
        };
        let path = folder.join(name);
        match number % 25 {
            3 => symlink("../large", &path).unwrap(),
            9 => fs::create_dir(&path).unwrap(),
            rest => write(&path, &noise(number as u64, rest * (number % 997))),
        }
    }
    let file = File::create(top.join("large")).unwrap();
    file.set_len(large).unwrap();
    const BLOCK: u64 = 1 << 20;
    for block in (0..large / BLOCK).filter(|block| block / 16 % 2 == 0) {
        let bytes = noise(block, BLOCK as usize);
        file.write_all_at(&bytes, block * BLOCK).unwrap();
    }
}

/// Records the peak resident memory of a running process.
pub fn watch(id: u32, is_over: &AtomicBool, peak: &AtomicU64) {
    while !is_over.load(Ordering::SeqCst) {
        if let Some(bytes) = peak_memory(id) {
            peak.fetch_max(bytes, Ordering::SeqCst);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn transfer(scene: &Scene, streams: u16, receiver_dials: bool) {
    let into = format!("in-{streams}-{receiver_dials}");
    let (listener, dialler) = match receiver_dials {
        false => (
            format!("receive {into} --yes --port 0"),
            format!("send tree --to @ --streams {streams}"),
        ),
        true => (
            format!("send tree --listen --port 0 --streams {streams}"),
            format!("receive {into} --from @ --yes"),
        ),
    };
    let begun = Instant::now();
    let listener = scene
        .run(&listener)
        .limit(Duration::from_secs(1800))
        .start();
    let dialler = scene.run(&dialler).to(listener.port());
    let dialler = dialler.limit(Duration::from_secs(1800)).start();
    let (is_over, peaks) = (
        AtomicBool::new(false),
        [AtomicU64::new(0), AtomicU64::new(0)],
    );
    std::thread::scope(|scope| {
        for (id, peak) in [listener.id(), dialler.id()].into_iter().zip(&peaks) {
            let is_over = &is_over;
            scope.spawn(move || watch(id, is_over, peak));
        }
        let ends = [dialler.ends(), listener.ends()];
        is_over.store(true, Ordering::SeqCst);
        for ended in ends {
            ended.exits(0);
        }
    });
    let took = begun.elapsed();
    let [listener, dialler] = peaks.map(|peak| peak.load(Ordering::SeqCst));
    let (sender, receiver) = match receiver_dials {
        false => (dialler, listener),
        true => (listener, dialler),
    };
    let shown = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{streams} streams, receiver dials: {receiver_dials}: {took:.1?}, sender {:.1} MiB, receiver {:.1} MiB",
        shown(sender),
        shown(receiver)
    );
    assert_same(&scene.path("tree"), &scene.path(&into).join("tree"));
    fs::remove_dir_all(scene.path(&into)).unwrap();
    for peak in [sender, receiver] {
        assert!(peak > 0, "the memory was never seen");
        assert!(peak <= ALLOWED, "{:.1} MiB", shown(peak));
    }
}

#[test]
fn many_files_and_a_large_one_arrive_within_the_memory_that_is_allowed() {
    let scene = Scene::new();
    let (files, large) = match is_long() {
        true => (5000, 3 << 30),
        false => (300, 40 << 20),
    };
    make(&scene.path("tree"), files, large);
    for (streams, receiver_dials) in [(1, false), (4, true), (4, false), (1, true)] {
        if is_long() || streams == 4 {
            transfer(&scene, streams, receiver_dials);
        }
    }
}

#[test]
fn a_file_of_257_parts_arrives() {
    if !is_long() {
        return;
    }
    let scene = Scene::new();
    scene.folder("tree");
    // With four streams, parts are 4 MiB from 128 MiB on; the last part is one byte.
    let file = File::create(scene.path("tree/file")).unwrap();
    file.set_len(256 * (4 << 20) + 1).unwrap();
    transfer(&scene, 4, false);
}
