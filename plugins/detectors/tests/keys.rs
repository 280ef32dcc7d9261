//! Field names and what they name.

#![allow(clippy::expect_used, clippy::panic)]

use tamis_detectors::keys::{KeyClass, KeyRules};

#[rustfmt::skip]
const SENSITIVE: &[(&str, &[&str])] = &[
    ("password", &["password", "Password", "PASSWORD", "newPassword", "old_password", "user-password", "user.password", "db_pass",
        "smtp_pass", "pass", "passwd", "pwd", "passphrase", "password1", "PGPASSWORD", "userpassword", "password_confirmation_password",
        "confirm_password", "currentPassword", "pw", "keyPassphrase", "ssl_passphrase", "passwords"]),
    ("secret", &["token", "reset_token", "resetToken", "ResetToken", "RESET_TOKEN", "reset-token", "access_token", "refreshToken", "accesstoken",
        "pushToken", "bot-token", "csrf_token", "id_token", "authToken", "X-Auth-Token", "access_tokens", "secret", "client_secret",
        "clientSecret", "aws_secret_access_key", "SecretAccessKey", "api_key", "apiKey", "APIKey", "apikey", "x-api-key", "api_keys",
        "google_api_key", "private_key", "privateKey", "encryption_key", "signing_key", "master_key", "ssh_key", "AccountKey",
        "storage_account_key", "secret_key_base", "SharedAccessKey", "X-Amz-Signature", "signature", "X-Signature", "sig", "hmac",
        "cookie", "Cookie", "Set-Cookie", "session_cookie", "sid", "session_id", "sessionID", "PHPSESSID", "authorization", "Authorization",
        "proxy-authorization", "auth", "basic_auth", "credentials", "aws_credentials", "creds", "jwt", "bearer", "salt", "password_salt",
        "mnemonic", "seed_phrase", "activation_url", "ActivationURL", "reset_url", "resetUrl", "magic_link", "confirmation_url",
        "invite_link", "presigned_url", "connection_string", "totp_secret", "webhook_secret", "aws_access_key_id", "tls_private_key_pem"]),
    ("code", &["otp", "OTP", "otp_code", "pin", "pin_code", "cvc", "cvv", "cvv2", "security_code", "verification_code", "mfa_code",
        "mfaCode", "totp", "passcode", "sms_code", "backup_codes", "recovery_code", "one_time_code", "auth_code", "confirmation_code"]),
    ("person", &["first_name", "to_name", "deliveryName", "firstName", "last_name", "full_name", "fullName", "FullName", "display_name", "displayName", "username",
        "user_name", "userName", "login_name", "surname", "nickname", "holder", "card_holder", "cardholder", "cardholder_name", "dob",
        "DOB", "date_of_birth", "date-of-birth", "dateOfBirth", "birthday", "birth_date", "gender", "customer_name", "maiden_name",
        "place_of_birth"]),
    ("contact", &["email", "Email", "EMAIL", "emailAddress", "email_address", "receipt_email", "x-user-email", "user.email", "e_mail",
        "e-mail", "emails", "mail", "phone", "phone_number", "phoneNumber", "phonenumber", "mobile", "mobile_number", "telephone", "tel",
        "fax", "msisdn", "street", "street_address", "Line1", "line_2", "address_line1", "postal_code", "postcode", "Postcode", "zip",
        "zip_code", "zipcode", "home_address", "billing_address", "shippingAddress", "house_number", "email2", "contact_email",
        "full_address", "billing_city", "homeTown"]),
    ("national-id", &["ssn", "SSN", "social_security_number", "social-security-number", "social_security", "passport", "Passport",
        "passport_number", "passport-number", "tax_id", "taxId", "national_id", "nino", "cpf", "nif", "dni", "aadhaar",
        "drivers_license", "driver_license_number", "driving_licence", "identity_number", "id_number", "social_insurance_number"]),
    ("financial", &["card_number", "cardNumber", "cardnumber", "card-number", "cc_number", "pan", "iban", "IBAN", "account_number", "accountNumber",
        "bank_account", "routing_number", "sort_code", "credit_card", "creditCardNumber"]),
    ("network", &["ip", "IP", "client_ip", "clientIP", "SignupIP", "signup_ip", "remote_ip", "remote_addr", "RemoteAddr", "ip_address",
        "ipAddress", "source_ip", "x-real-ip", "x-forwarded-for", "last_login_ip", "peer_addr", "clientip"]),
];

#[rustfmt::skip]
const NOT_SENSITIVE: &[&str] = &[
    "token_count", "max_tokens", "prompt_tokens", "completion_tokens", "total_tokens", "tokens", "password_reset_enabled", "password_length",
    "password_reset", "password_changed_at", "card_type", "card_brand", "last4", "author", "authored_by", "secretary_desk",
    "keyboard_layout", "monkey", "turkey", "email_template_id", "email_enabled", "email_count", "session_count", "tokenizer", "api_version",
    "api_id", "credentials_id", "primary_key", "foreign_key", "public_key", "key_id", "key_name", "token_type", "token_url", "expires_in",
    "has_password", "is_email_verified", "phone_verified", "address_type", "host", "hostname", "filename", "task_name", "queue_name",
    "name", "pass_count", "passed", "bypass", "compass", "passenger_count", "pin_enabled", "pinned", "ping", "spin", "panel", "span",
    "pancake", "expand", "ssn_verified", "mailer", "email_provider", "msg_id", "state", "country", "currency", "city", "status", "ipc",
    "zip_file", "recipe", "ship_to_state", "ip_version", "skip", "description", "time", "level", "msg", "task_id", "type", "queue",
    "max_retry", "timeout", "next_process_at", "payload_bytes", "payload_sha256", "trace_id", "span_id", "duration_ms", "worker_id",
    "version", "build", "caller", "user_id", "userId", "request_id", "id", "key", "keys", "code", "error_code", "status_code", "exit_code",
    "country_code", "language_code", "page_token", "next_page_token", "cache_key", "idempotency_key", "sort_key", "user_agent", "amount",
    "exp_month", "exp_year", "channel", "provider", "locale", "preferences", "newsletter", "event", "entry_id", "cronspec", "retry_count",
    "require_password", "use_token", "no_password", "withCredentials", "number", "order_number", "line_number", "address", "url",
    "webhook_url", "image_url", "src_url", "link", "company_name", "event_name", "service_name", "display", "server_ip", "pod_ip", "host_ip",
    "listen_addr", "addr", "value", "description_text", "iphone", "smartphone_model", "license", "licenses", "account", "account_type",
    "account_id", "card", "card_id", "auth_method", "auth_type", "auth_enabled", "authenticated", "cookie_count", "cookies_enabled",
    "secret_name", "secret_version", "signature_algorithm", "phone_type", "emailed", "emailed_at", "username_taken", "first", "last", "line",
    "zipped", "panic", "japan", "company", "span_name", "otp_enabled", "otpauth", "shipping", "tips", "trips", "steps", "flags", "", "_",
    "1", "a", "-", "cell", "grid_cell", "email_sent", "pan_zoom", "tenant", "accountable", "fingerprint", "checksum", "md5", "sha256",
];

#[test]
fn names_are_judged() {
    let rules = KeyRules::new(&[], &[]);
    let mut wrong = Vec::new();
    for (class, keys) in SENSITIVE {
        for key in *keys {
            let got = rules.judge(key.as_bytes()).map(KeyClass::label);
            if got != Some(class) {
                wrong.push(format!("{key} should be {class}, is {got:?}"));
            }
        }
    }
    for key in NOT_SENSITIVE {
        if let Some(got) = rules.judge(key.as_bytes()) {
            wrong.push(format!("{key} should be nothing, is {}", got.label()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let keys = SENSITIVE.iter().map(|(_, keys)| keys.len()).sum::<usize>() + NOT_SENSITIVE.len();
    assert!(keys > 300, "{keys} names");
}

#[test]
fn every_class_is_in_the_table() {
    let labels: Vec<&str> = SENSITIVE.iter().map(|(label, _)| *label).collect();
    assert_eq!(labels, KeyClass::ALL.map(KeyClass::label));
}

#[test]
fn names_below_others() {
    let rules = KeyRules::new(&[], &[]);
    let under =
        |key: &str, parent: &str| rules.judge_under(key.as_bytes(), parent.as_bytes()).map(KeyClass::label);
    for parent in [
        "user",
        "customer",
        "Contact",
        "person",
        "holder",
        "recipient",
        "owner",
        "applicant",
        "billing_contact",
    ] {
        assert_eq!(under("name", parent), Some("person"), "{parent}");
        assert_eq!(under("Address", parent), Some("contact"), "{parent}");
    }
    assert_eq!(under("number", "card"), Some("financial"));
    assert_eq!(under("number", "bank_account"), Some("financial"));
    assert_eq!(under("no", "account"), Some("financial"));
    assert_eq!(under("value", "otp"), Some("code"));
    assert_eq!(under("code", "mfa"), Some("code"));
    assert_eq!(under("city", "billing_address"), Some("contact"));
    assert_eq!(under("City", "address"), Some("contact"));
    assert_eq!(under("number", "phone"), Some("contact"));
    assert_eq!(under("value", "api_key"), Some("secret"));
    assert_eq!(under("email", "data"), Some("contact"));
    for (key, parent) in [
        ("name", "queue"),
        ("name", "task"),
        ("name", ""),
        ("number", "order"),
        ("value", "metric"),
        ("city", "weather"),
        ("code", "error"),
        ("id", "user"),
        ("type", "card"),
        ("name", "account"),
        ("country", "address"),
        ("state", "address"),
    ] {
        assert_eq!(under(key, parent), None, "{key} below {parent}");
    }
}

#[test]
fn users_names_and_exceptions() {
    let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
    let rules = KeyRules::new(
        &own(&["tax-file", "x_*", "*Note", "*ssn*"]),
        &own(&["website_token", "email*", "*_ip"]),
    );
    let judge = |key: &str| rules.judge(key.as_bytes());
    for key in ["taxFile", "TAX_FILE", "x_anything", "X-Forwarded", "private_note", "has_ssn_now"] {
        assert_eq!(judge(key), Some(KeyClass::Secret), "{key}");
    }
    for key in ["website_token", "websiteToken", "email", "emailAddress", "client_ip", "tax_file_id", "notes"]
    {
        assert_eq!(judge(key), None, "{key}");
    }
    assert_eq!(judge("reset_token"), Some(KeyClass::Secret));
    assert_eq!(judge("user_email"), Some(KeyClass::Contact));
    // A name of nothing but a star is none.
    assert_eq!(KeyRules::new(&own(&["*", ""]), &[]).judge(b"queue"), None);
}
