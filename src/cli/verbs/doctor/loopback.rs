//! A complete transfer from this machine to itself, through the same code as any other.

use crate::cli::error::CliError;
use crate::cli::platform;
use crate::crypto::{Secret, random_bytes};
use crate::session::{
    self, Cancel, Connect, Error, Event, ListenAddress, Operator, PeerAddress, ReceiveOptions,
    Rendezvous, SendOptions,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Both sides run here, so anything longer means that they never meet.
const PATIENCE: Duration = Duration::from_secs(10);

/// Large enough for several parts.
const BYTES: usize = 3 << 20;

/// Sends a file to itself and compares it.
///
/// # Errors
/// What stood in the way.
pub(super) fn transfer() -> Result<(), CliError> {
    let random: [u8; 8] = random_bytes()?;
    let name = format!("peerbridge-doctor-{:016x}", u64::from_be_bytes(random));
    let folder = std::env::temp_dir().join(name);
    let failed = |source| CliError::CannotWrite {
        what: folder.display().to_string(),
        source,
    };
    platform::create_private_folder(&folder).map_err(failed)?;
    let compared = transfer_in(&folder);
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    compared
}

fn transfer_in(folder: &Path) -> Result<(), CliError> {
    let (source, received) = (folder.join("file"), folder.join("received"));
    let contents: Vec<u8> = (0_u32..)
        .map(|n| (n ^ (n >> 8)).to_le_bytes()[0])
        .take(BYTES)
        .collect();
    std::fs::write(&source, &contents).map_err(|error| CliError::CannotWrite {
        what: source.display().to_string(),
        source: error,
    })?;
    meet(&source, &received)?;
    let copy = received.join("file");
    match std::fs::read(&copy) {
        Ok(copied) if copied == contents => Ok(()),
        _ => Err(CliError::Different {
            path: copy,
            count: 1,
        }),
    }
}

fn meet(source: &Path, received: &Path) -> Result<(), CliError> {
    let words = Secret::generate()?;
    let [ours, theirs] = [&words, &words].map(|words| secret(words.text()));
    let cancel = Cancel::new();
    let mut listener = Connect::new(
        Rendezvous::Listen(ListenAddress {
            address: Some(LOOPBACK),
            port: 0,
        }),
        theirs?,
    );
    listener.wait = Some(PATIENCE);
    listener.cancel = cancel.clone();
    let options = ReceiveOptions::new(received.to_owned());
    thread::scope(|scope| {
        let (sender, port) = mpsc::sync_channel(1);
        let receiving = move || session::receive(&listener, &options, &Port(sender));
        let receiver = thread::Builder::new().spawn_scoped(scope, receiving);
        let receiver = receiver.map_err(|source| Error::System { source })?;
        let sent = port.recv().ok().map(|port| dial(port, ours?, source));
        if let Some(Err(_)) = &sent {
            cancel.cancel();
        }
        let received = receiver.join().map_err(|_| CliError::Bug)?;
        sent.transpose()?;
        received?;
        Ok(())
    })
}

fn dial(port: u16, secret: Secret, source: &Path) -> Result<(), CliError> {
    let dial = Rendezvous::Dial(PeerAddress {
        host: LOOPBACK.to_string(),
        port,
    });
    let options = SendOptions::new(vec![PathBuf::from(source)]);
    let operator = session::Unattended;
    session::send(&Connect::new(dial, secret), &options, &operator)?;
    Ok(())
}

fn secret(text: &str) -> Result<Secret, CliError> {
    Secret::from_text(text).map_err(|fault| CliError::Secret {
        origin: "the generated secret".to_owned(),
        fault,
    })
}

/// Hands on the port that the listener got.
struct Port(SyncSender<u16>);

impl Operator for Port {
    fn event(&self, event: &Event<'_>) {
        if let Event::Listening { addresses } = event
            && let Some(first) = addresses.first()
        {
            // Only the first address is needed.
            let _ = self.0.try_send(first.port());
        }
    }
}
