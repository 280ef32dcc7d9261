//! The table of events: what each is called and counted as in ECS, OCSF and ATT&CK.

/// Whether it worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It did.
    Success,
    /// It did not.
    Failure,
    /// The log does not tell.
    #[default]
    Unknown,
}

impl Outcome {
    /// ECS `event.outcome`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// How long events of a kind are worth keeping; pipelines route by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Changes of accounts, privileges and configuration, exports.
    Audit,
    /// Sign-ins and sessions.
    Authentication,
    /// Attacks and what was refused.
    Security,
    /// Faults.
    Operational,
}

impl Retention {
    /// Value of `chatwoot.retention`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Authentication => "authentication",
            Self::Security => "security",
            Self::Operational => "operational",
        }
    }
}

/// What is said of every event of an action.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// ECS `event.action`.
    pub name: &'static str,
    /// ECS `event.category`.
    pub category: &'static [&'static str],
    /// ECS `event.type`.
    pub kind: &'static [&'static str],
    /// OCSF class.
    pub class: u32,
    /// OCSF activity within the class.
    pub activity: u32,
    /// ATT&CK technique of a failure.
    pub failed_technique: &'static str,
    /// ATT&CK technique otherwise.
    pub technique: &'static str,
    /// Severity of a failure, 1 to 9.
    pub failed_severity: u8,
    /// Severity otherwise.
    pub severity: u8,
    /// How long to keep it.
    pub retention: Retention,
}

macro_rules! actions {
    ($($variant:ident $name:literal [$($category:literal)+] [$($kind:literal)+] $class:literal/$activity:literal
        $failed:literal|$technique:literal $failed_severity:literal|$severity:literal $retention:ident;)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $(#[doc = $name] $variant,)+
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What the table says of it.
            pub fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$variant => &Spec {
                        name: $name,
                        category: &[$($category),+],
                        kind: &[$($kind),+],
                        class: $class,
                        activity: $activity,
                        failed_technique: $failed,
                        technique: $technique,
                        failed_severity: $failed_severity,
                        severity: $severity,
                        retention: Retention::$retention,
                    },)+
                }
            }
        }
    };
}

actions! {
    UserLogin "user-login" ["authentication"] ["start"] 3002/1 "T1110"|"T1078" 3|1 Authentication;
    MfaChallenge "mfa-challenge" ["authentication"] ["info"] 3002/99 "T1078"|"T1078" 1|1 Authentication;
    MfaVerify "mfa-verify" ["authentication"] ["start"] 3002/1 "T1110.001"|"T1078" 3|1 Authentication;
    SessionLimit "session-limit-reached" ["authentication" "session"] ["info"] 3002/1 "T1078"|"T1078" 3|3 Authentication;
    UserLogout "user-logout" ["authentication" "session"] ["end"] 3002/2 ""|"" 1|1 Authentication;
    SessionValidate "session-validate" ["session"] ["info"] 3002/99 "T1550.001"|"T1550.001" 2|2 Authentication;
    AdminLogin "admin-login" ["authentication"] ["start"] 3002/1 "T1110"|"T1078" 5|4 Authentication;
    AdminLogout "admin-logout" ["authentication" "session"] ["end"] 3002/2 ""|"" 4|4 Authentication;
    AdminSignup "admin-signup" ["iam"] ["creation" "admin"] 3001/1 "T1136"|"T1136" 6|6 Audit;
    SsoInitiate "sso-initiate" ["authentication"] ["info"] 3002/99 "T1078"|"T1078" 2|2 Authentication;
    SsoLogin "sso-login" ["authentication"] ["start"] 3002/1 "T1606.002"|"T1078" 2|2 Authentication;
    AccountSignup "account-signup" ["iam"] ["creation" "user"] 3001/1 "T1136"|"T1136" 3|3 Audit;
    EmailConfirm "email-confirm" ["iam"] ["info" "user"] 3001/2 ""|"" 1|1 Audit;
    ConfirmationResend "confirmation-resend" ["iam"] ["info" "user"] 3001/99 ""|"" 1|1 Audit;
    PasswordResetRequest "password-reset-request" ["iam"] ["change" "user"] 3001/4 "T1098"|"T1098" 3|3 Audit;
    PasswordReset "password-reset" ["iam"] ["change" "user"] 3001/4 "T1098"|"T1098" 4|4 Audit;
    PasswordChange "password-change" ["iam"] ["change" "user"] 3001/3 "T1098"|"T1098" 4|4 Audit;
    MfaSetup "mfa-setup" ["iam"] ["change" "user"] 3001/10 ""|"" 2|2 Audit;
    MfaActivate "mfa-activate" ["iam"] ["change" "user"] 3001/10 ""|"" 2|2 Audit;
    MfaBackupCodes "mfa-backup-codes" ["iam"] ["change" "user"] 3001/10 ""|"" 2|2 Audit;
    MfaDisable "mfa-disable" ["iam"] ["change" "user"] 3001/11 "T1556.006"|"T1556.006" 5|5 Audit;
    ApiAuth "api-auth" ["authentication" "api"] ["start" "denied"] 3002/1 "T1110"|"T1528" 3|3 Security;
    AccessDenied "access-denied" ["iam" "api"] ["denied"] 6003/99 "T1068"|"T1087" 4|4 Security;
    UserCreate "user-create" ["iam"] ["creation" "user"] 3001/1 "T1136"|"T1136" 5|5 Audit;
    UserUpdate "user-update" ["iam"] ["change" "user"] 3001/99 "T1098.003"|"T1098.003" 5|5 Audit;
    UserDelete "user-delete" ["iam"] ["deletion" "user"] 3001/6 "T1531"|"T1531" 5|5 Audit;
    RoleCreate "role-create" ["iam"] ["creation" "admin"] 3005/1 "T1098.003"|"T1098.003" 5|5 Audit;
    RoleUpdate "role-update" ["iam"] ["change" "admin"] 3005/1 "T1098.003"|"T1098.003" 5|5 Audit;
    RoleDelete "role-delete" ["iam"] ["deletion" "admin"] 3005/2 "T1098.003"|"T1098.003" 5|5 Audit;
    MembershipGrant "membership-grant" ["iam"] ["creation" "admin"] 3005/1 "T1098.003"|"T1098.003" 5|5 Audit;
    MembershipRevoke "membership-revoke" ["iam"] ["deletion" "admin"] 3005/2 "T1531"|"T1531" 5|5 Audit;
    TokenReset "access-token-reset" ["iam"] ["change" "admin"] 3001/99 "T1528"|"T1528" 5|5 Audit;
    TokenIssue "access-token-issue" ["iam"] ["access" "admin"] 6003/1 "T1528"|"T1528" 5|5 Audit;
    TokenView "access-token-view" ["iam"] ["access" "admin"] 6003/2 "T1528"|"T1528" 5|5 Audit;
    SsoLinkIssue "sso-link-issue" ["iam"] ["access" "admin"] 6003/1 "T1550.001"|"T1550.001" 5|5 Audit;
    AccountCreate "account-create" ["configuration"] ["creation"] 6003/1 ""|"" 4|4 Audit;
    AccountUpdate "account-update" ["configuration"] ["change"] 6003/3 ""|"" 4|4 Audit;
    AccountDelete "account-delete" ["configuration"] ["deletion"] 6003/4 ""|"" 4|4 Audit;
    WebhookCreate "webhook-create" ["configuration"] ["creation"] 6003/1 "T1567"|"T1567" 4|4 Audit;
    WebhookUpdate "webhook-update" ["configuration"] ["change"] 6003/3 "T1567"|"T1567" 4|4 Audit;
    WebhookDelete "webhook-delete" ["configuration"] ["deletion"] 6003/4 "T1567"|"T1567" 4|4 Audit;
    AgentBotCreate "agent-bot-create" ["configuration"] ["creation"] 6003/1 "T1567"|"T1567" 4|4 Audit;
    AgentBotUpdate "agent-bot-update" ["configuration"] ["change"] 6003/3 "T1567"|"T1567" 4|4 Audit;
    AgentBotDelete "agent-bot-delete" ["configuration"] ["deletion"] 6003/4 "T1567"|"T1567" 4|4 Audit;
    InboxCreate "inbox-create" ["configuration"] ["creation"] 6003/1 ""|"" 4|4 Audit;
    InboxUpdate "inbox-update" ["configuration"] ["change"] 6003/3 ""|"" 4|4 Audit;
    InboxDelete "inbox-delete" ["configuration"] ["deletion"] 6003/4 ""|"" 4|4 Audit;
    SamlConfigCreate "saml-config-create" ["configuration"] ["creation"] 6003/1 "T1556"|"T1556" 6|6 Audit;
    SamlConfigUpdate "saml-config-update" ["configuration"] ["change"] 6003/3 "T1556"|"T1556" 6|6 Audit;
    SamlConfigDelete "saml-config-delete" ["configuration"] ["deletion"] 6003/4 "T1556"|"T1556" 6|6 Audit;
    IntegrationCreate "integration-create" ["configuration"] ["creation"] 6003/1 "T1567"|"T1567" 4|4 Audit;
    IntegrationUpdate "integration-update" ["configuration"] ["change"] 6003/3 "T1567"|"T1567" 4|4 Audit;
    IntegrationDelete "integration-delete" ["configuration"] ["deletion"] 6003/4 "T1567"|"T1567" 4|4 Audit;
    InstallationConfig "installation-config-update" ["configuration"] ["change"] 6003/3 "T1556"|"T1556" 6|6 Audit;
    PlatformAppCreate "platform-app-create" ["configuration"] ["creation"] 6003/1 "T1528"|"T1528" 4|4 Audit;
    PlatformAppUpdate "platform-app-update" ["configuration"] ["change"] 6003/3 "T1528"|"T1528" 4|4 Audit;
    PlatformAppDelete "platform-app-delete" ["configuration"] ["deletion"] 6003/4 "T1528"|"T1528" 4|4 Audit;
    DataExport "data-export" ["api"] ["access"] 6003/2 "T1213"|"T1567" 5|5 Audit;
    DataImport "data-import" ["api"] ["access"] 6003/1 "T1213"|"T1213" 3|3 Audit;
    AuditLogView "audit-log-view" ["api"] ["access"] 6003/2 "T1213"|"T1213" 2|2 Audit;
    RateLimited "rate-limited" ["web" "intrusion_detection"] ["denied"] 4002/99 "T1110"|"T1499" 2|2 Security;
    WidgetIdentity "widget-identity-verify" ["authentication" "web"] ["denied"] 3002/1 "T1565"|"T1565" 4|4 Security;
    WebhookAuth "webhook-auth" ["authentication" "web"] ["denied"] 3002/1 "T1190"|"T1190" 4|4 Security;
    CsrfFailure "csrf-failure" ["web"] ["denied"] 4002/99 "T1185"|"T1185" 4|4 Security;
    IpSpoof "ip-spoof-attempt" ["web" "network"] ["denied"] 4002/99 "T1090"|"T1090" 5|5 Security;
    Suspicious "suspicious-request" ["web" "intrusion_detection"] ["info" "access"] 4002/99 "T1595.002"|"T1190" 4|6 Security;
    NotFound "resource-not-found" ["web" "api"] ["error"] 6003/99 "T1087"|"T1580" 2|2 Security;
    Malformed "malformed-request" ["web"] ["error"] 4002/99 "T1190"|"T1190" 3|3 Operational;
    AppError "application-error" ["web"] ["error"] 6008/1 "T1499"|"T1499" 3|3 Operational;
    DbLogin "db-login" ["database" "authentication"] ["start"] 3002/1 "T1110"|"T1078" 5|5 Security;
    DbDenied "db-access-denied" ["database"] ["denied"] 6005/99 "T1068"|"T1068" 5|5 Security;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The allowed values of ECS 8.
    const CATEGORIES: &str = "api authentication configuration database driver email file host iam \
        intrusion_detection library malware network package process registry session threat vulnerability web";
    const TYPES: &str = "access admin allowed change connection creation deletion denied device end error group \
        indicator info installation protocol start user";

    #[test]
    fn the_table_holds_only_published_values() {
        for action in Action::ALL {
            let spec = action.spec();
            let known = |list: &str, word: &str| list.split_whitespace().any(|w| w == word);
            assert!(spec.category.iter().all(|c| known(CATEGORIES, c)), "{}", spec.name);
            assert!(spec.kind.iter().all(|c| known(TYPES, c)), "{}", spec.name);
            assert!((1..=9).contains(&spec.severity) && (1..=9).contains(&spec.failed_severity));
            assert!([3001, 3002, 3005, 4002, 6003, 6005, 6008].contains(&spec.class));
        }
    }
}
