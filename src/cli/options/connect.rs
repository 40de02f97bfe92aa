//! The options that say how to reach the peer.

use crate::cli::environment::{self, Environment};
use crate::cli::error::CliError;
use crate::cli::line::{self, CommandEnd};
use crate::cli::options::address;
use crate::cli::options::args::ParsedArgs;
use crate::cli::options::numbers;
use crate::crypto::{MeetingCode, Secret};
use crate::session::{
    Connect, DEFAULT_PORT, Discovery, FindOptions, ListenAddress, PeerAddress, Rendezvous,
};
use std::path::PathBuf;
use std::time::Duration;

/// How to reach the peer; only the secret is missing.
pub(crate) struct ConnectArgs {
    pub(crate) rendezvous: Rendezvous,
    pub(crate) secret_file: Option<PathBuf>,
    wait: Option<Duration>,
    idle_timeout: Option<Duration>,
    /// How the command of `--via` ends.
    pub(crate) command_end: Option<CommandEnd>,
    name: Option<String>,
    retries: Option<u32>,
}

impl ConnectArgs {
    /// Interprets the options; `dial` is the one that names the peer to dial. If the options neither dial nor
    /// listen, the command `listens`, or else fails with a usage error, because either may be meant.
    ///
    /// # Errors
    /// A usage error for impossible values and combinations.
    pub(crate) fn of(
        args: &ParsedArgs,
        environment: &Environment,
        dial: &'static str,
        listens: bool,
    ) -> Result<ConnectArgs, CliError> {
        let (rendezvous, command_end) = match line::rendezvous(args)? {
            Some(line) => line,
            None => (rendezvous(args, environment, dial, listens)?, None),
        };
        ConnectArgs::at(args, rendezvous, command_end)
    }

    /// Interprets the options of a command whose argument names the peer to dial.
    ///
    /// # Errors
    /// A usage error for impossible values and combinations.
    pub(crate) fn with_peer(
        args: &ParsedArgs,
        environment: &Environment,
        text: &str,
    ) -> Result<ConnectArgs, CliError> {
        let peer = dialled(args, environment, "HOST", text)?;
        ConnectArgs::at(args, Rendezvous::Dial(peer), None)
    }

    fn at(
        args: &ParsedArgs,
        rendezvous: Rendezvous,
        command_end: Option<CommandEnd>,
    ) -> Result<ConnectArgs, CliError> {
        let retries = args.read("retry", numbers::whole(0..=1_000_000))?;
        let name = args.value("as");
        if name.is_some()
            && matches!(
                rendezvous,
                Rendezvous::Listen(_) | Rendezvous::AnswerOver(_)
            )
        {
            return Err(CliError::usage(
                "--as needs a peer to dial: a listener has no name",
                "leave out --as, or dial with --to HOST",
            ));
        }
        if name.as_ref().is_some_and(String::is_empty) {
            return Err(CliError::usage("the name after --as is empty", "--as NAME"));
        }
        Ok(ConnectArgs {
            rendezvous,
            name,
            secret_file: args.path("secret-file"),
            wait: args.read("wait", numbers::seconds(0))?,
            idle_timeout: args.read("idle-timeout", numbers::seconds(1))?,
            retries,
            command_end,
        })
    }

    /// A [`Connect`] that meets by code, and meanwhile listens where the options say.
    pub(crate) fn with_code(self, code: &MeetingCode, discovery: Discovery) -> Connect {
        let listen = match &self.rendezvous {
            Rendezvous::Listen(listen) => listen.clone(),
            _ => ListenAddress::default(),
        };
        let mut connect = self.with(code.to_secret());
        connect.rendezvous = Rendezvous::Find(FindOptions {
            listen,
            discovery,
            ..FindOptions::new(code)
        });
        connect
    }

    /// A [`Connect`] with this secret.
    pub(crate) fn with(self, secret: Secret) -> Connect {
        let mut connect = Connect::new(self.rendezvous, secret);
        connect.wait = self.wait;
        connect.idle_timeout = self.idle_timeout.unwrap_or(connect.idle_timeout);
        connect.retries = self.retries.unwrap_or(connect.retries);
        connect.name = self.name;
        connect
    }
}

fn rendezvous(
    args: &ParsedArgs,
    environment: &Environment,
    dial: &'static str,
    listens: bool,
) -> Result<Rendezvous, CliError> {
    match (args.value(dial), args.has("listen")) {
        (Some(_), true) => Err(CliError::usage(
            format!("--{dial} and --listen contradict each other"),
            format!(
                "--{dial} HOST dials a peer that listens; --listen waits for a peer that dials"
            ),
        )),
        (Some(text), false) => {
            let label = format!("--{dial}");
            dialled(args, environment, &label, &text).map(Rendezvous::Dial)
        }
        (None, false) if !listens => Err(CliError::usage(
            format!("no peer given: use --{dial} HOST, or --listen"),
            format!("--{dial} HOST dials the peer; --listen waits until it dials"),
        )),
        (None, _) => listening(args, environment).map(Rendezvous::Listen),
    }
}

fn dialled(
    args: &ParsedArgs,
    environment: &Environment,
    label: &str,
    text: &str,
) -> Result<PeerAddress, CliError> {
    if args.has("bind") {
        return Err(CliError::usage(
            format!("--bind is for listening, but {label} dials"),
            "leave out --bind",
        ));
    }
    let written = address::peer(text)?;
    let option = args.read("port", |_, text| address::dialled_port(text))?;
    if let (Some(one), Some(other)) = (written.port, option)
        && one != other
    {
        return Err(CliError::usage(
            format!("two ports are given: {one} with {label}, {other} with --port"),
            "give only one of them",
        ));
    }
    let port = match written.port.or(option) {
        Some(port) => port,
        None => usual_port(environment, address::dialled_port)?,
    };
    let host = written.host;
    Ok(PeerAddress { host, port })
}

/// Where to listen.
///
/// # Errors
/// A usage error for impossible values.
pub(crate) fn listening(
    args: &ParsedArgs,
    environment: &Environment,
) -> Result<ListenAddress, CliError> {
    let address = args.read("bind", |_, text| address::own(text))?;
    let port = match args.value("port") {
        Some(text) => address::port(&text)?,
        None => usual_port(environment, address::port)?,
    };
    Ok(ListenAddress { address, port })
}

/// The port if no option gives one.
fn usual_port(
    environment: &Environment,
    understand: fn(&str) -> Result<u16, CliError>,
) -> Result<u16, CliError> {
    let Some(text) = environment.get(environment::PORT) else {
        return Ok(DEFAULT_PORT);
    };
    understand(&text.to_string_lossy()).map_err(|error| {
        CliError::usage(
            format!("{}: {error}", environment::PORT),
            "set it to a number from 1 to 65535, unset it, or give --port N",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn connect_in(line: &str, values: &[(&'static str, &str)]) -> Result<ConnectArgs, CliError> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let args = ParsedArgs::parse(&words)?;
        let (dial, listens) = match line.starts_with("send") {
            true => ("to", false),
            false => ("from", true),
        };
        ConnectArgs::of(&args, &Environment::of(values), dial, listens)
    }

    fn dialled_port_in(line: &str, values: &[(&'static str, &str)]) -> u16 {
        match connect_in(line, values).unwrap().rendezvous {
            Rendezvous::Dial(address) => address.port,
            _ => panic!("{line} does not dial"),
        }
    }

    #[test]
    fn impossible_mixes_are_usage_errors_with_a_hint() {
        for line in [
            "send a",
            "send a --to h --listen",
            "send a --to h --bind 127.0.0.1",
            "send a --to h --port 0",
            "send a --to h:0",
            "send a --to h:1 --port 2",
            "receive --from h --listen",
            "receive --port 70000",
            "receive --bind localhost",
            "receive --wait soon",
            "receive --idle-timeout 0",
            "receive --retry -1",
            "receive --via x --from h",
            "receive --via x --stdio",
            "receive --via x --streams 2",
            "receive --stdio --retry 1",
            "receive --stdio --port 1",
            "send a --via x --code",
        ] {
            let error = connect_in(line, &[])
                .err()
                .unwrap_or_else(|| panic!("{line} passed"));
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.hint().is_some(), "{line}");
        }
    }

    #[test]
    fn the_address_wins_over_the_option_over_the_environment_over_8080() {
        let values = [(environment::PORT, "7000")];
        assert_eq!(dialled_port_in("send a --to h:9000", &values), 9000);
        assert_eq!(
            dialled_port_in("send a --to h:9000 --port 9000", &values),
            9000
        );
        assert_eq!(dialled_port_in("send a --to h -p 9001", &values), 9001);
        assert_eq!(dialled_port_in("send a --to h", &values), 7000);
        assert_eq!(dialled_port_in("receive --from ::1", &[]), 8080);
        let wrong = [(environment::PORT, "http")];
        let error = connect_in("send a --to h", &wrong).err().unwrap();
        assert!(error.to_string().starts_with("PEERBRIDGE_PORT: "));
        assert_eq!(dialled_port_in("send a --to h -p 1", &wrong), 1);
    }

    #[test]
    fn receive_listens_unless_told() {
        let connect = connect_in("receive -p 0 -b [::1]", &[]).unwrap();
        let expected = ListenAddress {
            address: Some("::1".parse().unwrap()),
            port: 0,
        };
        assert_eq!(connect.rendezvous, Rendezvous::Listen(expected));
    }

    #[test]
    fn patience_is_passed_on() {
        let line = "receive --wait 5 -i 6 --retry 7";
        let connect = connect_in(line, &[])
            .unwrap()
            .with(Secret::from_text("x").unwrap());
        assert_eq!(connect.wait, Some(Duration::from_secs(5)));
        assert_eq!(connect.idle_timeout, Duration::from_secs(6));
        assert_eq!(connect.retries, 7);
        let connect = connect_in("receive", &[])
            .unwrap()
            .with(Secret::from_text("x").unwrap());
        assert_eq!((connect.wait, connect.retries), (None, 5));
    }
}
