//! Requests that one JSON object tells whole: lograge's, and those of access logs.

use tamis_sdk::record::scan;

use super::{Requests, join::settle, params, stream::Trust, table};
use crate::{
    bytes::cut,
    event::{SignedIn, Source, probe::Prober},
    line::{access, object::Object, stamp},
};

impl Requests {
    pub(super) fn object_text(
        &mut self,
        index: usize,
        json: &[u8],
        id: &[u8],
        now: i64,
        prober: &mut Prober,
    ) -> bool {
        let mut nodes = std::mem::take(&mut self.nodes);
        let scanned = scan::scan(json, &mut nodes).is_ok();
        let taken =
            scanned && self.take_object(index, &Object { body: json, nodes: &nodes }, id, now, prober);
        self.nodes = nodes;
        taken
    }

    pub(super) fn take_object(
        &mut self,
        index: usize,
        object: &Object<'_>,
        id: &[u8],
        now: i64,
        prober: &mut Prober,
    ) -> bool {
        // The object itself, and what the least of them has: a status, an address, a path.
        if object.nodes.len() < 4 {
            return false;
        }
        if object.has(b"controller") && object.has(b"action") && object.has(b"status") {
            self.lograge(index, object, id, now, prober)
        } else {
            self.access_object(object, now)
        }
    }

    fn lograge(
        &mut self,
        index: usize,
        object: &Object<'_>,
        id: &[u8],
        now: i64,
        prober: &mut Prober,
    ) -> bool {
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
        if stream.shadowed(id, !known, done.suspect) == Trust::Suspect {
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
        const IP: &[&[u8]] =
            &[b"remote_addr", b"client_ip", b"remote_ip", b"http_x_real_ip", b"clientip", b"client"];
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
        done.blind = true;
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
}
