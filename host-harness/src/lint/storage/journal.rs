//! The configuration of journald, as far as it says how long its files stay.

use std::{fs, path::Path, time::Duration};

use crate::lint;

/// What `MaxRetentionSec` says; `None` if nothing limits the time.
pub fn max_retention(etc: &Path) -> Option<Duration> {
    let mut paths = vec![etc.join("systemd/journald.conf")];
    if let Ok(found) = fs::read_dir(etc.join("systemd/journald.conf.d")) {
        let mut more: Vec<_> = found.flatten().map(|f| f.path()).collect();
        more.retain(|p| p.extension().is_some_and(|e| e == "conf"));
        more.sort();
        paths.extend(more);
    }
    let mut limit = None;
    for path in paths {
        let Ok(bytes) = lint::read(&path) else { continue };
        for line in String::from_utf8_lossy(&bytes).lines() {
            if let Some(value) = line.trim().strip_prefix("MaxRetentionSec") {
                let value = value.trim_start().strip_prefix('=').unwrap_or_default();
                limit = span(value).filter(|d| !d.is_zero());
            }
        }
    }
    limit
}

/// A span of time as systemd and `--retention` have it: `30d`, `2week`, `1h 30min`, seconds without a unit.
pub fn span(text: &str) -> Option<Duration> {
    let mut total = 0u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 7 * 86_400,
            "M" | "month" | "months" => 2_629_800,
            "y" | "year" | "years" => 31_557_600,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = rest[letters..].trim_start();
    }
    Some(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, seconds) in
            [("30d", 30 * 86_400), ("1h 30min", 5400), ("90", 90), ("2weeks", 14 * 86_400), ("0", 0)]
        {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "1x", "-1d", "99999999999999999999d", "1 d x"] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_word_counts() {
        let etc = tempfile::tempdir().unwrap();
        assert_eq!(max_retention(etc.path()), None);
        let dir = etc.path().join("systemd/journald.conf.d");
        fs::create_dir_all(&dir).unwrap();
        fs::write(
            etc.path().join("systemd/journald.conf"),
            "[Journal]\n#MaxRetentionSec=1d\nMaxRetentionSec = 1year\n",
        )
        .unwrap();
        fs::write(dir.join("10.conf"), "[Journal]\nMaxRetentionSec=2week\n").unwrap();
        assert_eq!(max_retention(etc.path()), Some(Duration::from_secs(14 * 86_400)));
    }
}
