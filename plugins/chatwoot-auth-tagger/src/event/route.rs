//! Routes: which part of Chatwoot a request is for, by controller and action, or by verb and path.

use super::{facts::Facts, table::Action};

/// A part of Chatwoot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// Sign-in.
    SignIn,
    /// `GET /auth/validate_token`.
    ValidateToken,
    /// The return from an identity provider.
    SsoCallback,
    /// `POST /api/v1/auth/saml_login`.
    SamlLogin,
    /// Other routes of users who are not signed in.
    Auth,
    /// The API of agents.
    Api,
    /// The API of platform apps.
    Platform,
    /// The super admin's pages.
    SuperAdmin,
    /// The super admin's sign-in.
    AdminSignIn,
    /// The visitor's widget.
    Widget,
    /// Where other services send their news.
    Webhook,
    /// Anything else.
    Other,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The part.
    pub area: Area,
    /// What it does, if that is an event.
    pub action: Option<Action>,
}

const fn route(area: Area, action: Option<Action>) -> Route {
    Route { area, action }
}

/// The route of a request.
pub fn of(facts: &Facts) -> Route {
    if facts.controller.is_empty() { by_path(&facts.method, facts.bare_path()) } else { by_controller(facts) }
}

/// `create`, `update` and `destroy` of a resource.
fn crud(action: &[u8], create: Action, update: Action, delete: Action) -> Option<Action> {
    match action {
        b"create" | b"bulk_create" => Some(create),
        b"update" => Some(update),
        b"destroy" => Some(delete),
        _ => None,
    }
}

fn by_controller(facts: &Facts) -> Route {
    use Action as A;
    let (controller, action) = (facts.controller.as_slice(), facts.action.as_slice());
    if let Some(resource) = controller.strip_prefix(b"SuperAdmin::") {
        return super_admin(resource.strip_suffix(b"Controller").unwrap_or(resource), action);
    }
    if let Some(resource) = controller.strip_prefix(b"Platform::Api::V1::") {
        return route(
            Area::Platform,
            platform(resource.strip_suffix(b"Controller").unwrap_or(resource), action),
        );
    }
    let api = controller.strip_prefix(b"Api::V1::").or_else(|| controller.strip_prefix(b"Api::V2::"));
    if let Some(resource) = api {
        return api_controller(facts, resource.strip_suffix(b"Controller").unwrap_or(resource), action);
    }
    match (controller, action) {
        (b"DeviseOverrides::SessionsController", b"create") => route(Area::SignIn, Some(A::UserLogin)),
        (b"DeviseOverrides::SessionsController", b"destroy") => route(Area::Auth, Some(A::UserLogout)),
        (b"DeviseOverrides::TokenValidationsController", _) => route(Area::ValidateToken, None),
        (b"DeviseOverrides::PasswordsController" | b"Devise::PasswordsController", b"create") => {
            route(Area::Auth, Some(A::PasswordResetRequest))
        }
        (b"DeviseOverrides::PasswordsController" | b"Devise::PasswordsController", b"update") => {
            route(Area::Auth, Some(A::PasswordReset))
        }
        (b"DeviseOverrides::ConfirmationsController" | b"Devise::ConfirmationsController", b"create") => {
            route(Area::Auth, Some(A::EmailConfirm))
        }
        (b"Auth::ResendConfirmationsController", b"create") => route(Area::Auth, Some(A::ConfirmationResend)),
        (b"DeviseTokenAuth::RegistrationsController", b"create") => route(Area::Auth, Some(A::AccountSignup)),
        (b"DeviseTokenAuth::RegistrationsController", b"update") => {
            route(Area::Auth, Some(if facts.password { A::PasswordChange } else { A::UserUpdate }))
        }
        (b"DeviseTokenAuth::RegistrationsController", b"destroy") => route(Area::Auth, Some(A::UserDelete)),
        (b"Devise::RegistrationsController", b"create") => route(Area::Auth, Some(A::AdminSignup)),
        (b"DeviseOverrides::OmniauthCallbacksController" | b"Devise::OmniauthCallbacksController", _) => {
            route(Area::SsoCallback, None)
        }
        (b"WidgetsController", _) => route(Area::Widget, None),
        _ if controller.starts_with(b"Webhooks::") => route(Area::Webhook, None),
        _ => route(Area::Other, None),
    }
}

fn api_controller(facts: &Facts, resource: &[u8], action: &[u8]) -> Route {
    use Action as A;
    if let Some(resource) = resource.strip_prefix(b"Accounts::") {
        return route(Area::Api, account(resource, action));
    }
    if let Some(resource) = resource.strip_prefix(b"Widget::") {
        let identity = resource == b"Contacts" && matches!(action, b"set_user" | b"update");
        return route(Area::Widget, identity.then_some(A::WidgetIdentity));
    }
    let action = match (resource, action) {
        (b"Auth", b"saml_login") => return route(Area::SamlLogin, Some(A::SsoInitiate)),
        (b"Accounts", b"create") => return route(Area::Auth, Some(A::AccountSignup)),
        (b"Accounts", b"update") => Some(A::AccountUpdate),
        (b"Accounts", b"destroy") => Some(A::AccountDelete),
        (b"Profiles", b"update") if facts.password => Some(A::PasswordChange),
        (b"Profiles", b"reset_access_token") => Some(A::TokenReset),
        (b"Profile::Mfa", b"create") => Some(A::MfaSetup),
        (b"Profile::Mfa", b"verify") => Some(A::MfaActivate),
        (b"Profile::Mfa", b"backup_codes") => Some(A::MfaBackupCodes),
        (b"Profile::Mfa", b"destroy") => Some(A::MfaDisable),
        _ => None,
    };
    route(Area::Api, action)
}

/// Controllers under an account.
fn account(resource: &[u8], action: &[u8]) -> Option<Action> {
    use Action as A;
    match (resource, action) {
        (b"Agents", _) => crud(action, A::UserCreate, A::UserUpdate, A::UserDelete),
        (b"CustomRoles", _) => crud(action, A::RoleCreate, A::RoleUpdate, A::RoleDelete),
        (b"TeamMembers" | b"InboxMembers", _) => {
            crud(action, A::MembershipGrant, A::MembershipGrant, A::MembershipRevoke)
        }
        (b"AgentBots", b"reset_access_token" | b"reset_secret") => Some(A::TokenReset),
        (b"AgentBots", _) => crud(action, A::AgentBotCreate, A::AgentBotUpdate, A::AgentBotDelete),
        (b"Webhooks", _) => crud(action, A::WebhookCreate, A::WebhookUpdate, A::WebhookDelete),
        (b"Inboxes", _) => crud(action, A::InboxCreate, A::InboxUpdate, A::InboxDelete),
        (b"SamlSettings", _) => crud(action, A::SamlConfigCreate, A::SamlConfigUpdate, A::SamlConfigDelete),
        (b"AutomationRules", _) => {
            crud(action, A::IntegrationCreate, A::IntegrationUpdate, A::IntegrationDelete)
        }
        (b"AuditLogs", b"show" | b"index") => Some(A::AuditLogView),
        (b"Contacts", b"export")
        | (b"Conversations", b"transcript")
        | (b"CsatSurveyResponses", b"download") => Some(A::DataExport),
        (b"Contacts", b"import") => Some(A::DataImport),
        (b"Reports", b"agents" | b"inboxes" | b"labels" | b"teams" | b"conversation_traffic") => {
            Some(A::DataExport)
        }
        _ if resource.starts_with(b"Integrations::") => {
            crud(action, A::IntegrationCreate, A::IntegrationUpdate, A::IntegrationDelete)
        }
        _ => None,
    }
}

fn platform(resource: &[u8], action: &[u8]) -> Option<Action> {
    use Action as A;
    match (resource, action) {
        (b"Users", b"login") => Some(A::SsoLinkIssue),
        (b"Users", b"token") => Some(A::TokenIssue),
        (b"Users", _) => crud(action, A::UserCreate, A::UserUpdate, A::UserDelete),
        (b"Accounts", _) => crud(action, A::AccountCreate, A::AccountUpdate, A::AccountDelete),
        (b"AccountUsers", _) => crud(action, A::MembershipGrant, A::MembershipGrant, A::MembershipRevoke),
        (b"AgentBots", _) => crud(action, A::AgentBotCreate, A::AgentBotUpdate, A::AgentBotDelete),
        _ => None,
    }
}

fn super_admin(resource: &[u8], action: &[u8]) -> Route {
    use Action as A;
    let action = match (resource, action) {
        (b"Devise::Sessions", b"create") => return route(Area::AdminSignIn, Some(A::AdminLogin)),
        (b"Devise::Sessions", b"destroy") => return route(Area::Auth, Some(A::AdminLogout)),
        (b"Devise::Sessions", _) => return route(Area::Other, None),
        (b"Users", _) => crud(action, A::UserCreate, A::UserUpdate, A::UserDelete),
        (b"Accounts", _) => crud(action, A::AccountCreate, A::AccountUpdate, A::AccountDelete),
        (b"AccountUsers", _) => crud(action, A::MembershipGrant, A::MembershipGrant, A::MembershipRevoke),
        (b"AgentBots", _) => crud(action, A::AgentBotCreate, A::AgentBotUpdate, A::AgentBotDelete),
        (b"PlatformApps", _) => {
            crud(action, A::PlatformAppCreate, A::PlatformAppUpdate, A::PlatformAppDelete)
        }
        (b"AppConfigs" | b"InstallationConfigs", b"create" | b"update" | b"destroy") => {
            Some(A::InstallationConfig)
        }
        (b"AccessTokens", b"index" | b"show") => Some(A::TokenView),
        _ => None,
    };
    route(Area::SuperAdmin, action)
}

/// Most segments of a path that matter.
const SEGMENTS: usize = 8;

/// The route by verb and path: what a web server's log can tell.
pub fn by_path(method: &[u8], path: &[u8]) -> Route {
    use Action as A;
    let path = path.strip_suffix(b".json").unwrap_or(path);
    let mut parts: [&[u8]; SEGMENTS] = [b""; SEGMENTS];
    let mut len = 0;
    for part in path.split(|&b| b == b'/').filter(|p| !p.is_empty()) {
        if len == SEGMENTS {
            return route(Area::Other, None);
        }
        parts[len] = part;
        len += 1;
    }
    let parts = &parts[..len];
    match (method, parts) {
        (b"POST", [b"auth", b"sign_in"]) => route(Area::SignIn, Some(A::UserLogin)),
        (b"DELETE", [b"auth", b"sign_out"]) => route(Area::Auth, Some(A::UserLogout)),
        (_, [b"auth", b"validate_token"]) => route(Area::ValidateToken, None),
        (b"POST", [b"auth" | b"super_admin", b"password"]) => {
            route(Area::Auth, Some(A::PasswordResetRequest))
        }
        (b"PUT" | b"PATCH", [b"auth" | b"super_admin", b"password"]) => {
            route(Area::Auth, Some(A::PasswordReset))
        }
        (b"POST", [b"auth" | b"super_admin", b"confirmation"]) => route(Area::Auth, Some(A::EmailConfirm)),
        (b"POST", [b"resend_confirmation"]) => route(Area::Auth, Some(A::ConfirmationResend)),
        (b"POST", [b"auth"]) => route(Area::Auth, Some(A::AccountSignup)),
        (b"PUT" | b"PATCH", [b"auth"]) => route(Area::Auth, Some(A::PasswordChange)),
        (b"DELETE", [b"auth"]) => route(Area::Auth, Some(A::UserDelete)),
        (_, [b"omniauth" | b"auth", _, b"callback"]) => route(Area::SsoCallback, None),
        (b"POST", [b"omniauth", _]) => route(Area::SsoCallback, None),
        (b"POST", [b"api", b"v1", b"auth", b"saml_login"]) => route(Area::SamlLogin, Some(A::SsoInitiate)),
        (b"POST", [b"api", b"v1" | b"v2", b"accounts"]) => route(Area::Auth, Some(A::AccountSignup)),
        (b"POST", [b"super_admin", b"sign_in"]) => route(Area::AdminSignIn, Some(A::AdminLogin)),
        (_, [b"super_admin", b"logout"]) => route(Area::Auth, Some(A::AdminLogout)),
        (b"POST", [b"super_admin"]) => route(Area::Auth, Some(A::AdminSignup)),
        (_, [b"super_admin", rest @ ..]) => super_admin_path(method, rest),
        (_, [b"platform", b"api", b"v1", rest @ ..]) => platform_path(method, rest),
        (b"PATCH" | b"PUT", [b"api", b"v1", b"widget", b"contact", ..]) => {
            route(Area::Widget, Some(A::WidgetIdentity))
        }
        (_, [b"api", b"v1", b"widget", ..] | [b"widget"]) => route(Area::Widget, None),
        (_, [b"webhooks", ..]) => route(Area::Webhook, None),
        (_, [b"api", b"v1" | b"v2", rest @ ..]) => route(Area::Api, api_path(method, rest)),
        _ => route(Area::Other, None),
    }
}

/// The action that Rails' resourceful routes give a verb; `member` if the path ends with an id.
fn verb<'a>(method: &[u8], member: bool) -> &'a [u8] {
    match (method, member) {
        (b"POST", false) => b"create",
        (b"PUT" | b"PATCH", _) => b"update",
        (b"DELETE", _) => b"destroy",
        (b"GET" | b"HEAD", true) => b"show",
        (b"GET" | b"HEAD", false) => b"index",
        _ => b"",
    }
}

fn super_admin_path(method: &[u8], rest: &[&[u8]]) -> Route {
    let (resource, member): (&[u8], bool) = match rest {
        [name] => (class(name), false),
        [name, _] => (class(name), true),
        _ => (b"", false),
    };
    let action = verb(method, member);
    super_admin(resource, if resource == b"Devise::Sessions" { b"" } else { action })
}

/// The class that a segment stands for.
fn class(segment: &[u8]) -> &'static [u8] {
    match segment {
        b"users" => b"Users",
        b"accounts" => b"Accounts",
        b"account_users" => b"AccountUsers",
        b"agent_bots" => b"AgentBots",
        b"platform_apps" => b"PlatformApps",
        b"app_config" => b"AppConfigs",
        b"installation_configs" => b"InstallationConfigs",
        b"access_tokens" => b"AccessTokens",
        b"agents" => b"Agents",
        b"custom_roles" => b"CustomRoles",
        b"team_members" => b"TeamMembers",
        b"inbox_members" => b"InboxMembers",
        b"webhooks" => b"Webhooks",
        b"inboxes" => b"Inboxes",
        b"saml_settings" => b"SamlSettings",
        b"automation_rules" => b"AutomationRules",
        b"audit_logs" => b"AuditLogs",
        b"contacts" => b"Contacts",
        b"conversations" => b"Conversations",
        b"csat_survey_responses" => b"CsatSurveyResponses",
        b"reports" => b"Reports",
        b"integrations" => b"Integrations::",
        _ => b"",
    }
}

fn platform_path(method: &[u8], rest: &[&[u8]]) -> Route {
    let action = match rest {
        [b"users", _, b"login"] => platform(b"Users", b"login"),
        [b"users", _, b"token"] => platform(b"Users", b"token"),
        [b"accounts", _, b"account_users", ..] => platform(b"AccountUsers", verb(method, false)),
        [name] => platform(class(name), verb(method, false)),
        [name, _] => platform(class(name), verb(method, true)),
        _ => None,
    };
    route(Area::Platform, action)
}

fn api_path(method: &[u8], rest: &[&[u8]]) -> Option<Action> {
    use Action as A;
    match (method, rest) {
        (b"POST", [b"profile", b"reset_access_token"]) => Some(A::TokenReset),
        (b"POST", [b"profile", b"mfa"]) => Some(A::MfaSetup),
        (b"POST", [b"profile", b"mfa", b"verify"]) => Some(A::MfaActivate),
        (b"POST", [b"profile", b"mfa", b"backup_codes"]) => Some(A::MfaBackupCodes),
        (b"DELETE", [b"profile", b"mfa"]) => Some(A::MfaDisable),
        (_, [b"accounts", _]) => {
            crud(verb(method, true), A::AccountCreate, A::AccountUpdate, A::AccountDelete)
        }
        (b"POST", [b"accounts", _, b"agent_bots", _, b"reset_access_token" | b"reset_secret"]) => {
            Some(A::TokenReset)
        }
        (b"POST", [b"accounts", _, b"agents", b"bulk_create"]) => Some(A::UserCreate),
        (b"POST", [b"accounts", _, b"contacts", b"export"]) => Some(A::DataExport),
        (b"POST", [b"accounts", _, b"contacts", b"import"]) => Some(A::DataImport),
        (b"POST", [b"accounts", _, b"conversations", _, b"transcript"]) => Some(A::DataExport),
        (b"GET", [b"accounts", _, b"csat_survey_responses", b"download"]) => Some(A::DataExport),
        (b"GET", [b"accounts", _, b"reports", name]) => account(b"Reports", name),
        (b"POST" | b"PATCH" | b"DELETE", [b"accounts", _, b"teams", _, b"team_members"]) => {
            account(b"TeamMembers", verb(method, false))
        }
        (b"POST", [b"accounts", _, b"inboxes", _, _, ..]) => None,
        (_, [b"accounts", _, b"integrations", ..]) => account(b"Integrations::", verb(method, false)),
        (_, [b"accounts", _, b"contacts" | b"conversations" | b"reports", ..]) => None,
        (_, [b"accounts", _, name]) => account(class(name), verb(method, false)),
        (_, [b"accounts", _, name, _]) => account(class(name), verb(method, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_controllers_agree() {
        for (method, path, controller, action) in [
            ("POST", "/auth/sign_in.json", "DeviseOverrides::SessionsController", "create"),
            ("POST", "//auth/sign_in/", "DeviseOverrides::SessionsController", "create"),
            ("POST", "/api/v1/accounts/1/agents", "Api::V1::Accounts::AgentsController", "create"),
            (
                "POST",
                "/api/v1/accounts/1/agents/bulk_create",
                "Api::V1::Accounts::AgentsController",
                "bulk_create",
            ),
            ("PATCH", "/api/v1/accounts/1", "Api::V1::AccountsController", "update"),
            ("GET", "/api/v1/accounts/1/audit_logs", "Api::V1::Accounts::AuditLogsController", "show"),
            ("GET", "/api/v2/accounts/1/reports/agents", "Api::V2::Accounts::ReportsController", "agents"),
            ("DELETE", "/api/v1/accounts/1/webhooks/7", "Api::V1::Accounts::WebhooksController", "destroy"),
            ("DELETE", "/api/v1/profile/mfa", "Api::V1::Profile::MfaController", "destroy"),
            ("POST", "/platform/api/v1/users/3/token", "Platform::Api::V1::UsersController", "token"),
            ("POST", "/super_admin/sign_in", "SuperAdmin::Devise::SessionsController", "create"),
            ("GET", "/super_admin/access_tokens", "SuperAdmin::AccessTokensController", "index"),
            ("POST", "/super_admin", "Devise::RegistrationsController", "create"),
            (
                "POST",
                "/api/v1/accounts/1/conversations/2/messages",
                "Api::V1::Accounts::Conversations::MessagesController",
                "create",
            ),
            ("POST", "/webhooks/whatsapp/+1", "Webhooks::WhatsappController", "process_payload"),
            ("GET", "/app/login", "DashboardController", "index"),
        ] {
            let mut facts = Facts::default();
            facts.controller(controller.as_bytes());
            facts.action(action.as_bytes());
            assert_eq!(of(&facts), by_path(method.as_bytes(), path.as_bytes()), "{method} {path}");
        }
    }
}
