//! A transfer from this machine to itself, with a fresh secret, through the same code as any other.

use crate::cli::error::CliError;
use crate::cli::platform;
use crate::crypto::{Secret, random_bytes};
use crate::session::{
    self, Connect, Error, Event, ListenAddress, Operator, PeerAddress, ReceiveOptions, Rendezvous,
    SendOptions, Summary,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Both sides run here, so if they don't meet within this time, they never will.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs both sides to their ends. The operators receive events and no questions.
///
/// # Errors
/// The first error.
pub(super) fn transfer(
    send: &SendOptions,
    sender: &dyn Operator,
    receive: &ReceiveOptions,
    receiver: &dyn Operator,
) -> Result<Vec<Summary>, CliError> {
    let words = Secret::generate()?;
    let secret = Arc::new(Secret::from_text(words.text()).map_err(|_| CliError::Bug)?);
    let listen = Rendezvous::Listen(ListenAddress {
        address: Some(LOOPBACK),
        port: 0,
    });
    let mut listener = Connect::new(listen, Arc::clone(&secret));
    listener.wait = Some(PATIENCE);
    thread::scope(|scope| {
        let (port, ports) = mpsc::channel();
        // Moved into the thread, so that the wait for the port ends if the thread does.
        let receiver = PortReporter { receiver, port };
        let receiving = move || session::receive(&listener, receive, &receiver);
        let thread = thread::Builder::new().name("receiver".to_owned());
        let receiving = thread.spawn_scoped(scope, receiving);
        let receiving = receiving.map_err(|source| Error::System { source })?;
        let sent = ports.recv().ok().map(|port| {
            let dial = Rendezvous::Dial(PeerAddress {
                host: LOOPBACK.to_string(),
                port,
            });
            session::send(&Connect::new(dial, secret), send, sender)
        });
        let received = receiving.join().map_err(|_| CliError::Bug)?;
        Ok(first_cause(sent.transpose(), received)?)
    })
}

/// The receiver's operator, which passes on the port that the system chose.
struct PortReporter<'a> {
    receiver: &'a dyn Operator,
    port: mpsc::Sender<u16>,
}

impl Operator for PortReporter<'_> {
    fn event(&self, event: &Event<'_>) {
        self.receiver.event(event);
        if let Event::Listening { addresses } = event
            && let Some(address) = addresses.first()
        {
            // Fails only if the sender's side is gone, and then nobody needs the port.
            let _ = self.port.send(address.port());
        }
    }
}

/// The error that caused the other one. The error of a side that gave up says more than that of a side that lost
/// its peer.
fn first_cause<S, R>(sent: Result<S, Error>, received: Result<R, Error>) -> Result<R, Error> {
    match (sent, received) {
        (Ok(_), received) => received,
        (
            Err(sent),
            Ok(_)
            | Err(
                Error::Lost { .. }
                | Error::PeerAborted { .. }
                | Error::NobodyCame { .. }
                | Error::Silent { .. },
            ),
        ) => Err(sent),
        (Err(_), Err(cause)) => Err(cause),
    }
}

/// A new private folder below the system's folder for temporary files; `what` is for its name.
///
/// # Errors
/// It cannot be made, or the system has no random bytes.
pub(super) fn fresh_folder(what: &str) -> Result<PathBuf, CliError> {
    let number = u64::from_be_bytes(random_bytes()?);
    let path = std::env::temp_dir().join(format!("peerbridge-{what}-{number:016x}"));
    platform::create_private_folder(&path).map_err(CliError::cannot_write(&path))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn the_cause_is_told_and_not_what_followed_from_it() {
        let lost = || Error::Lost {
            source: std::io::ErrorKind::ConnectionReset.into(),
        };
        let declined = || Error::WrongCode;
        let exit = |sent: Result<(), Error>, received: Result<(), Error>| {
            let cause = first_cause(sent, received).err()?;
            Some(Exit::of_session(&cause))
        };
        let found = [
            exit(Err(lost()), Err(declined())),
            exit(Err(declined()), Err(lost())),
            exit(Err(declined()), Ok(())),
            exit(Ok(()), Err(declined())),
        ];
        assert_eq!(found, [Some(Exit::WrongSecret); 4]);
        assert_eq!(exit(Ok(()), Ok(())), None);
    }

    #[test]
    #[cfg(unix)]
    fn the_folder_is_private_and_new() {
        use std::os::unix::fs::MetadataExt;
        let [one, other] = [(); 2].map(|()| fresh_folder("test").unwrap());
        assert_ne!(one, other);
        assert_eq!(std::fs::metadata(&one).unwrap().mode() & 0o777, 0o700);
        for folder in [one, other] {
            std::fs::remove_dir(folder).unwrap();
        }
    }
}
