//! Lines: what one line of a log says, whatever program wrote it and whoever shipped it.
//! Nothing here remembers; that is `request`.

pub mod access;
pub mod object;
pub mod postgres;
pub mod prefix;
pub mod rails;
pub mod ruby;
pub mod stamp;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// `Started GET "/path" for address at time`.
    Started {
        /// The verb as it came.
        method: &'a [u8],
        /// Path and query, percent-encoded.
        path: &'a [u8],
        /// Client address; may be empty.
        ip: &'a [u8],
    },
    /// `Processing by Controller#action as FORMAT`.
    Processing {
        /// The class.
        controller: &'a [u8],
        /// The method of the class.
        action: &'a [u8],
    },
    /// `Parameters: {...}`: the hash as Ruby's `inspect` prints it.
    Parameters(&'a [u8]),
    /// `Filter chain halted as :name`.
    Halted(&'a [u8]),
    /// `Redirected to URL`.
    Redirected(&'a [u8]),
    /// `Handled error: #<Class: message>`: the class.
    Handled(&'a [u8]),
    /// `Can't verify CSRF token authenticity.`
    Csrf,
    /// What the super admin sign-in writes before it sends the form again.
    AdminRejected,
    /// `Completed 401 Unauthorized in 5ms`.
    Completed(u16),
    /// The empty FATAL line before an exception.
    Fatal,
    /// `Class (message):`.
    Exception {
        /// The class.
        class: &'a [u8],
        /// What stands in the parentheses.
        message: &'a [u8],
    },
    /// Rack::Attack has answered a request; its fields.
    Blocked(&'a [u8]),
    /// A JSON object that is all of the message.
    Object(&'a [u8]),
    /// ActionDispatch refused conflicting client addresses.
    Spoof {
        /// The verb.
        method: &'a [u8],
        /// The path.
        path: &'a [u8],
        /// The address that the server saw last.
        ip: &'a [u8],
    },
    /// A mail job with a one-time token was enqueued: the mail's name.
    Mail(&'a [u8]),
    /// A line of nginx's combined format.
    Access(access::Access<'a>),
    /// A line of PostgreSQL.
    Database(postgres::Database<'a>),
    /// Text that holds what a client sent, line feeds included.
    Untrusted,
    /// Known to say nothing of interest, and to hold nothing of a client's unescaped.
    Quiet,
    /// Anything else.
    Other,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Milliseconds since 1970 if it says when it was written; in local time unless `zoned`.
    pub time_ms: Option<i64>,
    /// Whether the time is UTC for sure.
    pub zoned: bool,
    /// Offset from UTC in seconds, if the line says so.
    pub offset_s: Option<i64>,
    /// The process that wrote it, if Ruby's logger did.
    pub pid: Option<u64>,
    /// Request id; empty if it has none.
    pub id: &'a [u8],
    /// What it says.
    pub message: Message<'a>,
}

/// Read a line.
pub fn read(text: &[u8]) -> Line<'_> {
    let shipped = prefix::strip(text.trim_ascii_end());
    let text = shipped.rest;
    let mut line = Line {
        time_ms: shipped.time_ms,
        zoned: true,
        offset_s: None,
        pid: None,
        id: b"",
        message: Message::Other,
    };
    if let Some(logger) = rails::logger(text) {
        line.pid = Some(logger.pid);
        if let Some(ms) = logger.time_ms {
            line.time_ms = Some(ms);
            line.zoned = false;
        }
        let (id, rest) = rails::tag(logger.rest);
        line.id = id;
        line.message = if logger.program.is_empty() {
            rails::message(rest, logger.fatal)
        } else if logger.program == b"omniauth" {
            rails::omniauth(rest)
        } else {
            Message::Other
        };
    } else if let Some(access) = access::combined(text) {
        line.time_ms = access.time_ms;
        line.message = Message::Access(access);
    } else if let Some(database) = postgres::read(text) {
        line.time_ms = database.time_ms.or(line.time_ms);
        line.message = Message::Database(database);
    } else if let Some(spoof) = rails::spoof(text) {
        line.message = spoof;
    } else {
        let (id, rest) = rails::tag(text);
        line.id = id;
        // Without a logger's prefix, `[id] ` stands before the lines of an exception only.
        line.message = if id.is_empty() { rails::message(rest, false) } else { rails::exception(rest) };
    }
    if let Message::Started { .. } = line.message
        && let Some((ms, offset)) = rails::started_at(text)
    {
        line.offset_s = Some(offset);
        if line.time_ms.is_none() {
            line.time_ms = Some(ms);
            line.zoned = true;
        }
    }
    line
}

#[cfg(test)]
mod tests;
