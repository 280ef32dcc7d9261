//! Connection strings of databases: which passwords coturn shows when it logs one.

use crate::lint::Version;

/// A database that coturn can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Postgres,
    Mysql,
    Mongo,
    Redis,
    RedisStats,
}

impl Database {
    /// Why the log shows the password of this connection string, if it does.
    pub fn shown(self, text: &str, version: Option<Version>) -> Option<&'static str> {
        let in_uri = uri_password(text);
        let password = text.split_once("password=").map(|(_, rest)| rest.trim_end());
        if in_uri.is_none() && password.is_none_or(str::is_empty) {
            return None;
        }
        if version.is_some_and(|v| v < Version(4, 6, 2)) {
            return Some("coturn before 4.6.2 logs passwords in clear");
        }
        // Blanks part the words of such strings: one that is followed by no `name=` is in the password.
        let blank = password.is_some_and(|p| {
            p.split_ascii_whitespace().skip(1).any(|word| !word.contains('=')) || p.starts_with(['\'', '"'])
        });
        match self {
            Self::Redis => Some("coturn logs the string as it is, password included"),
            Self::Mongo => Some("coturn logs the URI as it is, password included"),
            _ if blank => Some("coturn hides a password only up to its first blank or quote"),
            Self::Postgres if in_uri.is_some() && text.starts_with("postgres://") => {
                Some("coturn hides passwords in postgresql:// but not in postgres://")
            }
            Self::Postgres if in_uri.is_some_and(|p| p.contains('@')) => {
                Some("coturn hides a password in a URI only up to its first @")
            }
            Self::Mysql | Self::RedisStats if in_uri.is_some() => {
                Some("coturn hides no password in this URI")
            }
            _ => None,
        }
    }
}

/// The password of `scheme://user:password@host`.
fn uri_password(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    // The last @ before the path: passwords have some, too.
    let authority = rest.rsplit_once('@')?.0;
    let (_, password) = authority.split_once(':')?;
    (!password.is_empty()).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_coturn_shows() {
        use Database::{Mongo, Mysql, Postgres, Redis, RedisStats};
        let new = Some(Version(4, 17, 1));
        for (kind, text, version, shown) in [
            (Postgres, "host=db dbname=turn user=t password=x connect_timeout=30", new, false),
            (Postgres, "host=db password=x", Some(Version(4, 6, 1)), true),
            (Postgres, "host=db password='a b' user=t", new, true),
            (Postgres, "postgresql://t:x@db/turn", new, false),
            (Postgres, "postgresql://t:x@y@db/turn", new, true),
            (Postgres, "postgres://t:x@db/turn", None, true),
            (Postgres, "postgres://t@db/turn", None, false),
            (Mysql, "host=db user=t password=x y read_timeout=3", None, true),
            (Mysql, "host=db user=t password=x read_timeout=3", None, false),
            (Mongo, "mongodb://t:x@db/turn", new, true),
            (Mongo, "mongodb://db/turn", new, false),
            (Redis, "ip=127.0.0.1 dbname=0 password=x port=6379", new, true),
            (Redis, "ip=127.0.0.1 dbname=0", new, false),
            (RedisStats, "ip=127.0.0.1 password=x", new, false),
        ] {
            assert_eq!(kind.shown(text, version).is_some(), shown, "{text}");
        }
    }
}
