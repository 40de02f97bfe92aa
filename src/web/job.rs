//! The jobs that the page can start: options of the session, read from the fields that the page posts.

use crate::cli::error::{CliError, CredentialKind};
use crate::cli::options::choices::policy;
use crate::cli::options::web::WebOptions;
use crate::cli::options::{address, numbers};
use crate::crypto::{ArchivePassword, MeetingCode, Secret};
use crate::session::{
    Cancel, Connect, DEFAULT_PORT, FindOptions, ListenAddress, Names, PeerAddress, ReceiveOptions,
    Rendezvous,
};
use crate::web::fields::Fields;
use crate::web::http::response::Status;
use crate::web::private_folder::PrivateFolder;
use crate::web::refused::Refused;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// A job. It can be repeated.
#[derive(Clone)]
pub(super) enum Job {
    Send(SendJob),
    Receive(ReceiveJob),
    Command(CommandJob),
}

/// How to reach the other side.
#[derive(Clone)]
pub(super) struct WayToPeer {
    pub(super) words: SharedWords,
    /// The address to dial; `None` to find the other side by the code.
    address: Option<PeerAddress>,
    /// The name under which a drop box knows the secret.
    name: Option<String>,
}

/// The code or secret that both sides know.
#[derive(Clone)]
pub(super) enum SharedWords {
    Code(Arc<MeetingCode>),
    /// A secret of one's own.
    Own(Arc<Secret>),
}

/// Files to send.
#[derive(Clone)]
pub(super) struct SendJob {
    pub(super) meeting: WayToPeer,
    pub(super) paths: Vec<PathBuf>,
    /// The folder with files that were dropped on the page.
    pub(super) dropped: Option<Arc<PrivateFolder>>,
    pub(super) exclude: Vec<String>,
    pub(super) rate_limit: Option<u64>,
    pub(super) verify: bool,
    pub(super) archive: Option<(Arc<ArchivePassword>, Names)>,
}

/// Where to save files.
#[derive(Clone)]
pub(super) struct ReceiveJob {
    pub(super) meeting: WayToPeer,
    pub(super) options: ReceiveOptions,
}

/// A command of `peerbridge`, unchanged.
#[derive(Clone)]
pub(super) struct CommandJob {
    pub(super) words: Vec<OsString>,
    pub(super) password: Option<String>,
    /// The folder with its results.
    pub(super) folder: Option<PathBuf>,
}

impl WayToPeer {
    /// Without a code or secret, makes a code.
    fn of(fields: &mut Fields) -> Result<WayToPeer, Refused> {
        let typed = fields.text("code")?;
        let address = fields.some_text("address")?;
        let address = address.map(|text| address::peer(text.trim())).transpose()?;
        let name = fields.some_text("as")?;
        if name.is_some() && address.is_none() {
            return Err(Refused::says(
                "a name is for a drop box: type its address, too",
            ));
        }
        let words = match MeetingCode::from_input(&typed) {
            _ if typed.trim().is_empty() && address.is_none() => {
                SharedWords::Code(Arc::new(MeetingCode::generate()?))
            }
            Ok(code) => SharedWords::Code(Arc::new(code)),
            Err(_) if address.is_some() => SharedWords::Own(Arc::new(secret(typed)?)),
            Err(fault) => return Err(Refused::says(fault.to_string())),
        };
        Ok(WayToPeer {
            words,
            name,
            address: address.map(|written| PeerAddress {
                host: written.host,
                port: written.port.unwrap_or(DEFAULT_PORT),
            }),
        })
    }

    /// A [`Connect`] with these options.
    pub(super) fn connect(&self, options: &WebOptions, cancel: &Cancel) -> Connect {
        let listen = ListenAddress {
            address: None,
            port: options.transfer_port,
        };
        let rendezvous = match (&self.address, &self.words) {
            (Some(address), _) => Rendezvous::Dial(address.clone()),
            (None, SharedWords::Code(code)) => Rendezvous::Find(FindOptions {
                channel: code.channel(),
                listen,
                discovery: options.discovery,
            }),
            (None, SharedWords::Own(_)) => Rendezvous::Listen(listen),
        };
        let secret = match &self.words {
            SharedWords::Code(code) => Arc::new(code.to_secret()),
            SharedWords::Own(secret) => Arc::clone(secret),
        };
        let mut connect = Connect::new(rendezvous, secret);
        connect.name = self.name.clone();
        connect.cancel = cancel.clone();
        connect
    }
}

impl SendJob {
    /// # Errors
    /// The page does not post such a thing, or the person's input cannot be used.
    pub(super) fn of(
        mut fields: Fields,
        find_dropped: impl FnOnce(&str) -> Result<(Arc<PrivateFolder>, Vec<PathBuf>), Status>,
    ) -> Result<SendJob, Refused> {
        let meeting = WayToPeer::of(&mut fields)?;
        let mut paths = fields.paths("paths")?;
        let exclude = fields.text("exclude")?;
        let rate_limit = fields.some_text("rate_limit")?;
        let password = fields.some_text("password")?;
        let verify = fields.flag("verify")?;
        let names = hidden(fields.flag("hide_names")?);
        let folder = fields.some_text("dropped")?;
        fields.end()?;
        let dropped = match folder.map(|folder| find_dropped(&folder)).transpose()? {
            Some((folder, files)) => {
                paths.extend(files);
                Some(folder)
            }
            None => None,
        };
        if paths.is_empty() {
            return Err(Refused::says("choose a file or folder first"));
        }
        for path in &paths {
            std::fs::symlink_metadata(path).map_err(CliError::cannot_read(path))?;
        }
        let words = exclude.lines().map(|line| line.trim().to_owned());
        Ok(SendJob {
            meeting,
            paths,
            dropped,
            exclude: words.filter(|line| !line.is_empty()).collect(),
            rate_limit: rate_limit
                .map(|text| numbers::rate("the limit", &text))
                .transpose()?,
            verify,
            archive: password
                .map(|text| archive_password(text).map(|password| (Arc::new(password), names)))
                .transpose()?,
        })
    }
}

impl ReceiveJob {
    /// # Errors
    /// The page does not post such a thing, or the person's input cannot be used.
    pub(super) fn of(mut fields: Fields) -> Result<ReceiveJob, Refused> {
        let meeting = WayToPeer::of(&mut fields)?;
        let folder = fields.path("folder")?.ok_or(Status::BadRequest)?;
        let existing = fields.text("existing")?;
        let verify = fields.flag("verify")?;
        fields.end()?;
        let mut options = ReceiveOptions::new(folder);
        options.existing = policy(&existing).ok_or(Status::BadRequest)?;
        options.verify = verify;
        Ok(ReceiveJob { meeting, options })
    }
}

impl CommandJob {
    /// The checks of `doctor` for a folder.
    ///
    /// # Errors
    /// The page does not post such a thing.
    pub(super) fn doctor(mut fields: Fields) -> Result<CommandJob, Refused> {
        let folder = fields.path("folder")?.ok_or(Status::BadRequest)?;
        fields.end()?;
        Ok(CommandJob::new("doctor", [folder.into()]))
    }

    /// An archive of some paths.
    ///
    /// # Errors
    /// The page does not post such a thing, or the person's input cannot be used.
    pub(super) fn zip(mut fields: Fields) -> Result<CommandJob, Refused> {
        let folder = fields.path("folder")?.ok_or(Status::BadRequest)?;
        let name = fields.text("name")?;
        let paths = fields.paths("paths")?;
        let password = fields.text("password")?;
        let hides_names = fields.flag("hide_names")?;
        fields.end()?;
        if paths.is_empty() {
            return Err(Refused::says("choose a file or folder first"));
        }
        let archive = super::files::in_folder(&folder, &name)?;
        archive_password(password.clone())?;
        let paths = paths.into_iter().map(OsString::from);
        let words = std::iter::once(archive.into()).chain(paths);
        let mut job = CommandJob::new("zip", words);
        if hides_names {
            job.words.insert(1, "--hide-names".into());
        }
        job.password = Some(password);
        job.folder = Some(folder);
        Ok(job)
    }

    /// Opens an archive, or lists its entries.
    ///
    /// # Errors
    /// The page does not post such a thing, or the person's input cannot be used.
    pub(super) fn unzip(mut fields: Fields) -> Result<CommandJob, Refused> {
        let archive = fields.path("archive")?.ok_or(Status::BadRequest)?;
        let is_list = fields.flag("list")?;
        let folder = fields.path("folder")?;
        let existing = fields.some_text("existing")?;
        let password = fields.some_text("password")?;
        fields.end()?;
        if is_list {
            let mut job = CommandJob::new("unzip", [archive.into()]);
            job.words.insert(1, "--list".into());
            return Ok(job);
        }
        let folder = folder.ok_or(Status::BadRequest)?;
        let mut job = CommandJob::new("unzip", [archive.into(), folder.clone().into()]);
        if let Some(word) = existing {
            policy(&word).ok_or(Status::BadRequest)?;
            job.words.insert(1, format!("--existing={word}").into());
        }
        job.password = password;
        job.folder = Some(folder);
        Ok(job)
    }

    /// The words of a command. Paths come after `--`, so none of them can be an option.
    fn new(verb: &str, paths: impl IntoIterator<Item = OsString>) -> CommandJob {
        // Checks have no progress.
        let progress = (verb != "doctor").then_some("--progress=off");
        let options = ["--json"].into_iter().chain(progress);
        let words = [verb].into_iter().chain(options).chain(["--"]);
        CommandJob {
            words: words.map(OsString::from).chain(paths).collect(),
            password: None,
            folder: None,
        }
    }
}

fn hidden(is_hidden: bool) -> Names {
    match is_hidden {
        true => Names::Hidden,
        false => Names::Shown,
    }
}

fn secret(text: String) -> Result<Secret, CliError> {
    Secret::from_text(text).map_err(|fault| CliError::Credential {
        kind: CredentialKind::Secret,
        origin: "the secret".to_owned(),
        fault,
    })
}

fn archive_password(text: String) -> Result<ArchivePassword, CliError> {
    ArchivePassword::from_text(text).map_err(|fault| CliError::Credential {
        kind: CredentialKind::Password,
        origin: "the password".to_owned(),
        fault,
    })
}
