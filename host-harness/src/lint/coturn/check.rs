//! The rules, applied to a file.

use std::net::IpAddr;

use super::{
    database::Database,
    fix::Patch,
    options::{self, Takes},
    parse::{Config, Setting},
    rules as r,
};
use crate::{
    lint::{Finding, Place, Rule, Version},
    nearest::nearest,
};

/// Directories in which each user can make files.
const SHARED: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Options whose values are secrets.
const SECRETS: [&str; 9] = [
    "static-auth-secret",
    "user",
    "cli-password",
    "pkey-pwd",
    "psql-userdb",
    "sql-userdb",
    "mysql-userdb",
    "mongo-userdb",
    "redis-userdb",
];

pub(super) struct Check<'c> {
    name: &'c str,
    config: &'c Config,
    version: Option<Version>,
    findings: Vec<Finding>,
    /// Findings that the patch cures.
    fixed: Vec<usize>,
    patch: Patch,
}

impl<'c> Check<'c> {
    pub fn new(name: &'c str, config: &'c Config, version: Option<Version>, patch: Patch) -> Self {
        Self { name, config, version, findings: Vec::new(), fixed: Vec::new(), patch }
    }

    pub fn finish(mut self, fix: bool) -> (Vec<Finding>, Patch) {
        for index in self.fixed.drain(..).filter(|_| fix) {
            if let Some(finding) = self.findings.get_mut(index) {
                finding.fixed = true;
            }
        }
        (self.findings, self.patch)
    }

    pub fn run(&mut self) {
        for setting in &self.config.settings {
            self.setting(setting);
        }
        for (rule, name) in [
            (&r::VERBOSE, "verbose"),
            (&r::EXTRA_VERBOSE, "Verbose"),
            (&r::LOG_BINDING, "log-binding"),
            (&r::PACKET_DUMP, "drop-invalid-packets-log"),
            (&r::PROMETHEUS_USERS, "prometheus-username-labels"),
            (&r::WEB_ADMIN, "web-admin"),
        ] {
            self.turn_off(rule, name);
        }
        self.level();
        self.destination();
        self.logins();
        self.databases();
        self.listeners();
    }

    /// At least this version, if one is known.
    fn from(&self, minor: u16) -> Option<bool> {
        self.version.map(|v| v >= Version(4, minor, 0))
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn add_fixed(&mut self, finding: Finding) {
        self.fixed.push(self.findings.len());
        self.findings.push(finding);
    }

    fn at(&self, setting: &Setting) -> Place {
        Place::line(self.name, setting.line())
    }

    fn whole(&self) -> Place {
        Place::file(self.name)
    }

    /// What can be said of a line by itself.
    fn setting(&mut self, setting: &Setting) {
        let Setting { name, value, .. } = setting;
        let at = self.at(setting);
        if setting.semicolon {
            self.semicolon(setting);
            // coturn cannot know this name either, but the cure is another one.
            if value.is_empty() {
                return;
            }
        }
        let Some(option) = options::find(name) else { return self.unknown(setting) };
        if let Some(version) = self.version.filter(|v| !option.is_in(*v)) {
            let words = if version < option.since {
                format!("{name} came with coturn {}; this is {version}", option.since)
            } else {
                format!("{name} is gone since before coturn {version}")
            };
            return self.add(Finding::new(&r::OPTION_VERSION, at, words));
        }
        if option.takes == Takes::Flag && setting.flag().is_none() {
            let words = format!("{name} is on or off, not '{value}': coturn ends at its start");
            self.add(Finding::new(&r::BAD_VALUE, at, words).advise(format!("{name}=on")));
        }
    }

    fn semicolon(&mut self, setting: &Setting) {
        let at = self.at(setting);
        let name = setting.name.trim_end_matches(';');
        if SECRETS.contains(&name) || name == "redis-statsdb" {
            let words = format!("the value of {name} ends with a semicolon, so coturn logs it");
            return self.add(Finding::new(&r::SECRET_SEMICOLON, at, words));
        }
        let value = setting.value.trim_end_matches(';').trim_end_matches('"').trim_end();
        let line = if value.is_empty() { name.to_owned() } else { format!("{name}={value}") };
        self.patch.replace(&r::SEMICOLON, setting.index, &line);
        let words = format!("the line of {name} ends with a semicolon");
        self.add_fixed(Finding::new(&r::SEMICOLON, at, words).advise(line));
    }

    fn unknown(&mut self, setting: &Setting) {
        let name = setting.name.trim_start_matches('-');
        let at = self.at(setting);
        if name == "log-level" || name == "log-mobility" {
            let finding =
                Finding::new(&r::LOG_LEVEL, at, format!("{name} does not exist in any version of coturn"));
            let known = self.config.last("log-min-level").is_some();
            if name == "log-level" && self.from(15) == Some(true) && !known {
                self.patch.replace(&r::LOG_LEVEL, setting.index, "log-min-level=warning");
                return self.add_fixed(finding.advise("log-min-level=warning"));
            }
            self.patch.comment_out(&r::LOG_LEVEL, setting.index);
            let finding = match name {
                "log-mobility" => finding.cure("leave it out; the option mobility logs nothing by itself"),
                _ => finding,
            };
            return self.add_fixed(finding);
        }
        let known = options::ALL.iter().map(|o| o.name);
        let meant = if options::find(name).is_some() { Some(name) } else { nearest(name, known) };
        let hint = meant.map(|m| format!("; did you mean '{m}'?")).unwrap_or_default();
        let newest = options::NEWEST;
        let words = format!("'{}' is no option of coturn up to {newest}{hint}", setting.name);
        let finding = Finding::new(&r::UNKNOWN_OPTION, at, words);
        self.add(match meant {
            // The value may be a secret.
            Some(meant) if setting.value.is_empty() => finding.advise(meant),
            Some(meant) => finding.advise(format!("{meant}=...")),
            None => finding,
        });
    }

    /// A flag that should not be on.
    fn turn_off(&mut self, rule: &Rule, name: &str) {
        if self.config.on(name).is_none() {
            return;
        }
        // Earlier ones come back to life when the last is a comment.
        let lines = self.config.settings.iter().filter(|s| s.name == name && s.flag() == Some(true));
        for setting in lines {
            self.patch.comment_out(rule, setting.index);
            let finding = Finding::new(rule, self.at(setting), format!("{name} is on"));
            self.add_fixed(finding.advise(format!("#{name}")));
        }
    }

    fn level(&mut self) {
        let advised = "log-min-level=warning";
        let Some(setting) = self.config.last("log-min-level") else {
            let comes = self.config.settings.iter().any(|s| s.name == "log-level");
            if self.from(15) == Some(true) && !comes {
                let words = "log-min-level is not set, so it is debug";
                self.patch.add(&r::LOG_MIN_LEVEL, advised);
                self.add_fixed(Finding::new(&r::LOG_MIN_LEVEL, self.whole(), words).advise(advised));
            }
            return;
        };
        if self.from(15) == Some(false) {
            return;
        }
        let at = self.at(setting);
        let words = format!("log-min-level is '{}'", setting.value);
        match setting.value.as_str() {
            "warning" | "error" => {}
            "debug" | "info" => {
                self.patch.replace(&r::LOG_MIN_LEVEL, setting.index, advised);
                self.add_fixed(Finding::new(&r::LOG_MIN_LEVEL, at, words).advise(advised));
            }
            _ => {
                let words = format!("{words}: it is debug, info, warning or error");
                self.add(Finding::new(&r::BAD_VALUE, at, words).advise(advised));
            }
        }
    }

    /// Where the log goes.
    fn destination(&mut self) {
        let file = self.config.value("log-file");
        let path = file.map_or("", |s| s.value.as_str());
        let syslog = match path {
            "syslog" => file,
            _ => self.config.on("syslog"),
        };
        if let Some(setting) = syslog {
            let words = "the log goes to syslog";
            self.add(Finding::new(&r::SYSLOG, self.at(setting), words));
        }
        if matches!(path, "stdout" | "-") {
            return;
        }
        if syslog.is_none() {
            self.file(file, path);
        }
        if self.config.on("no-stdout-log").is_none() && (syslog.is_some() || !path.is_empty()) {
            let place = self.config.last("no-stdout-log").map_or_else(|| self.whole(), |s| self.at(s));
            match self.config.last("no-stdout-log") {
                Some(setting) => self.patch.replace(&r::STDOUT_COPY, setting.index, "no-stdout-log"),
                None => self.patch.add(&r::STDOUT_COPY, "no-stdout-log"),
            }
            let words = "each line goes to standard output, too";
            self.add_fixed(Finding::new(&r::STDOUT_COPY, place, words).advise("no-stdout-log"));
        }
    }

    fn file(&mut self, file: Option<&Setting>, path: &str) {
        let advised = "log-file=/var/log/turnserver/turnserver.log";
        if path == "/dev/null" {
            return;
        }
        match file {
            None => {
                let words =
                    "no log-file: coturn writes to the first of several directories that it can write to";
                self.patch.add(&r::LOG_FILE, advised);
                self.add_fixed(Finding::new(&r::LOG_FILE, self.whole(), words).advise(advised));
                // The file that is added goes to standard output as well.
                if self.config.on("no-stdout-log").is_none() {
                    self.patch.add(&r::LOG_FILE, "no-stdout-log");
                }
            }
            Some(setting) => {
                let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
                if SHARED.contains(&dir) {
                    let words = format!("the log is in {dir}, where each user can make and read files");
                    self.patch.replace(&r::LOG_FILE, setting.index, advised);
                    self.add_fixed(Finding::new(&r::LOG_FILE, self.at(setting), words).advise(advised));
                }
            }
        }
        if self.config.on("simple-log").is_none() {
            let place = file.map_or_else(|| self.whole(), |s| self.at(s));
            match self.config.last("simple-log") {
                Some(setting) => self.patch.replace(&r::ROTATION, setting.index, "simple-log"),
                None => self.patch.add(&r::ROTATION, "simple-log"),
            }
            let words = "a new file each day, and none is ever removed";
            self.add_fixed(Finding::new(&r::ROTATION, place, words).advise("simple-log"));
        }
    }

    fn logins(&mut self) {
        if let Some(setting) = self.config.on("secure-stun") {
            self.add(Finding::new(&r::SECURE_STUN, self.at(setting), "secure-stun is on"));
        }
        if let Some(setting) = self.config.on("use-auth-secret") {
            let words = "users are named by an application; coturn logs the names";
            self.add(Finding::new(&r::REST_USERS, self.at(setting), words));
        }
        for setting in self.config.settings.iter().filter(|s| s.name == "user") {
            let key = setting.value.split_once(':').map_or("", |(_, key)| key);
            if !key.is_empty() && !key.starts_with("0x") {
                let words = "the password of a user stands here in clear";
                let finding = Finding::new(&r::STATIC_USER, self.at(setting), words);
                self.add(finding.advise("user=NAME:0x..."));
            }
        }
    }

    fn databases(&mut self) {
        for setting in &self.config.settings {
            let kind = match setting.name.as_str() {
                "psql-userdb" | "sql-userdb" => Database::Postgres,
                "mysql-userdb" => Database::Mysql,
                "mongo-userdb" => Database::Mongo,
                "redis-userdb" => Database::Redis,
                "redis-statsdb" => Database::RedisStats,
                _ => continue,
            };
            if let Some(words) = kind.shown(&setting.value, self.version) {
                let words = format!("{}: {words}", setting.name);
                self.add(Finding::new(&r::DATABASE_PASSWORD, self.at(setting), words));
            }
            if kind == Database::RedisStats {
                let words = "users and client addresses of each allocation are written to Redis";
                self.add(Finding::new(&r::REDIS_STATSDB, self.at(setting), words));
            }
        }
    }

    /// What can be asked from outside.
    fn listeners(&mut self) {
        if let Some(setting) = self.config.on("prometheus") {
            let address = self.config.value("prometheus-address");
            if !address.is_some_and(|s| is_loopback(&s.value)) {
                let words = address.map_or_else(
                    || "metrics are served on all addresses".to_owned(),
                    |s| format!("metrics are served on {}", s.value),
                );
                let at = self.at(address.unwrap_or(setting));
                self.add(
                    Finding::new(&r::PROMETHEUS_ADDRESS, at, words).advise("prometheus-address=127.0.0.1"),
                );
            }
        }
        self.console();
        let open = self.config.on("web-admin-listen-on-workers");
        if let Some(setting) = open {
            self.patch.comment_out(&r::WEB_ADMIN_OPEN, setting.index);
            let words = "the admin pages are served on the ports of clients";
            let finding = Finding::new(&r::WEB_ADMIN_OPEN, self.at(setting), words);
            self.add_fixed(finding.advise("#web-admin-listen-on-workers"));
        }
        if self.config.on("web-admin").is_some()
            && let Some(setting) = self.config.value("web-admin-ip").filter(|s| !is_loopback(&s.value))
        {
            let words = format!("the admin pages are served on {}", setting.value);
            let finding = Finding::new(&r::WEB_ADMIN_OPEN, self.at(setting), words);
            // It goes with web-admin itself.
            self.add_fixed(finding.advise("web-admin-ip=127.0.0.1"));
        }
    }

    fn console(&mut self) {
        let on = self.config.on("cli");
        let off = self.config.on("no-cli").is_some();
        let old = self.from(10) != Some(true);
        if let Some(setting) = on.filter(|_| !off) {
            self.patch.comment_out(&r::CLI, setting.index);
            if old {
                self.patch.add(&r::CLI, "no-cli");
            }
            self.add_fixed(
                Finding::new(&r::CLI, self.at(setting), "the telnet console is on").advise("#cli"),
            );
        } else if old && !off {
            let words = match self.version {
                Some(version) => format!("coturn {version} has the telnet console on unless no-cli is set"),
                None => "coturn before 4.10 has the telnet console on unless no-cli is set".to_owned(),
            };
            match self.config.last("no-cli") {
                Some(setting) => self.patch.replace(&r::CLI, setting.index, "no-cli"),
                None => self.patch.add(&r::CLI, "no-cli"),
            }
            let cure = "set no-cli; with coturn 4.10 or later say so: --coturn-version";
            self.add_fixed(Finding::new(&r::CLI, self.whole(), words).cure(cure).advise("no-cli"));
        } else {
            return;
        }
        // Both are cured by what takes the console away.
        if let Some(setting) = self.config.value("cli-ip").filter(|s| !is_loopback(&s.value)) {
            let words = format!("the telnet console listens on {}", setting.value);
            let finding = Finding::new(&r::CLI_OPEN, self.at(setting), words);
            self.add_fixed(finding.advise("cli-ip=127.0.0.1"));
        }
        let password = self.config.value("cli-password");
        if let Some(setting) = password.filter(|s| !s.value.trim_start_matches('\\').starts_with('$')) {
            let words = "the password of the telnet console stands here in clear";
            let finding = Finding::new(&r::CLI_OPEN, self.at(setting), words);
            self.add_fixed(finding.advise("cli-password=$5$..."));
        }
    }
}

fn is_loopback(address: &str) -> bool {
    address == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
