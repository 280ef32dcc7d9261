//! A run as a picture: SVG, or an HTML page around it with all figures. Both need nothing else, and
//! nothing that was named on a command line is ever markup in them.

use std::fmt::Write as _;

use crate::render::html;

use super::{
    compare::Comparison,
    report::{Case, Report},
    table::{micros, name, over_control},
};

const STYLE: &str = include_str!("chart.css");
const PAGE_STYLE: &str = include_str!("page.css");

const WIDTH: f64 = 900.0;
const ROW: f64 = 24.0;
/// Where bars and lines start; names are left of it.
const LEFT: f64 = 300.0;
/// Room for a figure right of the longest bar.
const RIGHT: f64 = 90.0;
const LINES_HEIGHT: f64 = 260.0;
/// A longer name is cut in the middle.
const MAX_NAME: usize = 38;

/// A picture of a run.
#[must_use]
pub fn svg(report: &Report) -> String {
    picture(report, &format!("<style>\n{STYLE}</style>\n"))
}

/// The picture; within a page its style is that of the page.
fn picture(report: &Report, style: &str) -> String {
    let bars_height = 60.0 + ROW * report.cases.len() as f64;
    let steps = report.cases.iter().map(|case| case.sweep.len()).max().unwrap_or(0);
    let lines_height = if steps > 1 { LINES_HEIGHT + 90.0 } else { 0.0 };
    let height = bars_height + lines_height + 30.0;
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"tamis bench: {0}\">\n<title>tamis bench: {0}</title>\n{style}\
         <rect class=\"bg\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        esc(&report.input.name)
    );
    bars(&mut out, report);
    if steps > 1 {
        lines(&mut out, report, bars_height);
    }
    let _ = write!(
        out,
        "<text class=\"dim\" x=\"12\" y=\"{}\">{}</text>\n</svg>\n",
        height - 10.0,
        esc(&subtitle(report))
    );
    out
}

fn subtitle(report: &Report) -> String {
    format!(
        "{}, {} records; {} rounds; tamis {} on {} {}, one thread; pale: controls, ▸: beyond the edge",
        report.input.name,
        report.input.records,
        report.rounds,
        report.tamis,
        report.machine.os,
        report.machine.arch
    )
}

fn bars(out: &mut String, report: &Report) {
    let _ = writeln!(out, "<text class=\"title\" x=\"12\" y=\"26\">MB of log per second of CPU time</text>");
    // Controls may be much faster than what is to be seen: their bars end at the edge then.
    let fastest = |control: bool| {
        let of = report.cases.iter().filter(|c| c.control == control);
        of.map(|c| c.mb_per_s).fold(0.0, f64::max)
    };
    let most = if fastest(false) > 0.0 { fastest(false) } else { fastest(true).max(1e-9) };
    for (i, case) in report.cases.iter().enumerate() {
        let y = 44.0 + ROW * i as f64;
        let width = (WIDTH - LEFT - RIGHT) * (case.mb_per_s / most).min(1.0);
        let more = if case.mb_per_s > most { " ▸" } else { "" };
        let _ = writeln!(
            out,
            "<g><title>{}: {:.0} ns a record</title><text class=\"end\" x=\"{}\" y=\"{}\">{}</text>\
             <rect class=\"{}\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\"/>\
             <text class=\"dim\" x=\"{:.1}\" y=\"{}\">{:.0}{more}</text></g>",
            esc(&name(case.id())),
            case.ns_per_record,
            LEFT - 8.0,
            y + 13.0,
            esc(&short(&name(case.id()))),
            class(case),
            ROW - 7.0,
            LEFT + width + 6.0,
            y + 13.0,
            case.mb_per_s,
        );
    }
}

/// Nanoseconds by the size of batches, both axes logarithmic.
fn lines(out: &mut String, report: &Report, top: f64) {
    let _ = writeln!(
        out,
        "<text class=\"title\" x=\"12\" y=\"{}\">ns of CPU time a record, by records in a batch</text>",
        top + 26.0
    );
    let (left, right) = (70.0, WIDTH - LEFT);
    let (upper, lower) = (top + 44.0, top + 44.0 + LINES_HEIGHT);
    let steps = || report.cases.iter().flat_map(|case| &case.sweep);
    let x_of = scale(steps().map(|s| f64::from(s.records)), left, right);
    let y_of = scale(steps().map(|s| s.ns_per_record), lower, upper);
    let mut sizes: Vec<u32> = steps().map(|s| s.records).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let x = x_of(f64::from(size));
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{upper}\" y2=\"{lower}\"/>\
             <text class=\"dim middle\" x=\"{x:.1}\" y=\"{}\">{size}</text>",
            lower + 18.0
        );
    }
    let most = steps().map(|s| s.ns_per_record).fold(1.0, f64::max);
    let least = steps().map(|s| s.ns_per_record).fold(most, f64::min);
    for power in -1..=9 {
        let ns = 10f64.powi(power);
        if (least..=most).contains(&ns) {
            let y = y_of(ns);
            let _ = writeln!(
                out,
                "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"dim end\" x=\"{}\" y=\"{:.1}\">{ns}</text>",
                left - 6.0,
                y + 4.0
            );
        }
    }
    // Names stand beside the ends of their lines, and not on each other.
    let mut labels: Vec<(f64, &Case)> = Vec::new();
    for case in &report.cases {
        let points: Vec<String> = case
            .sweep
            .iter()
            .map(|s| format!("{:.1},{:.1}", x_of(f64::from(s.records)), y_of(s.ns_per_record)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline class=\"{}\" points=\"{}\"><title>{}</title></polyline>",
            class(case),
            points.join(" "),
            esc(&name(case.id()))
        );
        if let Some(last) = case.sweep.last() {
            labels.push((y_of(last.ns_per_record), case));
        }
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut next = f64::NEG_INFINITY;
    let room = (lower + 30.0 - upper) / labels.len().max(1) as f64;
    for (y, case) in labels {
        let y = y.max(next);
        next = y + room.min(15.0);
        let _ = writeln!(
            out,
            "<text class=\"dim\" x=\"{}\" y=\"{:.1}\">{}</text>",
            right + 8.0,
            y + 4.0,
            esc(&short(&name(case.id())))
        );
    }
}

/// From values to places between `from` and `to`, by their logarithms.
fn scale(values: impl Iterator<Item = f64>, from: f64, to: f64) -> impl Fn(f64) -> f64 {
    let log = |value: f64| value.max(1e-3).ln();
    let (least, most) = values
        .map(log)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (least.min(v), most.max(v)));
    let span = if most > least { most - least } else { 1.0 };
    move |value| from + (to - from) * (log(value) - least) / span
}

fn class(case: &Case) -> String {
    let host = match case.host.as_str() {
        host @ ("component" | "fluent-bit" | "proxy-wasm") => host,
        _ => "native",
    };
    format!("{host}{}", if case.control { " control" } else { "" })
}

fn short(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= MAX_NAME {
        return name.to_owned();
    }
    let end = MAX_NAME * 2 / 3;
    let (first, last) = (&chars[..MAX_NAME - end - 1], &chars[chars.len() - end..]);
    format!("{}…{}", first.iter().collect::<String>(), last.iter().collect::<String>())
}

/// A page with the picture and all figures.
#[must_use]
pub fn page(report: &Report, comparison: Option<&Comparison>) -> String {
    let mut out = String::new();
    html::open("tamis bench", &format!("{STYLE}{PAGE_STYLE}"), &mut out);
    // Writing to a string does not fail.
    let _ = writeln!(out, "<h1>tamis bench</h1>\n<p>{}</p>", esc(&subtitle(report)));
    out.push_str(&picture(report, ""));
    rows(
        &mut out,
        "Figures",
        &[
            "Filter",
            "compile ms#",
            "start µs#",
            "ns/record#",
            "records/s#",
            "MB/s#",
            "× identity#",
            "batch µs p50#",
            "batch p99#",
            "batch p99.9#",
            "record µs p50#",
            "record p99#",
            "record p99.9#",
            "memory MB#",
        ],
        report.cases.iter().map(|case| figures(report, case)),
    );
    if let Some(found) = comparison {
        rows(
            &mut out,
            "Against the saved run",
            &["Filter", "then ns#", "now ns#", "change#", "fastest round#", "start#", "verdict"],
            found.cases.iter().map(|case| {
                let percent = |p: f64| format!("{p:+.1} %");
                vec![
                    name((&case.filter, &case.host)),
                    format!("{:.0}", case.then_ns),
                    format!("{:.0}", case.now_ns),
                    percent(case.percent),
                    percent(case.fastest_percent),
                    percent(case.start_percent),
                    if case.slower { "slower" } else { "" }.to_owned(),
                ]
            }),
        );
    }
    let notes = report.notes.iter().chain(comparison.into_iter().flat_map(|found| &found.notes));
    for note in notes {
        let _ = writeln!(out, "<p>{}</p>", esc(note));
    }
    html::close("measured on this machine; figures of other machines are others", &mut out);
    out
}

fn figures(report: &Report, case: &Case) -> Vec<String> {
    let optional = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    let mut cells = vec![
        name(case.id()),
        optional(case.compile_ms, 0),
        format!("{:.0}", case.start_us),
        format!("{:.0}", case.ns_per_record),
        format!("{:.0}", case.records_per_s),
        format!("{:.0}", case.mb_per_s),
        optional(over_control(report, case), 2),
    ];
    for latency in [&case.batch_latency, &case.record_latency] {
        cells.extend([latency.p50_ns, latency.p99_ns, latency.p999_ns].map(micros));
    }
    cells.push(optional(case.guest_memory_bytes.map(|bytes| bytes as f64 / 1e6), 1));
    cells
}

fn rows(out: &mut String, title: &str, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let _ = writeln!(out, "<section>\n<h2>{}</h2>", esc(title));
    html::table("One row per filter and host", heads, out);
    for cells in rows {
        html::row(heads, &cells, out);
    }
    html::end_table(0, out);
    out.push_str("</section>\n");
}

/// As text within XML. Characters that XML cannot hold were replaced before, or are here.
fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::compare::{compare, tests::made_up};

    fn texts(xml: &str) -> String {
        let document = roxmltree::Document::parse(xml).unwrap_or_else(|e| panic!("{e}: {xml}"));
        document.descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_picture_is_well_formed_and_shows_every_case() {
        let mut report = made_up(50.0, [100.0, 110.0, 120.0]);
        let picture = svg(&report);
        let text = texts(&picture);
        for shown in ["./<mine> & co.wasm component", "identity component", "<log> & \"more\"", "1182"] {
            assert!(text.contains(shown), "no {shown} in {text}");
        }
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
        assert_eq!(picture.matches("<polyline").count(), 2);

        // Odd figures and names draw no odd picture.
        report.cases[1].filter = "a\u{0}\u{1b}[31m\u{ffff}\"'".repeat(30);
        report.cases[1].mb_per_s = 0.0;
        report.cases[0].sweep.truncate(1);
        let picture = svg(&report);
        texts(&picture);
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
        for case in &mut report.cases {
            case.sweep.clear();
        }
        assert_eq!(svg(&report).matches("<polyline").count(), 0);
        report.cases.clear();
        texts(&svg(&report));
    }

    #[test]
    fn the_page_has_all_figures_and_needs_nothing_else() {
        let (then, now) = (made_up(50.0, [100.0; 3]), made_up(50.0, [150.0; 3]));
        let found = compare(&then, &now, Some(10.0));
        let page = page(&now, Some(&found));
        assert!(
            page.contains("+50.0 %") && page.contains("× identity") && page.contains(">slower<"),
            "{page}"
        );
        for outside in ["http://", "https://", " src=", "href=", "@import", "url("] {
            let found = page.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(outside), "{outside}");
        }
    }
}
