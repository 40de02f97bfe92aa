//! A program that sends a folder, follows its progress, and can be cancelled.
//!
//! `cargo run --example courier -- PATH HOST PORT`, with the secret in `SECRET`.

use peerbridge::{
    Connect, Event, FileResult, Operator, PeerAddress, Rendezvous, Secret, SendOptions,
};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// Prints a line for each tenth, and the files that were left out.
#[derive(Default)]
struct Courier {
    tenths: AtomicU64,
}

impl Operator for Courier {
    /// Every sending thread calls this: it must not wait.
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Progress(progress) => {
                let total = progress.total.unwrap_or(0).max(1);
                let tenths = progress.bytes.saturating_mul(10) / total;
                if self.tenths.fetch_max(tenths, Ordering::Relaxed) < tenths {
                    println!("{tenths} tenths are there");
                }
            }
            Event::File {
                path,
                result: FileResult::Failed { why },
                ..
            } => println!("left out {}: {why}", peerbridge::escaped(path)),
            _ => {}
        }
    }
}

fn main() -> ExitCode {
    match send() {
        Ok(()) => ExitCode::SUCCESS,
        Err((message, code)) => {
            eprintln!("{message}");
            ExitCode::from(code)
        }
    }
}

fn send() -> Result<(), (String, u8)> {
    let usage = || ("PATH HOST PORT, and the secret in SECRET".to_owned(), 2);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [path, host, port] = words.as_slice() else {
        return Err(usage());
    };
    let port = port.parse().map_err(|_| usage())?;
    let secret = std::env::var("SECRET").map_err(|_| usage())?;
    let secret = Secret::from_text(secret).map_err(|fault| (fault.to_string(), 2))?;

    let host = host.clone();
    let connect = Connect::new(Rendezvous::Dial(PeerAddress { host, port }), secret);

    // A clone of `connect.cancel` cancels from any thread: here, when standard input is closed.
    let cancel = connect.cancel.clone();
    if std::env::var_os("CANCEL_AT_END_OF_INPUT").is_some() {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            cancel.cancel();
        });
    }
    let options = SendOptions::new(vec![path.into()]);
    let summary = peerbridge::send(&connect, &options, &Courier::default())
        .map_err(|error| (error.to_string(), error.exit_code()))?;
    println!("{} files, {} bytes", summary.files, summary.bytes);
    Ok(())
}
