//! Strangers who only know the address: however many come, a real peer is served, and all resources are freed.

use crate::harness::trees::noise;
use crate::harness::{Running, SECRET, Scene, has_tool, until};
use rustix::net::{AddressFamily, SocketType};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// These tests use the whole machine, so they run one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// If this variable is set, slow tests use the numbers in `docs/RELIABILITY.md`.
const FULL: &str = "PEERBRIDGE_FULL_LOAD";

struct Before {
    threads: usize,
    descriptors: usize,
    resident: u64,
}

impl Before {
    fn of(served: &Running) -> Before {
        Before {
            threads: served.threads(),
            descriptors: served.descriptors(),
            resident: served.memory("VmRSS"),
        }
    }

    /// Waits until threads and descriptors are back to their number before, and memory nearly so.
    #[track_caller]
    fn comes_back(&self, served: &Running) {
        until("the threads' end", || {
            (served.threads() <= self.threads).then_some(())
        });
        until("the descriptors' end", || {
            (served.descriptors() <= self.descriptors).then_some(())
        });
        let grown = served.memory("VmRSS").saturating_sub(self.resident);
        assert!(grown < 64 << 20, "{grown} bytes more than before");
    }
}

fn connect(port: u16) -> Option<TcpStream> {
    let address = ([127, 0, 0, 1], port).into();
    TcpStream::connect_timeout(&address, Duration::from_secs(10)).ok()
}

/// A real peer must be served. It waits for a slow listener, but not after a refusal.
#[track_caller]
fn a_real_peer_is_served(scene: &Scene, name: &str, port: u16) {
    scene.tree(name, 31);
    scene.sends(&format!("{name} --retry 3"), port).exits(0);
    scene.assert_same(name, &format!("inbox/{name}"));
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    a_real_peer_is_served(&scene, "before", served.port());
    let before = Before::of(&served);
    let idle: Vec<_> = (0..1000).filter_map(|_| connect(served.port())).collect();
    assert!(idle.len() > 900, "{}", idle.len());
    a_real_peer_is_served(&scene, "between", served.port());
    assert!(
        served.threads() < before.threads + 600,
        "{}",
        served.threads()
    );
    assert!(served.descriptors() < before.descriptors + 600);
    drop(idle);
    before.comes_back(&served);
    a_real_peer_is_served(&scene, "after", served.port());
}

#[test]
fn two_hundred_that_trickle_keep_nobody_out() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    let before = Before::of(&served);
    let mut trickling: Vec<_> = (0..200).filter_map(|_| connect(served.port())).collect();
    let hello = b"\x00\x00\x00\x73\x01PEERBRDG\x01\x02\x01";
    std::thread::scope(|scope| {
        let dripping = scope.spawn(|| {
            for byte in &hello[..6] {
                for stream in &mut trickling {
                    // Connections that were dropped for others fail here.
                    let _ = stream.write_all(&[*byte]);
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        a_real_peer_is_served(&scene, "between", served.port());
        dripping.join().unwrap();
    });
    // The deadline of the handshake ends them without further bytes from this side.
    before.comes_back(&served);
    drop(trickling);
}

#[test]
fn thousands_that_connect_and_leave() {
    let _alone = ALONE.lock();
    let count = match std::env::var_os(FULL) {
        Some(_) => 10_000,
        None => 2_000,
    };
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    a_real_peer_is_served(&scene, "before", served.port());
    let before = Before::of(&served);
    std::thread::scope(|scope| {
        let port = served.port();
        let leaving = scope.spawn(move || {
            for number in 0..count {
                let Some(mut stream) = connect(port) else {
                    continue;
                };
                if number % 3 == 0 {
                    let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n");
                }
            }
        });
        a_real_peer_is_served(&scene, "between", served.port());
        leaving.join().unwrap();
    });
    before.comes_back(&served);
}

#[test]
fn with_few_descriptors_it_neither_spins_nor_starves() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    let served = scene.run("serve inbox").after("ulimit -n 64").listens();
    a_real_peer_is_served(&scene, "before", served.port());
    let before = Before::of(&served);
    let idle: Vec<_> = (0..200).filter_map(|_| connect(served.port())).collect();
    a_real_peer_is_served(&scene, "between", served.port());
    let ticks = served.ticks();
    std::thread::sleep(Duration::from_secs(1));
    let used = served.ticks() - ticks;
    assert!(
        used < 50,
        "{used} hundredths of a second of processor time in one second"
    );
    drop(idle);
    before.comes_back(&served);
    a_real_peer_is_served(&scene, "after", served.port());
}

/// The kind of a Refuse frame.
const REFUSE: u8 = 3;

/// The kind of a Hello frame.
const HELLO: u8 = 1;

/// A Hello whose share is the encoding of the generator: valid, but its scalar is useless.
fn hello() -> Vec<u8> {
    let share = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76";
    let share = (0..32).map(|n| u8::from_str_radix(&share[2 * n..2 * n + 2], 16).unwrap());
    let mut hello = b"PEERBRDG\x01\x02\x01".to_vec();
    hello.extend([7; 32]);
    hello.extend([0; 16]);
    hello.extend(share);
    let mut frame = (hello.len() as u32).to_be_bytes().to_vec();
    frame.push(1);
    frame.extend(hello);
    frame
}

fn guess(port: u16) -> TcpStream {
    let mut stream = connect(port).unwrap();
    // A peer that is refused at once may be refused before this is written.
    let _ = stream.write_all(&hello());
    stream
}

/// Makes wrong guesses one after the other, each of which is counted.
#[track_caller]
fn guesses_wrong(served: &Running, times: u32) {
    for count in 1..=times {
        assert_eq!(kind_of_answer(guess(served.port())), Some(HELLO));
        let counted = format!("({count} so far)");
        until("the count", || {
            served.error().contains(&counted).then_some(())
        });
    }
}

/// The kind of the first frame; `None` if the connection ends without an answer.
fn kind_of_answer(mut stream: TcpStream) -> Option<u8> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).ok()?;
    Some(header[4])
}

#[test]
fn hellos_without_a_proof_are_counted_and_slowed_down() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    let before = Before::of(&served);
    guesses_wrong(&served, 6);
    // Some of these would have to wait too long, and are told to try again.
    let guesses: Vec<_> = (0..60).map(|_| guess(served.port())).collect();
    let answers: Vec<_> = guesses.into_iter().filter_map(kind_of_answer).collect();
    assert!(answers.contains(&REFUSE), "{answers:?}");
    scene.tree("real", 33);
    let sent = until("the real peer's turn", || {
        let sent = scene.sends("real", served.port());
        (sent.code() != Some(4)).then_some(sent)
    });
    sent.exits(0);
    before.comes_back(&served);
}

#[test]
fn a_proven_peer_is_forgiven_its_wrong_guesses() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    guesses_wrong(&served, 6);
    a_real_peer_is_served(&scene, "real", served.port());
    // If the earlier wrong guesses still counted, some of these would have to wait too long.
    let guesses: Vec<_> = (0..10).map(|_| guess(served.port())).collect();
    let answers: Vec<_> = guesses.into_iter().filter_map(kind_of_answer).collect();
    assert!(!answers.contains(&REFUSE), "{answers:?}");
}

/// Connects from the given loopback address.
fn connect_from(from: Ipv4Addr, port: u16) -> TcpStream {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrV4::new(from, 0)).unwrap();
    rustix::net::connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).unwrap();
    TcpStream::from(socket)
}

/// Guesses until `is_over`: each answered Hello is followed by a wrong proof, or by silence.
fn guess_on(from: Ipv4Addr, port: u16, is_over: &AtomicBool, answered: &AtomicUsize) {
    let confirm = [&[0, 0, 0, 32, 4][..], &[0; 32]].concat();
    while !is_over.load(Ordering::SeqCst) {
        let mut stream = connect_from(from, port);
        let wait = Duration::from_secs(1);
        stream.set_read_timeout(Some(wait)).unwrap();
        // A peer that is refused at once may be refused before this is written.
        let _ = stream.write_all(&hello());
        let mut answer = [0; 5];
        while !is_over.load(Ordering::SeqCst) {
            match stream.read_exact(&mut answer) {
                Ok(()) => break,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        if answer[4] == HELLO {
            match answered.fetch_add(1, Ordering::SeqCst) % 2 {
                0 => drop(stream.write_all(&confirm)),
                _ => drop(stream.read(&mut [0; 512])),
            }
        }
    }
}

/// With the numbers of `docs/RELIABILITY.md` it prints how long the real peer waits.
#[test]
fn idle_connections_and_guessers_from_fifty_addresses_keep_nobody_out() {
    let _alone = ALONE.lock();
    let count = match std::env::var_os(FULL) {
        Some(_) => 5_000,
        None => 1_000,
    };
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    let before = Before::of(&served);
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let idle: Vec<_> = (0..count).filter_map(|_| connect(served.port())).collect();
    std::thread::scope(|scope| {
        for address in 1..=50 {
            let (port, is_over, answered) = (served.port(), &is_over, &answered);
            let from = Ipv4Addr::from_bits(0x7f02_0000 + address);
            scope.spawn(move || guess_on(from, port, is_over, answered));
        }
        until("guesses beyond those that are free", || {
            (answered.load(Ordering::SeqCst) > 100).then_some(())
        });
        for number in 0..5 {
            let name = format!("real{number}");
            scene.tree(&name, 35);
            let begun = Instant::now();
            let sender = scene.run(&format!("send {name} --to @ --retry 0"));
            let sent = sender.to(served.port()).ends();
            println!("served after {:.2} s", begun.elapsed().as_secs_f64());
            is_over.store(sent.code() != Some(0), Ordering::SeqCst);
            sent.exits(0);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    drop(idle);
    before.comes_back(&served);
}

/// Guessers share the address of a real peer, whose name was proven from there before. The peer waits for none
/// of them, so `--wait 5`, the promised time, is enough.
#[test]
fn guessers_at_its_own_address_do_not_delay_a_name_that_was_proven_there() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    let file = scene.private_file("secrets", &format!("alice {SECRET}\n"));
    let served = scene.run("serve inbox --secrets-file").arg(file).listens();
    let before = Before::of(&served);
    let send = |name: &str| {
        scene.tree(name, 37);
        let sender = scene.run(&format!("send {name} --as alice --to @ --retry 0 --wait 5"));
        sender.to(served.port()).ends()
    };
    send("first").exits(0);
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..50 {
            let (port, is_over, answered) = (served.port(), &is_over, &answered);
            scope.spawn(move || guess_on(Ipv4Addr::LOCALHOST, port, is_over, answered));
        }
        until("guesses beyond those that are free", || {
            (answered.load(Ordering::SeqCst) > 6).then_some(())
        });
        for number in 0..5 {
            let begun = Instant::now();
            let sent = send(&format!("real{number}"));
            println!("served after {:.2} s", begun.elapsed().as_secs_f64());
            is_over.store(sent.code() != Some(0), Ordering::SeqCst);
            sent.exits(0);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    before.comes_back(&served);
}

/// At a receiver for one transfer, streams cost descriptors as well: it accepts as many streams as it has
/// descriptors for.
#[test]
fn a_receiver_with_few_descriptors_takes_few_streams() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    scene.file("large", noise(39, 40 << 20));
    let receiver = scene.run("receive into --yes").after("ulimit -n 24");
    let receiver = receiver.listens();
    let sent = scene.sends("large --streams 32 --level 0", receiver.port());
    sent.exits(0);
    receiver.ends().exits(0).never_says("warning");
    scene.assert_same("large", "into/large");
}

/// The same at a sender, whichever side dials.
#[test]
fn a_sender_with_few_descriptors_opens_few_streams() {
    let _alone = ALONE.lock();
    let scene = Scene::new();
    // In parts of 2 MiB, with at least two for each stream.
    scene.file("large", vec![7; 120 << 20]);
    let send = "send large --streams 64 --level 0";
    let receiver = scene.listens("receive dialled --yes");
    let sender = scene.run(&format!("{send} --to @")).after("ulimit -n 32");
    let sent = sender.to(receiver.port()).ends();
    sent.exits(0).never_says("warning");
    receiver.ends().exits(0).never_says("warning");
    scene.assert_same("large", "dialled/large");
    let sender = scene.run(&format!("{send} --listen")).after("ulimit -n 32");
    let sender = sender.listens();
    let receiver = scene.run("receive listened --yes --streams 64 --from @");
    receiver
        .to(sender.port())
        .ends()
        .exits(0)
        .never_says("warning");
    sender.ends().exits(0).never_says("warning");
    scene.assert_same("large", "listened/large");
}

/// Limits its descriptors from now on, although more may be open.
fn allow_descriptors(served: &Running, count: &str) {
    let ran = Command::new("prlimit")
        .args(["--pid", &served.id().to_string()])
        .arg(format!("--nofile={count}:"))
        .status();
    assert!(ran.unwrap().success());
}

#[test]
fn without_a_descriptor_left_it_waits_for_one() {
    if !has_tool("prlimit") {
        return;
    }
    let _alone = ALONE.lock();
    let scene = Scene::new();
    let served = scene.listens("serve inbox");
    allow_descriptors(&served, "3");
    let waiting = connect(served.port());
    let ticks = served.ticks();
    std::thread::sleep(Duration::from_secs(1));
    let used = served.ticks() - ticks;
    assert!(used < 50, "{used} hundredths of a second in one second");
    allow_descriptors(&served, "256");
    a_real_peer_is_served(&scene, "after", served.port());
    drop(waiting);
}
