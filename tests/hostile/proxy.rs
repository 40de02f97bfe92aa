//! A TCP proxy for loopback that does to the bytes what a bad line or somebody in between does.

use crate::real::LONG;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What becomes of the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Pass,
    /// They pass one by one, this many of them; the rest as it comes.
    Single(usize),
    /// What comes within this time passes in one piece.
    Gathered(Duration),
    /// The connection is cut behind this many, with a FIN.
    Cut(usize),
    /// The connection is cut behind this many, with unread bytes in it: with a RST.
    Reset(usize),
    /// One bit of all is flipped.
    Flip(usize),
    /// The byte there becomes this one.
    Set(usize, u8),
    /// Behind this many nothing more passes, and nobody is told.
    Silence(usize),
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It goes on to the listener, each direction its way.
    Through { to_listener: Way, to_dialler: Way },
    /// The dialler gets back what it says.
    Echo,
}

pub const PASS: Line = Line::Through {
    to_listener: Way::Pass,
    to_dialler: Way::Pass,
};

/// What passed in both directions of one connection, after the proxy's doing.
#[derive(Clone, Default)]
pub struct Recording {
    pub to_listener: Vec<u8>,
    pub to_dialler: Vec<u8>,
}

/// A proxy; ends every connection when dropped.
pub struct Proxy {
    pub port: u16,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    closed: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
    recordings: Mutex<Vec<Recording>>,
}

impl Proxy {
    /// Every connection goes to `target` in the same way.
    pub fn new(target: u16, line: Line) -> Proxy {
        Proxy::by_connection(target, move |_| line)
    }

    /// Connection `n`, counted from 0, goes to `target` by `line(n)`.
    pub fn by_connection(target: u16, line: impl Fn(usize) -> Line + Send + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let inner = Arc::new(Inner::default());
        let proxy = Proxy {
            port,
            inner: Arc::clone(&inner),
        };
        std::thread::spawn(move || {
            for number in 0.. {
                let Ok((dialler, _)) = listener.accept() else {
                    return;
                };
                if inner.closed.load(Ordering::SeqCst) {
                    return;
                }
                inner.serve(dialler, target, number, line(number));
            }
        });
        proxy
    }

    /// The first connection's recording.
    pub fn recording(&self) -> Recording {
        self.recordings().first().cloned().unwrap_or_default()
    }

    /// All connections' recordings.
    pub fn recordings(&self) -> Vec<Recording> {
        held(&self.inner.recordings).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.inner.closed.store(true, Ordering::SeqCst);
        for stream in held(&self.inner.streams).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Inner {
    fn serve(self: &Arc<Self>, dialler: TcpStream, target: u16, number: usize, line: Line) {
        held(&self.recordings).push(Recording::default());
        self.keep(&dialler);
        let (to_listener, to_dialler) = match line {
            Line::Through {
                to_listener,
                to_dialler,
            } => (to_listener, to_dialler),
            Line::Echo => {
                let back = clone(&dialler);
                self.spawn(dialler, back, Way::Pass, number, |r| &mut r.to_dialler);
                return;
            }
        };
        let Ok(listener) = TcpStream::connect(("127.0.0.1", target)) else {
            return;
        };
        self.keep(&listener);
        let (from_dialler, from_listener) = (clone(&dialler), clone(&listener));
        self.spawn(from_dialler, listener, to_listener, number, |r| {
            &mut r.to_listener
        });
        self.spawn(from_listener, dialler, to_dialler, number, |r| {
            &mut r.to_dialler
        });
    }

    fn keep(&self, stream: &TcpStream) {
        stream.set_nodelay(true).expect("connected");
        held(&self.streams).push(clone(stream));
    }

    fn spawn(
        self: &Arc<Self>,
        from: TcpStream,
        to: TcpStream,
        way: Way,
        number: usize,
        side: fn(&mut Recording) -> &mut Vec<u8>,
    ) {
        let inner = Arc::clone(self);
        std::thread::spawn(move || {
            let record = |bytes: &[u8]| {
                side(&mut held(&inner.recordings)[number]).extend_from_slice(bytes);
            };
            pump(from, to, way, record, || held(&inner.streams).clear());
        });
    }
}

fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    way: Way,
    record: impl Fn(&[u8]),
    forget: impl Fn(),
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut passed = 0;
    loop {
        if let Way::Reset(at) = way
            && passed == at
        {
            // Bytes that wait unread when the last handle is closed make the system send a RST.
            let _ = from.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = from.peek(&mut buffer);
            let _ = to.shutdown(Shutdown::Both);
            forget();
            return;
        }
        let most = match way {
            Way::Cut(at) if passed == at => {
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
            Way::Cut(at) | Way::Reset(at) => (at - passed).min(buffer.len()),
            Way::Gathered(pause) => {
                std::thread::sleep(pause);
                buffer.len()
            }
            _ => buffer.len(),
        };
        let count = match from.read(&mut buffer[..most]) {
            Ok(0) | Err(_) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => count,
        };
        let bytes = &mut buffer[..count];
        match way {
            Way::Flip(bit) if (passed..passed + count).contains(&(bit / 8)) => {
                bytes[bit / 8 - passed] ^= 1 << (bit % 8);
            }
            Way::Set(at, value) if (passed..passed + count).contains(&at) => {
                bytes[at - passed] = value;
            }
            _ => {}
        }
        let before = passed;
        passed += count;
        let bytes = match way {
            Way::Silence(at) => &bytes[..at.saturating_sub(before).min(count)],
            _ => &bytes[..],
        };
        record(bytes);
        let piece = match way {
            Way::Single(first) if before < first => 1,
            _ => count,
        };
        if bytes
            .chunks(piece)
            .any(|piece| to.write_all(piece).is_err())
        {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    let clone = stream.try_clone().expect("descriptors are left");
    clone.set_write_timeout(Some(LONG)).expect("connected");
    clone
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}
