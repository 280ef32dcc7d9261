//! One request and its response.
//!
//! A body is held back until it is complete, filtered in one piece, and let go. Whatever
//! goes wrong on that way ends in an answer of this filter, never in an unfiltered body.

use std::rc::Rc;

use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};

use super::{
    plugin::{Shared, SiftError},
    sys::{self, BufferType, HostStatus, LogLevel, MapType},
};
use crate::{
    Filter,
    payload::{self, Choice, Format, GunzipError, Plan, Refusal, Report, choose, gunzip, path_of},
};

/// Headers that speak of the bytes of a body and are wrong once it is filtered.
const BODY_HEADERS: [&str; 5] = ["content-length", "content-md5", "content-digest", "digest", "repr-digest"];

/// One request and its response, in the proxy's terms a stream.
pub(super) struct Exchange<F: Filter> {
    /// Nothing if the plugin has no valid config; then nothing passes.
    shared: Option<Rc<Shared<F>>>,
    request: Flow,
    response: Flow,
    /// Path and query of the request.
    target: Vec<u8>,
    /// This filter has answered the request itself.
    answered: bool,
}

/// What happens to the body of one direction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// It is not for this filter, or has been filtered.
    Pass,
    /// It is held back until it is complete.
    Collect { plan: Plan, gzip: bool },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

impl Direction {
    const fn headers(self) -> MapType {
        match self {
            Self::Request => MapType::HttpRequestHeaders,
            Self::Response => MapType::HttpResponseHeaders,
        }
    }

    const fn body(self) -> BufferType {
        match self {
            Self::Request => BufferType::HttpRequestBody,
            Self::Response => BufferType::HttpResponseBody,
        }
    }
}

/// Why a body is not let through: status and text of the answer.
struct Refused {
    status: u32,
    message: String,
}

impl Refused {
    fn new(status: u32, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn over_limit(max_bytes: u32) -> Self {
        Self::new(413, format!("the body is larger than the limit of {max_bytes} bytes (body.max_bytes)"))
    }
}

impl From<HostStatus> for Refused {
    fn from(status: HostStatus) -> Self {
        Self::new(500, format!("the proxy does not let the body be filtered (status {})", status.0))
    }
}

impl<F: Filter> Exchange<F> {
    pub fn new(shared: Option<Rc<Shared<F>>>) -> Self {
        Self { shared, request: Flow::Pass, response: Flow::Pass, target: Vec::new(), answered: false }
    }

    fn flow(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    fn on_headers(&mut self, direction: Direction, end_of_stream: bool) -> Action {
        if self.answered {
            return Action::Continue;
        }
        let Some(shared) = self.shared.clone() else {
            return self.refuse(direction, Refused::new(500, "the filter has no valid config"));
        };
        let enabled = match direction {
            Direction::Request => shared.policy.request,
            Direction::Response => shared.policy.response,
        };
        let started = if enabled { self.start(&shared, direction, end_of_stream) } else { Ok(Flow::Pass) };
        let started = started.and_then(|flow| {
            if direction == Direction::Request && shared.policy.response {
                // What comes back must be readable here, and whole.
                sys::remove_header(MapType::HttpRequestHeaders, "accept-encoding")?;
                sys::remove_header(MapType::HttpRequestHeaders, "range")?;
            }
            Ok(flow)
        });
        match started {
            Ok(flow) => {
                *self.flow(direction) = flow;
                Action::Continue
            }
            Err(refused) => self.refuse(direction, refused),
        }
    }

    /// Decide by the headers what happens to the body, and make the headers fit.
    fn start(
        &mut self,
        shared: &Shared<F>,
        direction: Direction,
        end_of_stream: bool,
    ) -> Result<Flow, Refused> {
        let policy = &shared.policy;
        let map = direction.headers();
        let header = |name: &str| sys::header(map, name).map(Option::unwrap_or_default);
        if direction == Direction::Request {
            self.target = header(":path")?;
        }
        if end_of_stream {
            return Ok(Flow::Pass);
        }
        let pass_unsupported = policy.on_unsupported == Refusal::Pass;
        let upgrade = header("upgrade")?;
        let tunnel = match direction {
            // Clients offer h2c with ordinary requests, and proxies do not take it up.
            Direction::Request => {
                header(":method")?.eq_ignore_ascii_case(b"CONNECT")
                    || !(upgrade.is_empty() || upgrade.eq_ignore_ascii_case(b"h2c"))
            }
            Direction::Response => header(":status")? == b"101",
        };
        if tunnel {
            if pass_unsupported {
                return Ok(Flow::Pass);
            }
            return Err(Refused::new(415, "an upgraded connection cannot be filtered"));
        }
        let content_type = header("content-type")?;
        let plan = match policy.plan(&content_type, &self.target) {
            Plan::Pass => return Ok(Flow::Pass),
            Plan::Reject => {
                let shown = String::from_utf8_lossy(&content_type).into_owned();
                return Err(Refused::new(
                    415,
                    format!("bodies of content type '{shown}' cannot be filtered: send JSON, NDJSON or text"),
                ));
            }
            plan => plan,
        };
        let encoding = header("content-encoding")?.trim_ascii().to_ascii_lowercase();
        let gzip = match encoding.as_slice() {
            b"" | b"identity" => false,
            b"gzip" | b"x-gzip" => true,
            _ if pass_unsupported => return Ok(Flow::Pass),
            other => {
                let shown = String::from_utf8_lossy(other);
                return Err(Refused::new(
                    415,
                    format!("content encoding '{shown}' cannot be filtered: send gzip or none"),
                ));
            }
        };
        let declared = header("content-length")?;
        let declared = std::str::from_utf8(&declared).ok().and_then(|t| t.trim().parse::<u64>().ok());
        if declared.is_some_and(|length| length > u64::from(policy.max_bytes)) {
            return match policy.over_limit {
                Refusal::Pass => Ok(Flow::Pass),
                Refusal::Reject => Err(Refused::over_limit(policy.max_bytes)),
            };
        }
        // The headers go on before the body is filtered: what depends on it goes now.
        for name in BODY_HEADERS {
            sys::remove_header(map, name)?;
        }
        if gzip {
            sys::remove_header(map, "content-encoding")?;
        }
        Ok(Flow::Collect { plan, gzip })
    }

    fn on_body(&mut self, direction: Direction, size: usize, end_of_stream: bool) -> Action {
        let Flow::Collect { gzip, .. } = *self.flow(direction) else {
            // After an answer of this filter, what is left of the body must not go on.
            let held = self.answered && direction == Direction::Request;
            return if held { Action::Pause } else { Action::Continue };
        };
        if end_of_stream {
            return self.finish(direction);
        }
        let Some(shared) = self.shared.clone() else { return Action::Pause };
        // Some hosts count the chunk here, others all that is held back: too much is too much.
        if size > shared.policy.max_bytes as usize {
            if shared.policy.over_limit == Refusal::Pass && !gzip {
                *self.flow(direction) = Flow::Pass;
                return Action::Continue;
            }
            return self.refuse(direction, Refused::over_limit(shared.policy.max_bytes));
        }
        Action::Pause
    }

    /// Trailers end a body, too.
    fn on_trailers(&mut self, direction: Direction) -> Action {
        match *self.flow(direction) {
            Flow::Collect { .. } => self.finish(direction),
            Flow::Pass => Action::Continue,
        }
    }

    /// The body is complete: filter it and let it go.
    fn finish(&mut self, direction: Direction) -> Action {
        let Flow::Collect { plan, gzip } = *self.flow(direction) else { return Action::Continue };
        let Some(shared) = self.shared.clone() else { return Action::Pause };
        match self.filter(&shared, direction, plan, gzip) {
            Ok(Some(format)) => {
                // Nothing is left to send: answer as the store would have done.
                let (status, content_type, body) = format.accepted();
                self.answer(direction, status, "tamis_all_records_dropped", content_type, body)
            }
            Ok(None) => {
                *self.flow(direction) = Flow::Pass;
                Action::Continue
            }
            Err(refused) => self.refuse(direction, refused),
        }
    }

    /// Filter the body in the host's buffer. Gives its format if a request has no record left.
    fn filter(
        &self,
        shared: &Shared<F>,
        direction: Direction,
        plan: Plan,
        gzip: bool,
    ) -> Result<Option<Format>, Refused> {
        let policy = &shared.policy;
        let max_bytes = policy.max_bytes as usize;
        let mut body = sys::buffer(direction.body(), max_bytes.saturating_add(1))?;
        let size = body.len();
        if size == 0 {
            return Ok(None);
        }
        if size > max_bytes {
            return match policy.over_limit {
                Refusal::Pass if !gzip => Ok(None),
                _ => Err(Refused::over_limit(policy.max_bytes)),
            };
        }
        if gzip {
            let mut unfolded = Vec::with_capacity(size.saturating_mul(4).min(max_bytes));
            gunzip(&body, max_bytes, &mut unfolded).map_err(|error| match error {
                GunzipError::TooLarge => Refused::over_limit(policy.max_bytes),
                GunzipError::Damaged => Refused::new(400, error.to_string()),
            })?;
            body = unfolded;
        }
        let target: &[u8] = if direction == Direction::Request { &self.target } else { b"" };
        let choice = match plan {
            Plan::Format(format) => Choice::Format(format),
            Plan::Choose(kind) => choose(kind, target, &body),
            Plan::Pass | Plan::Reject => Choice::Unsupported,
        };
        let mut out = Vec::new();
        let mut report = Report::default();
        let mut accepted = None;
        match choice {
            Choice::Unsupported if policy.on_unsupported == Refusal::Pass => {}
            Choice::Unsupported => {
                return Err(Refused::new(
                    415,
                    "the body is neither JSON nor text: send it with its content type",
                ));
            }
            Choice::Format(format) => {
                report = self.sift(shared, format, &body, &mut out)?;
                if direction == Direction::Request && report.all_dropped() {
                    accepted = Some(format);
                }
            }
        }
        shared.tell(&report);
        if accepted.is_none() {
            if report.rewritten {
                sys::set_buffer(direction.body(), size, &out)?;
            } else if gzip {
                sys::set_buffer(direction.body(), size, &body)?;
            }
        }
        Ok(accepted)
    }

    fn sift(
        &self,
        shared: &Shared<F>,
        format: Format,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Report, Refused> {
        let path = path_of(&self.target);
        let tag = path.strip_prefix(b"/").unwrap_or(path);
        let malformed = match shared.sift(format, body, tag, out) {
            Ok(report) => return Ok(report),
            Err(SiftError::Malformed(malformed)) => malformed,
            Err(SiftError::Busy) => return Err(Refused::new(500, "the filter is busy")),
        };
        if !shared.policy.text_fallback {
            return Err(Refused::new(400, malformed.to_string()));
        }
        out.clear();
        shared
            .sift(payload::Format::Lines, body, tag, out)
            .map_err(|_| Refused::new(500, "the filter is busy"))
    }

    /// Do not let the body through.
    fn refuse(&mut self, direction: Direction, refused: Refused) -> Action {
        let Refused { status, message } = refused;
        sys::log(LogLevel::Warn, &format!("{}: not let through: {message} ({status})", F::NAME));
        if let Some(shared) = self.shared.clone() {
            shared.note_rejected();
            shared.tell(&Report::default());
        }
        // The client has done nothing wrong when it is the response that cannot be filtered.
        let status = if direction == Direction::Response { 502 } else { status };
        let body = format!("{}: {message}\n", F::NAME);
        self.answer(direction, status, "tamis_rejected", "text/plain; charset=utf-8", &body)
    }

    /// Answer in place of the upstream. If the host refuses even that, the body stays held.
    fn answer(
        &mut self,
        direction: Direction,
        status: u32,
        details: &str,
        content_type: &str,
        body: &str,
    ) -> Action {
        *self.flow(direction) = Flow::Pass;
        self.answered = true;
        if let Err(HostStatus(code)) = sys::respond(status, details, content_type, body) {
            sys::log(LogLevel::Error, &format!("{}: the proxy takes no answer (status {code})", F::NAME));
        }
        Action::Pause
    }
}

impl<F: Filter> Context for Exchange<F> {}

impl<F: Filter> HttpContext for Exchange<F> {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.on_headers(Direction::Request, end_of_stream)
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.on_body(Direction::Request, size, end_of_stream)
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.on_trailers(Direction::Request)
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.on_headers(Direction::Response, end_of_stream)
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.on_body(Direction::Response, size, end_of_stream)
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.on_trailers(Direction::Response)
    }
}
