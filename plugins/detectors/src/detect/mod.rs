//! The built-in detectors: one file per kind of value, with its definition, its matcher and its examples.

pub(crate) mod aws;
pub(crate) mod azure;
pub(crate) mod basic_auth;
pub(crate) mod bearer_auth;
pub(crate) mod cookie;
pub(crate) mod email;
pub(crate) mod generic_secret;
pub(crate) mod iban;
pub(crate) mod ip_address;
pub(crate) mod jwt;
pub(crate) mod key_value;
pub(crate) mod national;
pub(crate) mod number;
pub(crate) mod passport;
pub(crate) mod password_hash;
pub(crate) mod payment_card;
pub(crate) mod pem;
pub(crate) mod phone;
pub(crate) mod prefixed;
pub(crate) mod sendgrid;
pub(crate) mod telegram;
pub(crate) mod twilio;
pub(crate) mod url;
pub(crate) mod value_after;

use crate::Definition;

macro_rules! registry {
    ($($id:ident => $definition:path,)*) => {
        /// A built-in detector; its value is its index in [`DEFINITIONS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(clippy::enum_variant_names, reason = "ids of people are called ids")]
        #[repr(u16)]
        pub(crate) enum Id {
            $($id,)*
        }

        /// All definitions, by [`Id`].
        pub(crate) static DEFINITIONS: &[&Definition] = &[$(&$definition,)*];
    };
}

registry! {
    Email => email::DEFINITION,
    Phone => phone::DEFINITION,
    IpAddress => ip_address::DEFINITION,
    PaymentCard => payment_card::DEFINITION,
    Iban => iban::DEFINITION,
    UsSsn => national::us_ssn::DEFINITION,
    UkNino => national::uk_nino::DEFINITION,
    CaSin => national::ca_sin::DEFINITION,
    DeSteuerId => national::de_steuer_id::DEFINITION,
    FrNir => national::fr_nir::DEFINITION,
    ItCodiceFiscale => national::it_codice_fiscale::DEFINITION,
    EsDni => national::es_dni::DEFINITION,
    ChAhv => national::ch_ahv::DEFINITION,
    BrCpf => national::br_cpf::DEFINITION,
    InAadhaar => national::in_aadhaar::DEFINITION,
    Passport => passport::DEFINITION,
    Jwt => jwt::DEFINITION,
    BearerAuth => bearer_auth::DEFINITION,
    BasicAuth => basic_auth::DEFINITION,
    Cookie => cookie::DEFINITION,
    PemPrivateKey => pem::DEFINITION,
    UrlCredentials => url::credentials::DEFINITION,
    UrlToken => url::token::DEFINITION,
    AwsAccessKeyId => aws::access_key_id::DEFINITION,
    AwsSecretAccessKey => aws::secret_access_key::DEFINITION,
    GcpApiKey => aws::gcp_api_key::DEFINITION,
    AzureStorageKey => azure::storage_key::DEFINITION,
    AzureClientSecret => azure::DEFINITION,
    GithubToken => prefixed::github::DEFINITION,
    GitlabToken => prefixed::gitlab::DEFINITION,
    SlackToken => prefixed::slack::DEFINITION,
    SlackWebhook => url::slack_webhook::DEFINITION,
    StripeKey => prefixed::stripe::DEFINITION,
    SendgridKey => sendgrid::DEFINITION,
    TwilioKey => twilio::DEFINITION,
    OpenaiKey => prefixed::openai::DEFINITION,
    AnthropicKey => prefixed::anthropic::DEFINITION,
    NpmToken => prefixed::npm::DEFINITION,
    PypiToken => prefixed::pypi::DEFINITION,
    DigitaloceanToken => prefixed::digitalocean::DEFINITION,
    ShopifyToken => prefixed::shopify::DEFINITION,
    HuggingfaceToken => prefixed::huggingface::DEFINITION,
    LinearKey => prefixed::linear::DEFINITION,
    SentryToken => prefixed::sentry::DEFINITION,
    ResendKey => prefixed::resend::DEFINITION,
    MailgunKey => prefixed::mailgun::DEFINITION,
    TelegramToken => telegram::DEFINITION,
    DiscordWebhook => url::discord_webhook::DEFINITION,
    PasswordHash => password_hash::DEFINITION,
    GenericSecret => generic_secret::DEFINITION,
}

impl Id {
    /// Its bit in a set.
    #[inline]
    pub(crate) const fn bit(self) -> u64 {
        1 << self as u16
    }
}

const _: () = assert!(DEFINITIONS.len() <= 64, "a set of detectors is 64 bits");
