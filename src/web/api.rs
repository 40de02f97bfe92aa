//! The requests that are answered: the page's files, its events, and small posts.

use crate::cli::error::CliError;
use crate::cli::output::json::Object;
use crate::session::{self, Activity, Cancel, Discovery};
use crate::web::fields::Fields;
use crate::web::guard::Guard;
use crate::web::http::request::Request;
use crate::web::http::response::{self, Status};
use crate::web::job::{CommandJob, Job, ReceiveJob, SendJob};
use crate::web::jobs::Jobs;
use crate::web::refused::Refused;
use crate::web::uploads::Uploads;
use crate::web::{browser, files};
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The page, compiled in: path, kind and contents.
const PAGE: [(&str, &str, &str); 7] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("page/index.html"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("page/style.css"),
    ),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/main.js", SCRIPT, include_str!("page/main.js")),
    ("/api.js", SCRIPT, include_str!("page/api.js")),
    ("/chooser.js", SCRIPT, include_str!("page/chooser.js")),
    ("/job.js", SCRIPT, include_str!("page/job.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

const EVENTS: &str = "/api/events";
const UPLOAD: &str = "/api/upload";

/// How often a stream of events sends a heartbeat, to notice that its page was closed.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long to search for peers nearby.
const NEARBY: Duration = Duration::from_secs(2);

/// Everything that answers requests.
pub(super) struct Api {
    guard: Guard,
    pub(super) jobs: Arc<Jobs>,
    uploads: Uploads,
    is_ended: AtomicBool,
}

impl Api {
    pub(super) fn new(guard: Guard, jobs: Arc<Jobs>) -> Api {
        Api {
            guard,
            jobs,
            uploads: Uploads::default(),
            is_ended: AtomicBool::new(false),
        }
    }

    /// Whether the page has ended the program.
    pub(super) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::SeqCst)
    }

    /// Ends the running job, and removes temporary files.
    pub(super) fn end(&self) {
        self.jobs.end();
        self.uploads.discard_all();
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The page is gone.
    pub(super) fn answer(&self, request: Request, stream: &TcpStream) -> io::Result<()> {
        if let Err(status) = self.guard.admit(&request) {
            return response::refuse(stream, status);
        }
        if !request.path.starts_with("/api/") {
            return page(&request, stream);
        }
        if let Err(status) = self.guard.admit_to_api(&request) {
            return response::refuse(stream, status);
        }
        let result = match (request.method.as_str(), request.path.as_str()) {
            ("GET", EVENTS) => return self.events(&request, stream),
            (_, EVENTS) => Err(Status::WrongMethod.into()),
            ("POST", UPLOAD) => self
                .uploads
                .receive(request, stream)
                .map(|()| Object::new()),
            ("POST", _) => self.post(request, stream),
            _ => Err(Status::WrongMethod.into()),
        };
        let (status, body) = match result {
            Ok(object) => (Status::Done, object.finish()),
            Err(refusal) => (refusal.status, refusal.body()),
        };
        response::write(stream, status, "application/json", body.as_bytes())
    }

    fn post(&self, request: Request, stream: &TcpStream) -> Result<Object, Refused> {
        let path = request.path.clone();
        let mut fields = Fields::parse(&request.json(stream)?)?;
        let job = match path.as_str() {
            "/api/send" => return self.send(fields),
            "/api/receive" => Job::Receive(ReceiveJob::of(fields)?),
            "/api/doctor" => Job::Command(CommandJob::doctor(fields)?),
            "/api/zip" => Job::Command(CommandJob::zip(fields)?),
            "/api/unzip" => Job::Command(CommandJob::unzip(fields)?),
            "/api/answer" => {
                let (question, answer) = (fields.number("question")?, fields.text("answer")?);
                fields.end()?;
                self.jobs.questions.answer(question, &answer)?;
                return Ok(Object::new());
            }
            "/api/list" => {
                let folder = fields.path("path")?;
                fields.end()?;
                return files::list(folder.as_deref().unwrap_or(&self.jobs.options.folder));
            }
            "/api/folder" => {
                let parent = fields.path("path")?.ok_or(Status::BadRequest)?;
                let name = fields.text("name")?;
                fields.end()?;
                return files::make_folder(&parent, &name);
            }
            "/api/discard" => {
                let name = fields.text("dropped")?;
                fields.end()?;
                self.uploads.discard(&name);
                return Ok(Object::new());
            }
            _ => {
                fields.end()?;
                return self.act(&path);
            }
        };
        self.jobs.start(job)?;
        Ok(Object::new())
    }

    fn send(&self, fields: Fields) -> Result<Object, Refused> {
        let job = SendJob::of(fields, |name| self.uploads.find(name))?;
        let dropped = job.dropped.clone();
        self.jobs.start(Job::Send(job))?;
        // Only now, so that a refused request changes nothing.
        if let Some(folder) = dropped {
            self.uploads.hand_over(&folder);
        }
        Ok(Object::new())
    }

    /// Posts without fields.
    fn act(&self, path: &str) -> Result<Object, Refused> {
        match path {
            "/api/again" => self.jobs.again()?,
            "/api/cancel" => self.jobs.cancel(),
            "/api/leave" => self.jobs.leave()?,
            "/api/drop" => return Ok(Object::new().text("dropped", &self.uploads.begin()?)),
            "/api/show" => {
                let folder = self.jobs.folder().ok_or(Status::Conflict)?;
                browser::open(&folder).map_err(|error| {
                    Refused::says(format!("cannot start a file manager here: {error}"))
                })?;
            }
            "/api/nearby" => return nearby(self.jobs.options.discovery),
            "/api/end" => self.is_ended.store(true, Ordering::SeqCst),
            _ => return Err(Status::NotFound.into()),
        }
        Ok(Object::new())
    }

    /// Sends events (HTML Standard, section 9.2) until the page closes the connection. `Last-Event-ID` says which
    /// events the page has already.
    fn events(&self, request: &Request, mut stream: &TcpStream) -> io::Result<()> {
        let last = request.header("last-event-id").map(String::from_utf8_lossy);
        let mut after = match last.map(|last| last.parse::<u64>()) {
            None => 0,
            Some(Ok(number)) => number,
            Some(Err(_)) => return response::refuse(stream, Status::BadRequest),
        };
        response::begin_events(stream)?;
        let _page = self.jobs.log.page();
        writeln!(stream, "data: {}\n", self.greeting().finish())?;
        while let Some(entries) = self.jobs.log.after(after, HEARTBEAT) {
            let mut text = String::from(":\n\n");
            for entry in entries {
                after = entry.number;
                text.push_str(&format!("id: {after}\ndata: {}\n\n", entry.line));
            }
            stream.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// What a page must know first.
    fn greeting(&self) -> Object {
        let folder = self.jobs.options.folder.as_os_str();
        Object::event("page")
            .text("version", env!("CARGO_PKG_VERSION"))
            .name("folder", folder.as_encoded_bytes())
    }
}

/// Sends a file of the page. These need no token, because nothing in them is secret.
fn page(request: &Request, stream: &TcpStream) -> io::Result<()> {
    let known = PAGE.iter().find(|(path, ..)| *path == request.path);
    match known {
        None => response::refuse(stream, Status::NotFound),
        Some(_) if request.method != "GET" => response::refuse(stream, Status::WrongMethod),
        Some((_, kind, text)) => response::write(stream, Status::Done, kind, text.as_bytes()),
    }
}

fn nearby(discovery: Discovery) -> Result<Object, Refused> {
    let seen = session::nearby(discovery, NEARBY, &Cancel::new()).map_err(CliError::Session)?;
    let seen = seen.into_iter().map(|neighbour| {
        let object = Object::new().text("address", &neighbour.address.to_string());
        match neighbour.activity {
            Activity::Sends(channel) => object
                .text("does", "sends")
                .number("channel", channel.number().into()),
            Activity::Receives(channel) => object
                .text("does", "receives")
                .number("channel", channel.number().into()),
            Activity::Serves => object.text("does", "serves"),
        }
    });
    Ok(Object::new().objects("seen", seen))
}
