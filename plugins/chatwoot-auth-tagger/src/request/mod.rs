//! Requests: lines of the same request, put together by its id.
//!
//! The id may be a client's choice, so it may be used again, also at the same time; then what the requests do not
//! share is dropped instead of mixed. Without ids, lines are put together only while a single request is open.

mod params;
mod stream;
mod table;

use tamis_sdk::{
    lru::hash,
    record::{Node, scan},
};

use crate::{
    bytes::cut,
    config::RequestsConfig,
    event::{
        Facts, SignedIn, Source,
        probe::Prober,
        route::{self, Area},
    },
    line::{self, Line, Message, access, object::Object, postgres, rails, stamp},
};
use stream::{Stream, Trust};
use table::{Slot, Table};

/// Streams that are told apart.
const STREAMS: usize = 64;
/// A request without id that has not ended after this long is given up.
const BARE_MS: i64 = 30_000;

/// Puts lines together.
#[derive(Debug)]
pub struct Requests {
    table: Table,
    streams: Vec<Stream>,
    lines: u64,
    now_ms: i64,
    zone_ms: i64,
    nodes: Vec<Node>,
    value: Vec<u8>,
    done: Facts,
}

impl Requests {
    /// Nothing is open yet. `zone_ms` is the offset of local times from UTC.
    pub fn new(config: &RequestsConfig, zone_ms: i64) -> Self {
        Self {
            table: Table::new(config.open as usize, i64::from(config.max_age_seconds) * 1000),
            streams: Vec::new(),
            lines: 0,
            now_ms: 0,
            zone_ms,
            nodes: Vec::new(),
            value: Vec::new(),
            done: Facts::default(),
        }
    }

    /// What was finished by the last line that finished something.
    pub fn done(&self) -> &Facts {
        &self.done
    }

    /// Time of the latest line, in milliseconds since 1970; 0 if not known.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Take a line; whether it finishes a request. `record_ms` is the record's time, 0 if not known.
    pub fn line(&mut self, tag: &[u8], text: &[u8], record_ms: i64, prober: &mut Prober) -> bool {
        let line = line::read(text);
        let index = self.stream(hash(tag));
        let Some(stream) = self.streams.get_mut(index) else { return false };
        let trust = stream.trust(&line, text);
        if trust == Trust::None {
            return false;
        }
        let now = clock(stream, &line, record_ms);
        self.now_ms = now;
        match line.message {
            Message::Quiet | Message::Other | Message::Untrusted => false,
            Message::Access(access) => {
                self.access(&access, now);
                true
            }
            Message::Database(database) => self.database(index, &database, now),
            Message::Spoof { method, path, ip } => {
                self.done.clear();
                self.done.method(method);
                self.done.path(path);
                self.done.ip(ip);
                (self.done.spoofed, self.done.status, self.done.time_ms) = (true, 500, now);
                true
            }
            Message::Object(json) => self.object_text(index, json, line.id, now, prober),
            _ if line.id.is_empty() => self.bare(index, &line, now),
            _ => self.tagged(index, &line, now),
        }
    }

    /// Take a record that is an object of lograge's or nginx's; whether it was one and so is finished.
    pub fn object(&mut self, tag: &[u8], object: &Object<'_>, record_ms: i64, prober: &mut Prober) -> bool {
        let index = self.stream(hash(tag));
        self.take_object(index, object, b"", record_ms, prober)
    }

    fn stream(&mut self, tag: u64) -> usize {
        self.lines += 1;
        let lines = self.lines;
        let found = self.streams.iter().position(|s| s.tag == tag).unwrap_or_else(|| {
            let fresh = Stream::new(tag, self.zone_ms);
            if self.streams.len() < STREAMS {
                self.streams.push(fresh);
                return self.streams.len() - 1;
            }
            let oldest = (0..self.streams.len()).min_by_key(|&i| self.streams[i].used).unwrap_or(0);
            self.streams[oldest] = fresh;
            oldest
        });
        if let Some(stream) = self.streams.get_mut(found) {
            stream.used = lines;
        }
        found
    }

    fn access(&mut self, access: &access::Access<'_>, now: i64) {
        let done = &mut self.done;
        done.clear();
        done.source = Source::Access;
        done.time_ms = now;
        done.status = access.status;
        done.method(access.method);
        done.path(access.path);
        done.ip(access.ip);
        if access.user_agent != b"-" {
            done.user_agent(access.user_agent);
        }
    }

    fn database(&mut self, index: usize, database: &postgres::Database<'_>, now: i64) -> bool {
        let Some(stream) = self.streams.get_mut(index) else { return false };
        if database.says == postgres::Says::Connected {
            stream.connected(database.pid, database.host);
        }
        if !matches!(database.says, postgres::Says::LoginFailed | postgres::Says::Denied) {
            return false;
        }
        let done = &mut self.done;
        done.clear();
        done.source = Source::Database;
        done.time_ms = now;
        done.status = if database.says == postgres::Says::Denied { 403 } else { 401 };
        done.user(database.user);
        done.ip(if database.host.is_empty() { stream.host(database.pid) } else { database.host });
        if done.ip == b"[local]" {
            done.ip(b"");
        }
        true
    }

    fn object_text(&mut self, index: usize, json: &[u8], id: &[u8], now: i64, prober: &mut Prober) -> bool {
        let mut nodes = std::mem::take(&mut self.nodes);
        let scanned = scan::scan(json, &mut nodes).is_ok();
        let taken = scanned && self.take_object(index, &Object { body: json, nodes: &nodes }, id, now, prober);
        self.nodes = nodes;
        taken
    }

    fn take_object(&mut self, index: usize, object: &Object<'_>, id: &[u8], now: i64, prober: &mut Prober) -> bool {
        if object.has(b"controller") && object.has(b"action") && object.has(b"status") {
            self.lograge(index, object, id, now, prober)
        } else {
            self.access_object(object, now)
        }
    }

    fn lograge(&mut self, index: usize, object: &Object<'_>, id: &[u8], now: i64, prober: &mut Prober) -> bool {
        let Some(stream) = self.streams.get_mut(index) else { return false };
        let value = &mut self.value;
        let text = |names: &[&[u8]], value: &mut Vec<u8>| {
            value.clear();
            object.text(names, value);
        };
        // What other lines of the request have told: exceptions, the super admin's sign-in.
        self.done.clear();
        let mut known = false;
        let key = table::key(stream.tag, id);
        if !id.is_empty()
            && let Some(slot) = self.table.get(key, id, now)
        {
            known = slot.open > 0;
            if known {
                std::mem::swap(&mut self.done, &mut slot.facts);
                self.done.suspect |= slot.facts.suspect;
            }
        }
        let done = &mut self.done;
        if stream.shadowed(!known, done.suspect) == Trust::Suspect {
            done.suspect = true;
        }
        done.id(id);
        done.source = Source::Lograge;
        done.time_ms = now;
        text(&[b"method"], value);
        done.method(value);
        text(&[b"path"], value);
        done.path(value);
        text(&[b"controller"], value);
        done.controller(value);
        text(&[b"action"], value);
        done.action(value);
        text(&[b"remote_ip", b"ip"], value);
        done.ip(value);
        text(&[b"location"], value);
        if !value.is_empty() {
            done.location(value);
        }
        text(&[b"error"], value);
        if let Some((class, _)) = cut(value, b": ") {
            done.error(class);
        }
        text(&[b"request_id"], value);
        if id.is_empty() {
            done.id(value);
        }
        text(&[b"user_id"], value);
        done.user_id(value);
        done.signed_in = match object.has(b"user_id") {
            false => SignedIn::Untold,
            true if value.is_empty() => SignedIn::No,
            true => SignedIn::Yes,
        };
        done.status = object.number(&[b"status"]).and_then(|s| u16::try_from(s).ok()).unwrap_or(0);
        (done.processed, done.started) = (true, true);
        if let Some((at, _)) = object.field(&[b"params"]) {
            params::from_json(object, at, done, prober, value);
        }
        settle(done);
        if !id.is_empty()
            && let Some(slot) = self.table.insert(key, id, now)
        {
            slot.open = 0;
        }
        true
    }

    fn access_object(&mut self, object: &Object<'_>, now: i64) -> bool {
        const IP: &[&[u8]] = &[b"remote_addr", b"client_ip", b"remote_ip", b"http_x_real_ip", b"clientip", b"client"];
        const METHOD: &[&[u8]] = &[b"method", b"request_method", b"verb"];
        const PATH: &[&[u8]] = &[b"request_uri", b"uri", b"path", b"url"];
        let Some(status) = object.number(&[b"status", b"response_status", b"code"]) else { return false };
        if object.field(IP).is_none() || object.field(PATH).or(object.field(&[b"request"])).is_none() {
            return false;
        }
        let (value, done) = (&mut self.value, &mut self.done);
        let text = |names: &[&[u8]], value: &mut Vec<u8>| {
            value.clear();
            object.text(names, value)
        };
        done.clear();
        done.source = Source::Access;
        done.status = u16::try_from(status).unwrap_or(0);
        if text(METHOD, value) {
            done.method(value);
            text(PATH, value);
            done.path(value);
        } else {
            text(&[b"request"], value);
            let (method, path) = access::request_line(value);
            done.method(method);
            done.path(path);
        }
        text(IP, value);
        done.ip(value);
        text(&[b"http_user_agent", b"user_agent", b"agent"], value);
        done.user_agent(value);
        text(&[b"request_id", b"http_x_request_id"], value);
        done.id(value);
        text(&[b"time", b"time_iso8601", b"@timestamp", b"time_local"], value);
        done.time_ms = stamp::zoned(value).or_else(|| stamp::access(value)).unwrap_or(now);
        settle(done);
        true
    }

    /// A line with a request id.
    fn tagged(&mut self, index: usize, line: &Line<'_>, now: i64) -> bool {
        let Some(stream) = self.streams.get_mut(index) else { return false };
        let key = table::key(stream.tag, line.id);
        let known = self.table.get(key, line.id, now);
        let suspect = known.as_ref().is_some_and(|s| s.facts.suspect);
        let trust = stream.shadowed(known.is_none(), suspect);
        if let Message::Started { method, path, ip } = line.message {
            stream.announce(path);
            if websocket(path) {
                return false;
            }
            match known {
                Some(slot) if slot.open > 0 && (slot.facts.started || slot.facts.processed) => {
                    shared(slot, method, path, ip);
                    slot.facts.time_ms = now;
                }
                _ => {
                    let Some(slot) = self.table.insert(key, line.id, now) else { return false };
                    start(&mut slot.facts, method, path, ip);
                    slot.facts.suspect = trust == Trust::Suspect;
                }
            }
            return false;
        }
        // lograge leaves out the lines that begin a request, but not those in between.
        let begins = matches!(
            line.message,
            Message::Processing { .. }
                | Message::Handled(_)
                | Message::Csrf
                | Message::AdminRejected
                | Message::Fatal
                | Message::Blocked(_)
        );
        let slot = match known {
            Some(_) => self.table.get(key, line.id, now),
            None if begins => {
                let slot = self.table.insert(key, line.id, now);
                slot.map(|slot| {
                    slot.facts.suspect = trust == Trust::Suspect;
                    slot
                })
            }
            None => None,
        };
        let Some(slot) = slot else { return false };
        slot.facts.time_ms = now;
        if slot.open == 0 {
            // Finished. Only what begins anew is of interest; the exception that follows is not.
            if !matches!(line.message, Message::Processing { .. } | Message::Blocked(_)) {
                return false;
            }
            let Some(fresh) = self.table.insert(key, line.id, now) else { return false };
            apply(&mut fresh.facts, &line.message, &mut self.value);
            return match line.message {
                Message::Blocked(_) => Self::finish(fresh, &mut self.done),
                _ => false,
            };
        }
        if !apply(&mut slot.facts, &line.message, &mut self.value) {
            return false;
        }
        Self::finish(slot, &mut self.done)
    }

    fn finish(slot: &mut Slot, done: &mut Facts) -> bool {
        done.clone_from(&slot.facts);
        slot.open = slot.open.saturating_sub(1);
        if slot.open > 0 {
            // The other request of the same id goes on.
            slot.facts.controller(b"");
            slot.facts.action(b"");
            slot.facts.filter(b"");
            slot.facts.error(b"");
            slot.facts.location(b"");
            slot.facts.status = 0;
        }
        settle(done);
        believable(done)
    }

    /// A line without a request id. Only while a single request is open is it sure whose it is.
    fn bare(&mut self, index: usize, line: &Line<'_>, now: i64) -> bool {
        let Some(stream) = self.streams.get_mut(index) else { return false };
        if let Message::Started { method, path, ip } = line.message {
            stream.announce(path);
            if websocket(path) {
                return false;
            }
            if now.saturating_sub(stream.bare_ms) > BARE_MS {
                stream.bare_open = 0;
            }
            stream.bare_open += 1;
            stream.bare_ms = now;
            let alone = stream.bare_open == 1;
            start(&mut stream.bare, method, path, ip);
            stream.bare.ambiguous = !alone;
            return false;
        }
        if stream.bare_open == 0 {
            return false;
        }
        stream.bare.time_ms = now;
        let finished = apply(&mut stream.bare, &line.message, &mut self.value);
        if !finished {
            return false;
        }
        stream.bare_open -= 1;
        let alone = stream.bare_open == 0 && !stream.bare.ambiguous;
        if alone {
            self.done.clone_from(&stream.bare);
            settle(&mut self.done);
        }
        stream.bare.clear();
        stream.bare.ambiguous = stream.bare_open > 0;
        alone && believable(&self.done)
    }
}

/// The time of a line: its own, else the record's, else that of the line before it.
fn clock(stream: &mut Stream, line: &Line<'_>, record_ms: i64) -> i64 {
    if let (Some(offset_s), false) = (line.offset_s, line.zoned) {
        stream.zone_ms = offset_s * 1000;
    }
    let own = line.time_ms.map(|ms| if line.zoned { ms } else { ms - stream.zone_ms });
    let now = own.unwrap_or(if record_ms > 0 { record_ms } else { stream.time_ms });
    stream.time_ms = now;
    now
}

/// Rails logs the start of a WebSocket, but its end in another way.
fn websocket(path: &[u8]) -> bool {
    let path = path.split(|&b| b == b'?').next().unwrap_or_default();
    matches!(path, b"/cable" | b"/cable/")
}

fn start(facts: &mut Facts, method: &[u8], path: &[u8], ip: &[u8]) {
    let (id, time_ms) = (std::mem::take(&mut facts.id), facts.time_ms);
    facts.clear();
    facts.id = id;
    facts.time_ms = time_ms;
    facts.started = true;
    facts.method(method);
    facts.path(path);
    facts.ip(ip);
}

/// Another request begins with the id of one that is open: what they do not share cannot be told apart.
fn shared(slot: &mut Slot, method: &[u8], path: &[u8], ip: &[u8]) {
    slot.open += 1;
    let facts = &mut slot.facts;
    facts.ambiguous = true;
    if facts.ip != ip {
        facts.ip(b"");
        facts.user(b"");
    }
    if facts.path != path || facts.method != method {
        facts.path(b"");
        facts.method(b"");
        facts.target(b"");
        facts.account_id(b"");
    }
}

/// Take what a message says; whether it is the last of its request.
fn apply(facts: &mut Facts, message: &Message<'_>, value: &mut Vec<u8>) -> bool {
    match *message {
        Message::Processing { controller, action } => {
            facts.processed = true;
            facts.controller(controller);
            facts.action(action);
        }
        Message::Parameters(text) => {
            if facts.ambiguous {
                // Two requests share the id: a user stays only if both have the same.
                value.clear();
                value.extend_from_slice(&facts.user);
                let before = std::mem::take(value);
                params::from_ruby(text, facts, value);
                if !before.is_empty() && facts.user != before {
                    facts.user(b"");
                }
            } else {
                params::from_ruby(text, facts, value);
            }
        }
        Message::Halted(name) => facts.filter(name),
        Message::Redirected(url) => facts.location(url),
        Message::Handled(class) => facts.error(class),
        Message::Csrf => facts.csrf = true,
        Message::AdminRejected => facts.admin_rejected = true,
        Message::Mail(name) => facts.mail(name),
        Message::Completed(status) => {
            facts.status = status;
            return true;
        }
        Message::Exception { class, message } => {
            facts.error(class);
            if class == b"ActionController::RoutingError" {
                facts.status = 404;
                if facts.path.is_empty()
                    && let Some((method, path)) = cut(message, b"[").and_then(|(_, m)| cut(m, b"] \""))
                {
                    facts.method(method);
                    facts.path(path.strip_suffix(b"\"").unwrap_or(path));
                }
            }
            return true;
        }
        Message::Blocked(fields) => {
            let field = |name: &[u8]| rails::blocked_field(fields, name);
            facts.blocked = true;
            facts.status = 429;
            if let Some(ip) = field(b"remote_ip") {
                facts.ip(ip);
            }
            if let (true, Some(path)) = (facts.path.is_empty(), field(b"path")) {
                facts.path(path);
            }
            if let (true, Some(method)) = (facts.method.is_empty(), field(b"method")) {
                facts.method(method);
            }
            if let Some(agent) = field(b"user_agent") {
                facts.user_agent(agent);
            }
            return true;
        }
        _ => {}
    }
    false
}

/// A controller's answer needs its `Processing` line; only the router's redirects have none.
fn believable(facts: &Facts) -> bool {
    facts.processed || facts.blocked || !facts.error.is_empty() || matches!(facts.status, 300..=399)
}

/// What is known only at the end: whose address the `email` parameter is, and the account in the path.
fn settle(facts: &mut Facts) {
    let route = route::of(facts);
    if matches!(route.area, Area::Api | Area::Platform | Area::SuperAdmin) && !facts.user.is_empty() {
        std::mem::swap(&mut facts.user, &mut facts.target);
        facts.user.clear();
    }
    if facts.account_id.is_empty() {
        let at = crate::bytes::find(&facts.path, b"/accounts/").map(|at| at + b"/accounts/".len());
        let Facts { path, account_id, .. } = facts;
        let rest = at.and_then(|at| path.get(at..)).unwrap_or_default();
        let (digits, _) = crate::bytes::take_while(rest, |b| b.is_ascii_digit());
        crate::bytes::set(account_id, digits, 20);
    }
}

#[cfg(test)]
mod tests;
