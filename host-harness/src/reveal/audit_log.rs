//! The record of who has revealed what, and why: a file that is only appended to, for its owner alone.
//! It never holds what was revealed.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use serde::Serialize;

use crate::audit::hour;

/// One pseudonym that was asked for.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Who, as the system knows them.
    pub user: &'a str,
    /// Their number; none where users have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Who has become that user through sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<&'a str>,
    /// The id of the key.
    pub key_id: &'a str,
    /// What was asked for.
    pub pseudonym: &'a str,
    /// Whether it was revealed.
    pub revealed: bool,
    /// Why, as they say.
    pub reason: &'a str,
}

/// Who runs this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: Option<u32>,
    /// The name before sudo.
    pub sudo_user: Option<String>,
}

impl User {
    /// From the system, and not from what the environment says, where there is a choice.
    #[must_use]
    pub fn current() -> Self {
        let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        #[cfg(unix)]
        {
            let uid = rustix::process::getuid().as_raw();
            let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            let name = name_of(&passwd, uid).or_else(|| env("USER"));
            let sudo_user = env("SUDO_USER").filter(|_| uid == 0);
            Self { name: name.unwrap_or_else(|| uid.to_string()), uid: Some(uid), sudo_user }
        }
        #[cfg(not(unix))]
        Self { name: env("USERNAME").unwrap_or_default(), uid: None, sudo_user: None }
    }
}

#[cfg(unix)]
fn name_of(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Now, as `2026-11-21T00:15:48Z`.
#[must_use]
pub fn now() -> String {
    rfc3339(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!("{}T{:02}:{:02}:{:02}Z", hour::day_label(days), rest / 3600, rest / 60 % 60, rest % 60)
}

/// The file, open.
#[derive(Debug)]
pub struct AuditLog(File);

impl AuditLog {
    /// Open or make it.
    ///
    /// # Errors
    /// When it cannot be written, or others than its owner may read or write it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file =
            options.open(path).with_context(|| format!("cannot open the audit log {}", path.display()))?;
        let meta = file.metadata().context("cannot look at the audit log")?;
        if !meta.is_file() {
            bail!("the audit log {} must be a file", path.display());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            if meta.permissions().mode() & 0o077 != 0 {
                bail!("the audit log {0} is open to others than its owner: chmod 600 {0}", path.display());
            }
        }
        Ok(Self(file))
    }

    /// Append lines, all or none as far as other writers see, and wait until they are on the disk.
    ///
    /// # Errors
    /// When they cannot be written: then nothing may be revealed.
    pub fn append(&mut self, lines: &[Line<'_>]) -> anyhow::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        self.0.lock().context("cannot lock the audit log")?;
        let written = self.0.write_all(&text).and_then(|()| self.0.sync_data());
        // It is given back with the file, too.
        let _ = self.0.unlock();
        written.context("cannot write the audit log: nothing is revealed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_220_148), "2026-11-21T00:15:48Z");
    }

    #[cfg(unix)]
    #[test]
    fn users_have_names() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\n";
        assert_eq!(name_of(passwd, 1000).as_deref(), Some("ops"));
        assert_eq!(name_of(passwd, 7), None);
        assert!(!User::current().name.is_empty());
    }
}
