//! What is known of one request, collected from its lines.

use crate::bytes::set;

/// Where facts come from, which says what cannot be among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// Rails' lines.
    #[default]
    Rails,
    /// lograge's object.
    Lograge,
    /// A web server's access log.
    Access,
    /// PostgreSQL.
    Database,
    /// A proxy in front of Chatwoot.
    Live,
}

/// Whom a 401 of the API was for, as lograge tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignedIn {
    /// Not told.
    #[default]
    Untold,
    /// Somebody.
    Yes,
    /// Nobody.
    No,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $max:literal,)+) => {
        /// Facts of one request. Texts are cut to a length, so that many requests fit in bounded memory.
        #[derive(Debug, Clone, Default)]
        pub struct Facts {
            $($(#[$doc])* pub $name: Vec<u8>,)+
            /// Where they come from.
            pub source: Source,
            /// Milliseconds since 1970 of the latest line; 0 if not known.
            pub time_ms: i64,
            /// Status; 0 if not known.
            pub status: u16,
            /// Whether somebody was signed in.
            pub signed_in: SignedIn,
            /// A second factor was sent.
            pub mfa: bool,
            /// A new password was sent.
            pub password: bool,
            /// The administrator's role was asked for.
            pub administrator: bool,
            /// The CSRF token was wrong.
            pub csrf: bool,
            /// The super admin's sign-in was refused.
            pub admin_rejected: bool,
            /// A parameter of the query holds an attack pattern.
            pub attack: bool,
            /// Its `Processing` line was seen.
            pub processed: bool,
            /// Its first line was seen.
            pub started: bool,
            /// Rack::Attack has answered it.
            pub blocked: bool,
            /// Client addresses in conflict.
            pub spoofed: bool,
            /// Its lines may belong to several requests.
            pub ambiguous: bool,
            /// Its lines may have been written by a client.
            pub suspect: bool,
            /// Its parameters are not known.
            pub blind: bool,
        }

        impl Facts {
            /// Forget everything, keep the memory.
            pub fn clear(&mut self) {
                // One by one: a whole new value would be made beside this one and moved over it.
                let Self {
                    $($name,)+
                    source, time_ms, status, signed_in, mfa, password, administrator, csrf, admin_rejected,
                    attack, processed, started, blocked, spoofed, ambiguous, suspect, blind,
                } = self;
                $($name.clear();)+
                (*source, *time_ms, *status, *signed_in) = Default::default();
                (*mfa, *password, *administrator, *csrf, *admin_rejected, *attack) = Default::default();
                (*processed, *started, *blocked, *spoofed, *ambiguous, *suspect, *blind) = Default::default();
            }

            /// All of the texts.
            pub(crate) fn texts(&self) -> [&[u8]; [$(stringify!($name)),+].len()] {
                [$(&self.$name),+]
            }

            /// Set all of the texts, in the same order, each cut to its greatest length; what is missing is empty.
            pub(crate) fn set_texts<'a>(&mut self, mut texts: impl Iterator<Item = &'a [u8]>) {
                $(set(&mut self.$name, texts.next().unwrap_or_default(), $max);)+
            }

            $(/// Set the text, cut to its greatest length.
            pub fn $name(&mut self, value: &[u8]) {
                set(&mut self.$name, value, $max);
            })+
        }
    };
}

texts! {
    /// Request id.
    id: 255,
    /// The verb.
    method: 16,
    /// Path and query, percent-encoded.
    path: 2048,
    /// Client address.
    ip: 64,
    /// Who signed in or tried to: an e-mail address.
    user: 254,
    /// Id of who was signed in.
    user_id: 20,
    /// Whom it was done to: an e-mail address.
    target: 254,
    /// Client's program.
    user_agent: 512,
    /// Class of the controller.
    controller: 128,
    /// Method of the controller.
    action: 64,
    /// The filter that halted it.
    filter: 64,
    /// Class of the exception.
    error: 96,
    /// Where it was redirected to.
    location: 512,
    /// The account in it.
    account_id: 20,
    /// The mail that was sent.
    mail: 64,
}

impl Facts {
    /// The path without the query.
    pub fn bare_path(&self) -> &[u8] {
        self.path.split(|&b| b == b'?').next().unwrap_or_default()
    }
}
