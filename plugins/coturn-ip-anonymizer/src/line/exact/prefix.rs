//! What stands before the message of a line.

use super::{
    cursor::{Line, Shape},
    fields::inert_name,
};

/// `2026-11-21T00:06:35`, with the hour east or west of Greenwich behind it or not.
const SECOND: Shape<19, 3> = Shape::new(b"0000-00-00T00:00:00");
/// As [`SECOND`], of older versions.
const SPACED_SECOND: Shape<19, 3> = Shape::new(b"0000-00-00 00:00:00");

/// `2026-11-21T00:06:35+0000: `, `3: : `, `3: (7690): INFO: `, `...+0000(7690): INFO: `,
/// `2026-11-21T00:14:07.485+0000 INFO `, `3 INFO `, `2026-11-21 00:06:46: `.
///
/// Before it, that of a container runtime (`2026-...Z stdout F `) or of syslog
/// (`Nov 21 00:10:11 host turnserver: `, `2026-...+00:00 host turnserver: `) may stand.
///
/// `host` is the host name of the last line. The answer is what stands behind the prefix.
#[inline(never)]
pub fn skip<'t>(text: &'t [u8], host: &mut Vec<u8>) -> Option<&'t [u8]> {
    let mut line = Line::new(text);
    read(&mut line, host)?;
    Some(line.rest)
}

fn read(line: &mut Line<'_>, host: &mut Vec<u8>) -> Option<()> {
    let mut stamped = stamp(line);
    if stamped {
        if line.is(b" stdout F ") || line.is(b" stderr F ") {
            stamped = stamp(line);
        } else if line.byte() == b' ' && !level_follows(line) {
            host_and_program(line, host)?;
            stamped = stamp(line);
        }
    } else if line.byte().is_ascii_uppercase() {
        syslog_time(line)?;
        host_and_program(line, host)?;
        stamped = stamp(line);
    }
    if !stamped {
        line.number()?;
    }
    if line.is(b": ") {
        if stamped {
            return Some(());
        }
        if line.is(b": ") {
            let _ = line.is(b"ERROR: ");
            return Some(());
        }
    } else if line.is(b" ") {
        let level = line.is(b"INFO ") || line.is(b"DEBUG ") || line.is(b"ERROR ");
        return level.then_some(());
    }
    line.lit(b"(")?;
    line.number()?;
    line.lit(b"): ")?;
    (line.is(b"INFO: ") || line.is(b"ERROR: ") || line.is(b"DEBUG: ")).then_some(())
}

fn level_follows(line: &Line<'_>) -> bool {
    [&b" INFO "[..], b" DEBUG ", b" ERROR ", b" WARNING "].iter().any(|level| line.rest.starts_with(level))
}

/// `Nov 21 00:10:11`.
fn syslog_time(line: &mut Line<'_>) -> Option<()> {
    let time = line.rest.first_chunk::<15>()?;
    let ok = time.iter().zip(b"aaa 00 00:00:00").enumerate().all(|(i, (byte, class))| match class {
        b'a' => byte.is_ascii_alphabetic(),
        b'0' => byte.is_ascii_digit() || i == 4 && *byte == b' ',
        _ => byte == class,
    });
    line.skip(15);
    ok.then_some(())
}

/// ` host program: ` or ` host program[123]: `.
fn host_and_program(line: &mut Line<'_>, host: &mut Vec<u8>) -> Option<()> {
    line.lit(b" ")?;
    inert_name(line, host, b' ')?;
    line.skip(1);
    if !line.is(b"turnserver") {
        let name = |b: &u8| b.is_ascii_alphabetic() || *b == b'_';
        let len = line.rest.iter().take_while(|b| name(b)).count();
        if len == 0 {
            return None;
        }
        line.skip(len);
    }
    if line.is(b"[") {
        line.number()?;
        line.lit(b"]")?;
    }
    line.lit(b": ")
}

/// A date and time of the default formats.
fn stamp(line: &mut Line<'_>) -> bool {
    if !line.has(&SECOND) && !line.has(&SPACED_SECOND) {
        return false;
    }
    if line.is(b".") {
        let left = line.left();
        if line.number().is_none() || left - line.left() > 9 {
            return false;
        }
    }
    if line.is(b"+") || line.is(b"-") {
        let left = line.left();
        if line.number().is_none() {
            return false;
        }
        let digits = left - line.left();
        return digits == 4
            || digits == 2 && line.is(b":") && line.number().is_some() && left - line.left() == 5;
    }
    let _ = line.is(b"Z");
    true
}
