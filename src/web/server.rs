//! Accepts connections of this machine's browser, with a thread for each.

use crate::cli::environment::Environment;
use crate::cli::options::web::WebOptions;
use crate::session::Error;
use crate::web::api::Api;
use crate::web::commands::Commands;
use crate::web::guard::Guard;
use crate::web::http::request::Request;
use crate::web::http::response::{self, Status};
use crate::web::jobs::Jobs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The most connections at the same time. A browser opens six for one page.
const CONNECTIONS: usize = 64;
/// How often to check whether a page is open.
const LOOK: Duration = Duration::from_secs(1);

/// The page's server.
pub(super) struct Server {
    api: Api,
    /// Connections that are open.
    count: AtomicUsize,
    is_ending: AtomicBool,
    idle: Duration,
}

/// Listens on the loopback address, that of IPv6 if there is no IPv4.
///
/// # Errors
/// The port is not available.
pub(super) fn listen(port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let addresses: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let [first, second] = addresses.map(|address| SocketAddr::new(address, port));
    let bound = TcpListener::bind(first).or_else(|error| match error.kind() {
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported => TcpListener::bind(second),
        _ => Err(error),
    });
    let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
    match bound {
        Ok((address, listener)) => Ok((listener, address)),
        Err(source) => Err(Error::CannotListen {
            address: first,
            source,
        }),
    }
}

impl Server {
    pub(super) fn new(
        options: WebOptions,
        commands: Commands,
        guard: Guard,
        environment: Environment,
    ) -> Arc<Server> {
        let idle = options.idle;
        Arc::new(Server {
            api: Api::new(guard, Arc::new(Jobs::new(options, commands, environment))),
            count: AtomicUsize::new(0),
            is_ending: AtomicBool::new(false),
            idle,
        })
    }

    /// Serves until the page ends the program, or no page was open for too long.
    ///
    /// # Errors
    /// The listener fails, or there is no thread.
    pub(super) fn serve(self: Arc<Self>, listener: &TcpListener) -> io::Result<()> {
        let address = listener.local_addr()?;
        let watcher = Arc::clone(&self);
        let thread = thread::Builder::new().name("idle".to_owned());
        thread.spawn(move || watcher.watch(address))?;
        for stream in listener.incoming() {
            if self.is_ending.load(Ordering::SeqCst) {
                break;
            }
            let Ok(stream) = stream else {
                // Out of descriptors. Some will be freed soon.
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            if self.count.load(Ordering::SeqCst) >= 2 * CONNECTIONS {
                // Half of them are being told that there are too many.
                continue;
            }
            let (server, stream) = (Arc::clone(&self), Arc::new(stream));
            let connection = Arc::clone(&stream);
            let thread = thread::Builder::new().name("page".to_owned());
            let spawned = thread.spawn(move || server.answer(&connection, address));
            if spawned.is_err() {
                // Without a thread, the connection can only be closed.
                drop(stream);
            }
        }
        self.api.end();
        self.wait_for_pages();
        Ok(())
    }

    /// Ends the accept loop.
    fn end(&self, address: SocketAddr) {
        self.is_ending.store(true, Ordering::SeqCst);
        // Wakes the accept loop; if it cannot be reached, it has ended.
        let _ = TcpStream::connect(address);
    }

    fn watch(&self, address: SocketAddr) {
        while !self.is_ending.load(Ordering::SeqCst) {
            thread::sleep(LOOK);
            if self.api.jobs.log.alone(Instant::now()) >= self.idle && !self.api.jobs.is_running() {
                self.end(address);
            }
        }
    }

    /// Waits for pages to receive the end.
    fn wait_for_pages(&self) {
        let deadline = Instant::now() + Duration::from_secs(2);
        while self.count.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn answer(&self, stream: &TcpStream, address: SocketAddr) {
        let seat = Seat::take(&self.count);
        let read = match seat.number <= CONNECTIONS {
            true => Request::read(stream),
            false => Err(Some(Status::TooMany)),
        };
        // A page that is gone needs no answer.
        let _ = match read {
            Ok(request) => self.api.answer(request, stream),
            Err(Some(status)) => response::refuse(stream, status),
            Err(None) => Ok(()),
        };
        if self.api.is_ended() {
            self.end(address);
        }
    }
}

/// One of the open connections.
struct Seat<'a> {
    count: &'a AtomicUsize,
    number: usize,
}

impl<'a> Seat<'a> {
    fn take(count: &'a AtomicUsize) -> Seat<'a> {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        Seat { count, number }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}
