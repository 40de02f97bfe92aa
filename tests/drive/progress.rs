//! Progress on real terminals of several widths, while data moves and while it stalls.

use super::terminal::Terminal;
use crate::harness::Scene;
use crate::harness::proxy::Proxy;
use crate::harness::trees::noise;

/// The lines that were drawn over each other, without the control sequences.
fn drawn(screen: &str) -> Vec<&str> {
    let pieces = screen.split("\r\x1b[K").skip(1);
    let lines = pieces.filter_map(|piece| piece.split(['\r', '\n']).next());
    lines.filter(|line| line.contains('%')).collect()
}

#[test]
fn the_line_fits_every_width_and_follows_the_terminal() {
    let scene = Scene::new();
    scene.file("tree/holiday.bin", noise(11, 24 << 20));
    for (first, second) in [(20, 80), (80, 40), (200, 20)] {
        let receiver = scene.run("receive --yes --port 0");
        let receiver = receiver
            .in_folder(scene.folder(format!("in{first}")))
            .start();
        let wire = Proxy::holding_at(receiver.port(), 8 << 20);
        let sender = scene.run("send tree --to @ --level 0").to(wire.port());
        let mut sender = Terminal::start(sender);
        sender.becomes_wide(first);
        // A stall is named before the connection counts as lost.
        sender.shows("stalled");
        let before = sender.everything();
        sender.becomes_wide(second);
        sender.shows("stalled");
        sender.shows("stalled");
        wire.release();
        sender.shows("done: ");
        sender.exits(0);
        receiver.ends().exits(0);
        let all = sender.everything();
        // Lines drawn while the size changed may have either width.
        let wide = drawn(&before);
        let wide = &wide[wide.len().saturating_sub(3)..];
        let narrow = drawn(&all[before.len()..]);
        for (lines, columns) in [(wide, first), (&narrow[1..], second)] {
            assert!(!lines.is_empty(), "{all}");
            for line in lines {
                assert!(
                    line.chars().count() < usize::from(columns),
                    "{columns}: {line}"
                );
            }
        }
        let names_it = wide.iter().any(|line| line.contains("holiday.bin"));
        assert_eq!(names_it, first == 200, "{wide:?}");
    }
}

#[test]
fn a_stall_names_the_side_that_is_waited_for() {
    let scene = Scene::new();
    scene.file("file", noise(12, 24 << 20));
    let receiver = scene
        .run("receive in --yes --port 0 --progress lines")
        .start();
    let wire = Proxy::holding_at(receiver.port(), 8 << 20);
    let sender = scene.run("send file --to @ --level 0 --progress lines");
    let sender = sender.to(wire.port()).start();
    sender.says("waiting for the receiver");
    receiver.says("waiting for the sender");
    wire.release();
    for ended in [sender.ends().exits(0), receiver.ends().exits(0)] {
        assert!(
            ended.error().contains("100% of 24.0 MiB"),
            "{}",
            ended.told()
        );
    }
}
