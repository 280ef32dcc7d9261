//! Alerts: rules over sliding windows of event time.

mod found;
pub mod source;
pub mod window;

pub use found::Alert;
use found::{Seen, alert};
use source::Source;
use window::{Hit, Windows, distinct, distinct_users, short, spread};

use crate::{
    config::AlertsConfig,
    event::{Action, Event, Facts, Outcome},
    scrub,
};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its id, which is also the alert's `event.action`.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// ATT&CK technique.
    pub technique: &'static str,
    /// 1 to 9.
    pub severity: u8,
}

macro_rules! rules {
    ($($constant:ident $id:literal $name:literal $technique:literal $severity:literal;)+) => {
        $(const $constant: Rule = Rule { id: $id, name: $name, technique: $technique, severity: $severity };)+
        /// The ids of all rules.
        pub const RULES: &[&str] = &[$($id),+];
    };
}

rules! {
    BRUTE_FORCE "brute-force-detected" "Many failed sign-ins from one address" "T1110.001" 7;
    DISTRIBUTED "distributed-brute-force-detected" "Many failed sign-ins of one user from many addresses" "T1110.001" 7;
    STUFFING "credential-stuffing-detected" "Failed sign-ins of many users from one address" "T1110.004" 7;
    SPRAYING "password-spraying-detected" "Failed sign-ins of many users from many addresses, few each" "T1110.003" 7;
    MFA "mfa-brute-force-detected" "Many failed second factors from one address" "T1110.001" 7;
    TOKEN_ABUSE "api-token-abuse-detected" "Many failed API authentications from one address" "T1528" 7;
    ENUMERATION "enumeration-detected" "Many refused or missing objects asked for by one address" "T1087" 7;
    SCAN "web-scan-detected" "Many suspicious paths asked for by one address" "T1595" 7;
    COMPROMISE "account-compromise-suspected" "Sign-in after many failures" "T1078" 9;
}

/// Lines that agree on a new time before it is believed.
const AGREE: u32 = 3;

/// The rules with their windows.
#[derive(Debug)]
pub struct Alerts {
    config: AlertsConfig,
    brute_force: Windows,
    distributed: Windows,
    stuffing: Windows,
    spraying: Windows,
    mfa: Windows,
    token_abuse: Windows,
    enumeration: Windows,
    scan: Windows,
    compromise_user: Windows,
    compromise_ip: Windows,
    clock_ms: i64,
    ahead: u32,
    source: Source,
    user: Vec<u8>,
    path: Vec<u8>,
    found: Vec<Alert>,
}

/// Hits that are remembered per key: what the rule asks for, and some.
fn most(threshold: u32) -> usize {
    (threshold as usize * 4).clamp(64, 4096)
}

impl Alerts {
    /// Nothing has been seen yet.
    pub fn new(config: &AlertsConfig) -> Self {
        let c = config;
        let keys = if c.enabled { c.keys as usize } else { 8 };
        let windows = |seconds: u32, threshold: u32| Windows::new(keys, seconds, most(threshold));
        Self {
            brute_force: windows(c.brute_force.window_seconds, c.brute_force.failures),
            distributed: windows(
                c.distributed_brute_force.window_seconds,
                c.distributed_brute_force.failures,
            ),
            stuffing: windows(c.credential_stuffing.window_seconds, c.credential_stuffing.users),
            spraying: Windows::new(
                8,
                c.password_spraying.window_seconds,
                most(c.password_spraying.users * 4),
            ),
            mfa: windows(c.mfa_brute_force.window_seconds, c.mfa_brute_force.failures),
            token_abuse: windows(c.api_token_abuse.window_seconds, c.api_token_abuse.failures),
            enumeration: windows(c.enumeration.window_seconds, c.enumeration.requests),
            scan: windows(c.web_scan.window_seconds, c.web_scan.paths),
            compromise_user: windows(c.account_compromise.window_seconds, c.account_compromise.failures),
            compromise_ip: windows(c.account_compromise.window_seconds, c.account_compromise.failures),
            config: *config,
            clock_ms: 0,
            ahead: 0,
            source: Source::default(),
            user: Vec::new(),
            path: Vec::new(),
            found: Vec::new(),
        }
    }

    /// The clock: whether the time of a line is to be believed. `record_ms` is what the shipper says, 0 if nothing.
    fn believes(&mut self, ms: i64, record_ms: i64) -> bool {
        let future_ms = i64::from(self.config.max_future_seconds) * 1000;
        let known = if record_ms > 0 { record_ms } else { self.clock_ms };
        if known != 0 && ms > known + future_ms {
            self.ahead += 1;
            // A gap in the log, or a clock that was set: all lines say so from then on.
            if record_ms > 0 || self.ahead < AGREE {
                return false;
            }
        }
        self.ahead = 0;
        self.clock_ms = ms;
        true
    }

    /// A line was read.
    pub fn tick(&mut self, ms: i64, record_ms: i64) {
        if ms > 0 {
            self.believes(ms, record_ms);
        }
    }

    /// An event has happened: the alerts it raises.
    pub fn observe(&mut self, event: &Event, facts: &Facts, record_ms: i64) -> &[Alert] {
        self.found.clear();
        // What a client may have written itself must not accuse others.
        if !self.config.enabled
            || facts.time_ms <= 0
            || facts.suspect
            || !self.believes(facts.time_ms, record_ms)
        {
            return &self.found;
        }
        self.source.set(&facts.ip);
        let mut user = std::mem::take(&mut self.user);
        user.clear();
        user.extend(facts.user.iter().map(u8::to_ascii_lowercase));
        let ip = std::mem::take(&mut self.source.key);
        let hit = Hit { ms: facts.time_ms, user: short(&user), ip: short(&ip) };
        let private = self.source.private;
        let seen = Seen { hit, user: &user, ip: &ip, address: &facts.ip, private };
        self.sign_ins(event, &seen);
        self.requests(event, facts, &seen);
        self.source.key = ip;
        self.user = user;
        &self.found
    }

    fn sign_ins(&mut self, event: &Event, seen: &Seen<'_>) {
        let failed = event.outcome == Outcome::Failure;
        let refused = failed && matches!(event.action, Action::UserLogin | Action::AdminLogin);
        let limited = event.action == Action::RateLimited && event.sign_in;
        let second = failed
            && matches!(event.action, Action::MfaVerify | Action::MfaActivate | Action::MfaDisable)
            || event.action == Action::RateLimited && event.second_factor;
        let c = self.config;
        let list = usize::from(self.config.list);
        let found = &mut self.found;
        if (refused || limited) && !seen.ip.is_empty() {
            let windows = &mut self.brute_force;
            if c.brute_force.enabled {
                let over = |h: &[Hit]| {
                    h.len() >= c.brute_force.failures as usize
                        && distinct(h, |h| h.user) <= c.brute_force.max_users as usize
                };
                let at = seen.by_ip();
                raise(windows, BRUTE_FORCE, at, c.brute_force.failures, seen, list, over, found);
            }
        }
        if refused && c.distributed_brute_force.enabled && !seen.user.is_empty() {
            let over = |h: &[Hit]| {
                h.len() >= c.distributed_brute_force.failures as usize
                    && distinct(h, |h| h.ip) >= c.distributed_brute_force.addresses as usize
            };
            let at = seen.by_user();
            raise(
                &mut self.distributed,
                DISTRIBUTED,
                at,
                c.distributed_brute_force.failures,
                seen,
                list,
                over,
                found,
            );
        }
        if refused && c.credential_stuffing.enabled && !seen.ip.is_empty() && !seen.user.is_empty() {
            let over = |h: &[Hit]| {
                let users = c.credential_stuffing.users as usize;
                h.len() >= users && distinct_users(h, c.credential_stuffing.max_tries as usize) >= users
            };
            raise(
                &mut self.stuffing,
                STUFFING,
                seen.by_ip(),
                c.credential_stuffing.users,
                seen,
                list,
                over,
                found,
            );
        }
        if refused && c.password_spraying.enabled && !seen.ip.is_empty() && !seen.user.is_empty() {
            // An address that tries many users on its own is another rule's.
            let busy = (c.credential_stuffing.users as usize).max(2);
            let over = |h: &[Hit]| {
                let (users, addresses) =
                    (c.password_spraying.users as usize, c.password_spraying.addresses as usize);
                h.len() >= users && {
                    let (u, a) = spread(h, c.password_spraying.max_tries as usize, busy);
                    u >= users && a >= addresses
                }
            };
            raise(
                &mut self.spraying,
                SPRAYING,
                (b"", false),
                c.password_spraying.users,
                seen,
                list,
                over,
                found,
            );
        }
        if c.mfa_brute_force.enabled && !seen.ip.is_empty() {
            // A throttled sign-in does not say whether it had a code: it counts where codes have failed before.
            let (ms, window_ms) = (seen.hit.ms, self.mfa.window_ms);
            let tried = limited && self.mfa.get(seen.ip).is_some_and(|e| !e.before(ms, window_ms).is_empty());
            if second || tried {
                let over = |h: &[Hit]| h.len() >= c.mfa_brute_force.failures as usize;
                raise(&mut self.mfa, MFA, seen.by_ip(), c.mfa_brute_force.failures, seen, list, over, found);
            }
        }
        if c.account_compromise.enabled {
            let failure = refused || limited || failed && event.action == Action::MfaVerify;
            let success = event.outcome == Outcome::Success
                && matches!(
                    event.action,
                    Action::UserLogin | Action::AdminLogin | Action::MfaVerify | Action::SsoLogin
                );
            let mut raised = false;
            for (windows, at) in
                [(&mut self.compromise_user, seen.by_user()), (&mut self.compromise_ip, seen.by_ip())]
            {
                if at.0.is_empty() || raised {
                    continue;
                }
                if failure {
                    windows.hit(at.0, seen.hit, [seen.user, seen.ip], |_| false);
                } else if success {
                    let (ms, window_ms) = (seen.hit.ms, windows.window_ms);
                    let Some(entry) = windows.get(at.0) else { continue };
                    let over = entry.before(ms, window_ms).len() >= c.account_compromise.failures as usize;
                    if over && entry.unmuted(ms, window_ms) {
                        found.push(alert(
                            COMPROMISE,
                            at,
                            c.account_compromise.failures,
                            seen,
                            list,
                            entry,
                            ms,
                            window_ms,
                        ));
                        raised = true;
                    }
                }
            }
        }
    }

    fn requests(&mut self, event: &Event, facts: &Facts, seen: &Seen<'_>) {
        if seen.ip.is_empty() {
            return;
        }
        let list = usize::from(self.config.list);
        let (config, found) = (&self.config, &mut self.found);
        match event.action {
            Action::ApiAuth if config.api_token_abuse.enabled => {
                let failures = config.api_token_abuse.failures;
                let over = |h: &[Hit]| h.len() >= failures as usize;
                raise(&mut self.token_abuse, TOKEN_ABUSE, seen.by_ip(), failures, seen, list, over, found);
            }
            Action::AccessDenied | Action::NotFound if config.enumeration.enabled => {
                let requests = config.enumeration.requests;
                let over = |h: &[Hit]| h.len() >= requests as usize;
                raise(&mut self.enumeration, ENUMERATION, seen.by_ip(), requests, seen, list, over, found);
            }
            Action::Suspicious if config.web_scan.enabled => {
                let paths = config.web_scan.paths;
                self.path.clear();
                scrub::clean(facts.bare_path(), &mut self.path);
                let path = self.path.as_slice();
                let scan = Seen { hit: Hit { user: short(path), ..seen.hit }, user: path, ..*seen };
                let over = |h: &[Hit]| {
                    let paths = paths as usize;
                    h.len() >= paths && distinct(h, |h| h.user) >= paths
                };
                raise(&mut self.scan, SCAN, seen.by_ip(), paths, &scan, list, over, found);
            }
            _ => {}
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn raise(
    windows: &mut Windows,
    rule: Rule,
    by: (&[u8], bool),
    threshold: u32,
    seen: &Seen<'_>,
    list: usize,
    over: impl Fn(&[Hit]) -> bool,
    found: &mut Vec<Alert>,
) {
    let window_ms = windows.window_ms;
    if let Some((entry, end)) = windows.hit(by.0, seen.hit, [seen.user, seen.ip], over) {
        found.push(alert(rule, by, threshold, seen, list, entry, end, window_ms));
    }
}

#[cfg(test)]
mod tests;
