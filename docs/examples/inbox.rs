//! A program that serves a drop box for a while, shows each transfer, and stops.
//!
//! `cargo run --example inbox -- DIR SECONDS`, with the secret in `SECRET`; it prints its port.

use peerbridge::{
    Event, ListenAddress, Operator, ReceiveOptions, Reception, Secret, Secrets, ServeOptions,
};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Accepts everything and prints a line for each transfer.
struct Inbox;

impl Operator for Inbox {
    fn event(&self, event: &Event<'_>) {
        if let Event::Listening { addresses } = event {
            println!("listening on {addresses:?}");
        }
    }

    fn received(&self, reception: &Reception<'_>) {
        match reception.outcome {
            // These are paths of this machine; the peer's names were checked before.
            Ok(summary) => println!("{} files, now {:?}", summary.files, summary.delivered),
            Err(error) => println!("nothing from {}: {error}", reception.peer),
        }
    }
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), String> {
    let mut words = std::env::args_os().skip(1);
    let folder = words.next().ok_or("which folder?")?;
    let seconds = words.next().and_then(|word| word.to_str()?.parse().ok());
    let seconds = Duration::from_secs(seconds.ok_or("for how many seconds?")?);
    let secret = std::env::var("SECRET").map_err(|_| "which secret? set SECRET")?;
    let secret = Secret::from_text(secret).map_err(|fault| fault.to_string())?;

    let anywhere = ListenAddress {
        address: None,
        port: 0,
    };
    let mut receive = ReceiveOptions::new(folder.into());
    receive.max_bytes = Some(1 << 30);
    let options = ServeOptions::new(anywhere, Secrets::One(Arc::new(secret)), receive);

    // An interrupted transfer is kept; its sender can resume it.
    let cancel = options.cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(seconds);
        cancel.cancel();
    });
    peerbridge::serve(&options, &Inbox).map_err(|error| error.to_string())
}
