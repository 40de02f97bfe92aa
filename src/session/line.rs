//! A line to the peer that a program provides: two streams of bytes in place of a TCP connection.
//!
//! Two threads pump between the line and a connection of this process to itself, so a session has the same
//! transport, with the same time limits, over every way to its peer.

use crate::session::sync::Monitor;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

/// Stands for the peer's address on a line, which has none.
pub(crate) const NO_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// How long a session waits at its end for the line to take the last bytes.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// Buffer size of a pump, in bytes.
const PUMP_BYTES: usize = 64 * 1024;

/// What comes from the peer, and what goes to it.
pub type LineStreams = (Box<dyn Read + Send>, Box<dyn Write + Send>);

type OpenLine = dyn Fn() -> io::Result<LineStreams> + Send + Sync;

/// A line to the peer that a program provides, such as the standard input and output of `ssh`. It only carries
/// bytes: the secret is proven over it as over any connection.
///
/// ```
/// use peerbridge::{Connect, Line, Rendezvous, Secret};
///
/// let line = Line::new("standard input and output", || {
///     Ok((Box::new(std::io::stdin()), Box::new(std::io::stdout())))
/// });
/// let secret = Secret::from_text("correct horse battery")?;
/// let connect = Connect::new(Rendezvous::AnswerOver(line), secret);
/// # Ok::<(), peerbridge::CredentialError>(())
/// ```
#[derive(Clone)]
pub struct Line {
    name: Arc<str>,
    open: Arc<OpenLine>,
}

impl Line {
    /// `open` is called for each attempt to reach the peer, also after the line was lost. Errors call the line
    /// `name`.
    pub fn new(
        name: impl Into<Arc<str>>,
        open: impl Fn() -> io::Result<LineStreams> + Send + Sync + 'static,
    ) -> Self {
        Line {
            name: name.into(),
            open: Arc::new(open),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens the line. Keep the pump for as long as the connection is in use.
    pub(crate) fn connect(&self) -> io::Result<(TcpStream, Pump)> {
        let (input, output) = (self.open)()?;
        let (near, far) = connected_pair()?;
        let pump = Pump::start(input, output, far)?;
        Ok((near, pump))
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Line").field(&self.name).finish()
    }
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.open, &other.open)
    }
}

impl Eq for Line {}

/// The threads that move bytes between a line and a connection. Dropped once the connection has ended, it waits
/// a moment until the line has taken the rest.
pub(crate) struct Pump {
    is_drained: Arc<Monitor<bool>>,
}

impl Pump {
    fn start(
        mut input: Box<dyn Read + Send>,
        mut output: Box<dyn Write + Send>,
        far: TcpStream,
    ) -> io::Result<Pump> {
        far.set_nodelay(true)?;
        let far = Arc::new(far);
        let is_drained = Arc::new(Monitor::new(false));
        let drained = Arc::clone(&is_drained);
        let from_session = Arc::clone(&far);
        Builder::new().name("line out".into()).spawn(move || {
            if pump(&mut &*from_session, &mut *output).is_err() {
                // If the line takes nothing more, the session notices when its input ends.
                let _ = pump(&mut &*from_session, &mut io::sink());
            }
            // Closing it tells the other side that nothing more comes.
            drop(output);
            drained.change(|drained| *drained = true);
        })?;
        Builder::new().name("line in".into()).spawn(move || {
            // However the line ends, the session sees a closed connection.
            let _ = pump(&mut *input, &mut &*far);
            let _ = far.shutdown(Shutdown::Write);
        })?;
        Ok(Pump { is_drained })
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        drop(
            self.is_drained
                .wait_while_for(LAST_BYTES, |drained| !drained),
        );
    }
}

/// Copies bytes to the end. Flushes before every read, so that no byte waits here.
fn pump(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; PUMP_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                to.flush()?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Both ends of a loopback connection within this process.
fn connected_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let own = near.local_addr()?;
    loop {
        // Another program on this machine may dial the port first.
        let (far, from) = listener.accept()?;
        if from == own {
            return Ok((near, far));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// The writing end of a line, which hands over what is written and tells when it was dropped.
    struct Recorder(mpsc::Sender<Vec<u8>>);

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(input: &'static [u8], sent: mpsc::Sender<Vec<u8>>) -> Line {
        Line::new("test", move || {
            Ok((Box::new(input), Box::new(Recorder(sent.clone()))))
        })
    }

    #[test]
    fn bytes_and_ends_pass_in_both_directions() {
        let (sender, sent) = mpsc::channel();
        let (mut near, pump) = line(b"from there", sender).connect().unwrap();
        let mut heard = String::new();
        near.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "from there");
        near.write_all(b"from here").unwrap();
        drop(near);
        drop(pump);
        let all: Vec<u8> = sent.try_iter().flatten().collect();
        assert_eq!(all, b"from here", "taken before the pump is gone");
    }

    #[test]
    fn a_line_that_takes_nothing_is_heard_to_its_end() {
        let (sender, sent) = mpsc::channel();
        drop(sent);
        let (mut near, pump) = line(b"why", sender).connect().unwrap();
        near.write_all(&[0; 1024]).unwrap();
        let mut heard = String::new();
        near.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "why");
        drop(near);
        drop(pump);
    }

    #[test]
    fn what_cannot_be_opened_is_an_error() {
        let line = Line::new("test", || Err(ErrorKind::NotFound.into()));
        assert_eq!(line.connect().err().unwrap().kind(), ErrorKind::NotFound);
        assert_eq!(line, line.clone());
    }
}
