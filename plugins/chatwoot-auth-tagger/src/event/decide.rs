//! From the facts of a request to the event it is, by the mapping table.

use super::{
    facts::{Facts, SignedIn, Source},
    probe::Prober,
    route::{self, Area, Route},
    table::{Action, Outcome},
};
use crate::bytes::find;

/// How sure an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Joined without ids, or what a client could have written.
    Low,
    /// The log leaves room for another reading.
    Medium,
    /// The log says so.
    High,
}

impl Confidence {
    /// Value of `chatwoot.confidence`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// Whether it worked.
    pub outcome: Outcome,
    /// Why, in a word that does not come from the client.
    pub reason: &'static str,
    /// 1 to 9.
    pub severity: u8,
    /// How sure it is.
    pub confidence: Confidence,
    /// The request was for a way to sign in.
    pub sign_in: bool,
    /// It was for the second factor.
    pub second_factor: bool,
}

/// The event that a finished request is, if it is one.
pub fn decide(facts: &Facts, prober: &mut Prober) -> Option<Event> {
    let route = route::of(facts);
    let (action, outcome, reason) = verdict(facts, route, prober)?;
    let by_path = route::by_path(&facts.method, facts.bare_path());
    let sign_in = [route.area, by_path.area].iter().any(|a| matches!(a, Area::SignIn | Area::AdminSignIn));
    let second_factor =
        matches!(by_path.action, Some(Action::MfaActivate | Action::MfaDisable | Action::MfaBackupCodes));
    let spec = action.spec();
    let guarded = sign_in || second_factor || by_path.action == Some(Action::PasswordResetRequest);
    let severity = match (action, outcome) {
        (Action::RateLimited, _) if guarded => 4,
        (Action::UserCreate | Action::UserUpdate | Action::MembershipGrant, _) if facts.administrator => 6,
        (_, Outcome::Failure) => spec.failed_severity,
        _ => spec.severity,
    };
    let undecided = match facts.source {
        Source::Access | Source::Live => match action {
            Action::ApiAuth => facts.signed_in == SignedIn::Untold,
            Action::MfaVerify | Action::UserLogin => facts.blind,
            _ => false,
        },
        Source::Lograge => action == Action::ApiAuth && route.area == Area::Platform,
        _ => false,
    };
    let confidence =
        if facts.suspect || facts.ambiguous || facts.id.is_empty() && facts.source == Source::Rails {
            Confidence::Low
        } else if undecided || outcome == Outcome::Unknown && action != Action::MfaChallenge {
            Confidence::Medium
        } else {
            Confidence::High
        };
    Some(Event { action, outcome, reason, severity, confidence, sign_in, second_factor })
}

type Verdict = (Action, Outcome, &'static str);

fn verdict(facts: &Facts, route: Route, prober: &mut Prober) -> Option<Verdict> {
    use Outcome::{Failure, Success, Unknown};
    let status = facts.status;
    if facts.source == Source::Database {
        let action = if status == 403 { Action::DbDenied } else { Action::DbLogin };
        return Some((action, Failure, ""));
    }
    if facts.spoofed {
        return Some((Action::IpSpoof, Failure, "conflicting client addresses"));
    }
    if facts.blocked || status == 429 {
        return Some((Action::RateLimited, Failure, "too many requests"));
    }
    let error = facts.error.as_slice();
    let routing = error == b"ActionController::RoutingError";
    // What has an action of its own keeps it, whatever its query holds.
    let known = matches!(
        route.area,
        Area::SignIn | Area::AdminSignIn | Area::SsoCallback | Area::SamlLogin | Area::Webhook
    ) || route.action.is_some();
    if !known && (facts.attack || prober.suspicious(&facts.path, routing || matches!(status, 400..=499))) {
        let outcome = if matches!(status, 200..=299) { Success } else { Failure };
        return Some((Action::Suspicious, outcome, "probe or attack pattern"));
    }
    if routing {
        return None;
    }
    let csrf = facts.csrf || error == b"ActionController::InvalidAuthenticityToken";
    if csrf && status != 200 && route.action != Some(Action::AccountSignup) {
        return Some((Action::CsrfFailure, Failure, "wrong CSRF token"));
    }
    if status == 500 {
        return Some((Action::AppError, Failure, "exception"));
    }
    if status == 0
        && matches!(error, b"ActionController::BadRequest" | b"ActionDispatch::Http::Parameters::ParseError")
    {
        return Some((Action::Malformed, Failure, "request cannot be read"));
    }
    match route.area {
        Area::SignIn => sign_in(facts),
        Area::ValidateToken => {
            (status == 401).then_some((Action::SessionValidate, Failure, "stale or forged session"))
        }
        Area::SsoCallback => sso(facts),
        Area::SamlLogin => {
            let outcome = if status == 307 { Success } else { Failure };
            Some((Action::SsoInitiate, outcome, ""))
        }
        Area::AdminSignIn => admin_sign_in(facts),
        Area::Auth => unguarded(facts, route.action?),
        Area::Api | Area::Platform => guarded(facts, route),
        Area::SuperAdmin => super_admin(facts, route.action),
        Area::Widget if status == 404 => Some((Action::NotFound, Failure, "no such object")),
        Area::Widget => {
            let hmac = facts.filter == b"validate_hmac" || facts.filter.is_empty() && route.action.is_some();
            (status == 401 && hmac).then_some((
                Action::WidgetIdentity,
                Failure,
                "identity hash does not match",
            ))
        }
        Area::Webhook if status == 401 => {
            Some((Action::WebhookAuth, Failure, "wrong signature or verify token"))
        }
        Area::Webhook | Area::Other => match status {
            400 => Some((Action::Malformed, Failure, "request cannot be read")),
            _ => None,
        },
    }
    .filter(|(_, outcome, _)| *outcome != Unknown || status < 500)
}

fn sign_in(facts: &Facts) -> Option<Verdict> {
    use Outcome::{Failure, Success, Unknown};
    Some(match (facts.status, facts.mfa) {
        (200, false) => (Action::UserLogin, Success, ""),
        (200, true) => (Action::MfaVerify, Success, ""),
        (206, _) => (Action::MfaChallenge, Unknown, "second factor asked for"),
        (401, false) => (Action::UserLogin, Failure, "wrong or unconfirmed credentials"),
        (400 | 401, true) => (Action::MfaVerify, Failure, "wrong code"),
        (400, false) if facts.blind => (Action::MfaVerify, Failure, "wrong code or malformed request"),
        (400, false) => (Action::Malformed, Failure, "request cannot be read"),
        (409, _) => (Action::SessionLimit, Failure, "too many sessions"),
        (402..=499, _) => (Action::UserLogin, Failure, ""),
        _ => return None,
    })
}

fn sso(facts: &Facts) -> Option<Verdict> {
    use Outcome::{Failure, Success, Unknown};
    let location = facts.location.as_slice();
    let has = |needle: &[u8]| find(location, needle).is_some();
    let failed_handler =
        facts.controller == b"Devise::OmniauthCallbacksController" && facts.action == b"failure";
    if has(b"sso_auth_token=") {
        return Some((Action::SsoLogin, Success, ""));
    }
    if has(b"/app/auth/password/edit") || has(b"reset_password_token=") {
        return Some((Action::AccountSignup, Success, "first sign-in by a provider"));
    }
    if failed_handler || has(b"error=") {
        return Some((Action::SsoLogin, Failure, "refused"));
    }
    match facts.status {
        302 if facts.source == Source::Access => {
            // Success goes on with 307 and another callback, but only for OAuth.
            let first = facts.path.starts_with(b"/omniauth/") && find(&facts.path, b"/saml/").is_none();
            Some((Action::SsoLogin, if first { Failure } else { Unknown }, ""))
        }
        302 => Some((Action::SsoLogin, Unknown, "")),
        400..=499 => Some((Action::SsoLogin, Failure, "")),
        _ => None,
    }
}

fn admin_sign_in(facts: &Facts) -> Option<Verdict> {
    use Outcome::{Failure, Success, Unknown};
    let location = facts.location.split(|&b| b == b'?').next().unwrap_or_default();
    let location = location.strip_suffix(b"/").unwrap_or(location);
    let outcome = match facts.status {
        _ if facts.admin_rejected || location.ends_with(b"/super_admin/sign_in") => Failure,
        400..=499 => Failure,
        302 if location.is_empty() => Unknown,
        302 => Success,
        _ => return None,
    };
    Some((Action::AdminLogin, outcome, ""))
}

/// Routes for which nobody has to be signed in.
fn unguarded(facts: &Facts, action: Action) -> Option<Verdict> {
    use Outcome::{Failure, Success};
    // Whether the password is among what was changed, a web server cannot know.
    let outcome = match (action, facts.status) {
        // The form again.
        (Action::AdminSignup, 200) => Failure,
        (_, 200..=399) => Success,
        (_, 400..=499) => Failure,
        _ => return None,
    };
    Some((action, outcome, ""))
}

/// Routes of the APIs.
fn guarded(facts: &Facts, route: Route) -> Option<Verdict> {
    use Outcome::{Failure, Success};
    let error = facts.error.as_slice();
    match facts.status {
        401 => {
            let known = match facts.filter.as_slice() {
                b"authenticate_user!" | b"authenticate_access_token!" | b"set_platform_app" => {
                    Some(Action::ApiAuth)
                }
                b"" if error.starts_with(b"Pundit::") => Some(Action::AccessDenied),
                b"" => None,
                _ => Some(Action::AccessDenied),
            };
            let action = known.unwrap_or(match facts.signed_in {
                SignedIn::Yes => Action::AccessDenied,
                // Devise's own refusal, and what nobody can tell from outside.
                SignedIn::No | SignedIn::Untold => Action::ApiAuth,
            });
            let reason = if action == Action::ApiAuth { "no or stale credentials" } else { "not permitted" };
            Some((action, Failure, reason))
        }
        403 => Some((route.action.unwrap_or(Action::AccessDenied), Failure, "not permitted")),
        404 => Some((route.action.unwrap_or(Action::NotFound), Failure, "no such object")),
        400 => Some((Action::Malformed, Failure, "request cannot be read")),
        200..=299 => Some((route.action?, Success, "")),
        402..=499 => Some((route.action?, Failure, "")),
        _ => None,
    }
}

fn super_admin(facts: &Facts, action: Option<Action>) -> Option<Verdict> {
    use Outcome::{Failure, Success};
    let form = !matches!(facts.method.as_slice(), b"GET" | b"HEAD");
    let to_sign_in = facts.location.ends_with(b"/super_admin/sign_in");
    match facts.status {
        401 => Some((Action::AccessDenied, Failure, "not signed in")),
        // lograge's status of a request that Warden halted.
        0 if facts.source == Source::Lograge => Some((Action::AccessDenied, Failure, "not signed in")),
        302 if to_sign_in => Some((Action::AccessDenied, Failure, "not signed in")),
        // Who is not signed in is redirected, too, and a web server's log does not say where to.
        302 if form && facts.source != Source::Access => Some((action?, Success, "")),
        200..=299 if !form => Some((action?, Success, "")),
        // The form again.
        200 | 400..=499 if form => Some((action?, Failure, "")),
        _ => None,
    }
}
