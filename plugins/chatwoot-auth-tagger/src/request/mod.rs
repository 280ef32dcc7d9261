//! Requests: lines of the same request, put together by its id.
//!
//! The id may be a client's choice, so it may be used again, also at the same time; then what the requests do not
//! share is dropped instead of mixed. Without ids, lines are put together only while a single request is open.

mod join;
mod objects;
pub(crate) mod params;
mod stream;
mod table;

use tamis_sdk::{lru::hash, record::Node};

use crate::{
    bytes::same,
    config::RequestsConfig,
    event::{Facts, Source, probe::Prober},
    line::{self, Line, Message, access, object::Object, postgres},
};
pub(crate) use join::settle;
use join::{apply, believable, shared, start, websocket};
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
    /// The last tag, and its hash.
    tag: (Vec<u8>, u64),
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
            tag: (Vec::new(), hash(b"")),
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
        let index = self.stream(tag);
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
        let index = self.stream(tag);
        self.take_object(index, object, b"", record_ms, prober)
    }

    fn stream(&mut self, tag: &[u8]) -> usize {
        if !same(&self.tag.0, tag) {
            self.tag.0.clear();
            self.tag.0.extend_from_slice(tag);
            self.tag.1 = hash(tag);
        }
        let tag = self.tag.1;
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
        done.blind = true;
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

    /// A line with a request id.
    fn tagged(&mut self, index: usize, line: &Line<'_>, now: i64) -> bool {
        let Some(stream) = self.streams.get_mut(index) else { return false };
        let key = table::key(stream.tag, line.id);
        let place = self.table.find(key, line.id, now);
        let known = place.and_then(|place| self.table.at(place));
        let suspect = known.as_ref().is_some_and(|s| s.facts.suspect);
        let trust = stream.shadowed(line.id, known.is_none(), suspect);
        let stamped = stream.stamped();
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
            Some(_) => place.and_then(|place| self.table.at(place)),
            None if begins => {
                let mut slot = self.table.insert(key, line.id, now);
                if let Some(slot) = &mut slot {
                    slot.facts.suspect = trust == Trust::Suspect;
                }
                slot
            }
            None => None,
        };
        let Some(slot) = slot else { return false };
        // A line without a time is as old as the one of its request before it, not as those of others.
        if line.time_ms.is_some() || !stamped {
            slot.facts.time_ms = now;
        }
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
        slot.open = slot.open.saturating_sub(1);
        if slot.open == 0 {
            // Copying texts costs more than handing them over; its id, its time and its doubts stay.
            std::mem::swap(done, &mut slot.facts);
            slot.facts.clear();
            slot.facts.id(&done.id);
            (slot.facts.time_ms, slot.facts.suspect) = (done.time_ms, done.suspect);
        } else {
            done.clone_from(&slot.facts);
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
            let suspect = stream.shadowed(b"", true, false) == Trust::Suspect;
            start(&mut stream.bare, method, path, ip);
            stream.bare.suspect = suspect;
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
            std::mem::swap(&mut self.done, &mut stream.bare);
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
    // A program that stamps its lines has one clock; the shipper's is another.
    if (line.pid.is_none() || line.time_ms.is_none())
        && stream.stamped()
        && stream.time_ms > 0
        && !stream::server(&line.message)
    {
        return stream.time_ms;
    }
    let own = line.time_ms.map(|ms| if line.zoned { ms } else { ms - stream.zone_ms });
    let now = own.unwrap_or(if record_ms > 0 { record_ms } else { stream.time_ms });
    stream.time_ms = now;
    now
}

#[cfg(test)]
mod tests;
