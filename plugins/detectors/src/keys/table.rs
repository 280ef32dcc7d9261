//! What field names mean: their last word, their head, and the words before it.

use super::{KeyClass, words::Words};

/// Heads: the last words that can make a name sensitive. The list lets all other names go after a look at two letters.
pub(crate) const HEADS: &[&str] = &[
    // Password
    "password", "passwords", "passwd", "passwort", "passphrase", "passcode", "pwd", "pass", "pw", "psw",
    "kennwort",
    // Secret
    "token", "tokens", "secret", "secrets", "key", "keys", "apikey", "apikeys", "credential", "credentials",
    "cred", "creds", "authorization", "authorisation", "auth", "signature", "sig", "hmac", "cookie",
    "cookies", "sid", "sessid", "sessionid", "id", "session", "jwt", "bearer", "salt", "pepper", "mnemonic",
    "phrase", "url", "uri", "link", "string", "pem", "privkey", "assertion", "base",
    // Code
    "otp", "otps", "totp", "pin", "cvc", "cvv", "cvn", "csc", "cid", "code", "codes", "tan", "answer",
    // Person
    "name", "names", "username", "firstname", "lastname", "fullname", "surname", "forename", "nickname",
    "displayname", "holder", "cardholder", "dob", "birth", "birthday", "birthdate", "gender", "sex",
    "maiden",
    // Contact
    "email", "emails", "mail", "mails", "address", "addresses", "phone", "phones", "telephone", "mobile",
    "cell", "tel", "fax", "msisdn", "whatsapp", "number", "no", "num", "nr", "street", "line", "postcode",
    "zip", "zipcode", "plz", "postal", "strasse", "apartment", "city", "town",
    // NationalId
    "ssn", "passport", "nino", "tin", "itin", "cpf", "cnpj", "nif", "dni", "nie", "nir", "ahv", "aadhaar",
    "aadhar", "personnummer", "steuernummer", "license", "licence", "security", "insurance", "fiscale",
    "curp", "bsn", "pesel",
    // Financial
    "card", "pan", "iban", "account", "creditcard", "cc",
    // Network
    "ip", "ips", "addr", "ipaddr", "for", "value",
];

/// Names with these words in front tell something about a value, not the value.
const ABOUT: &[&[u8]] = &[
    b"has", b"is", b"was", b"are", b"should", b"can", b"must", b"require", b"requires", b"required",
    b"need", b"needs", b"allow", b"allows", b"allowed", b"enable", b"enables", b"enabled", b"disable",
    b"disabled", b"use", b"uses", b"using", b"show", b"hide", b"skip", b"force", b"send", b"sends",
    b"validate", b"check", b"num", b"count", b"no", b"without", b"with", b"missing", b"per", b"max", b"min",
    b"total", b"did", b"will", b"supports", b"supported", b"valid", b"expired",
];

/// The class of a name that stands alone.
pub(crate) fn classify(w: &Words) -> Option<KeyClass> {
    if w.len() > 1 && ABOUT.contains(&w.first()) {
        return None;
    }
    password(w)
        .or_else(|| secret(w))
        .or_else(|| code(w))
        .or_else(|| person(w))
        .or_else(|| contact(w))
        .or_else(|| national_id(w))
        .or_else(|| financial(w))
        .or_else(|| network(w))
        .or_else(|| compound(w))
}

fn yes(class: KeyClass, condition: bool) -> Option<KeyClass> {
    condition.then_some(class)
}

fn password(w: &Words) -> Option<KeyClass> {
    yes(
        KeyClass::Password,
        match w.head() {
            b"password" | b"passwords" | b"passwd" | b"passwort" | b"passphrase" | b"pwd" | b"psw"
            | b"kennwort" => true,
            b"pass" => {
                w.len() == 1
                    || matches!(
                        w.last(1),
                        b"user" | b"db" | b"database" | b"smtp" | b"imap" | b"mail" | b"email" | b"redis"
                        | b"mysql" | b"postgres" | b"pg" | b"mongo" | b"rabbitmq" | b"amqp" | b"ftp"
                        | b"admin" | b"root" | b"my" | b"login" | b"auth" | b"http" | b"proxy" | b"new"
                        | b"old" | b"current" | b"app" | b"basic" | b"account" | b"key" | b"store"
                        | b"cert" | b"ssl" | b"tls" | b"ldap" | b"bind" | b"sudo" | b"wifi"
                    )
            }
            b"pw" => w.len() > 1 || w.last(0) == b"pw",
            b"phrase" => w.last(1) == b"pass",
            _ => false,
        },
    )
}

fn secret(w: &Words) -> Option<KeyClass> {
    let before = w.last(1);
    yes(
        KeyClass::Secret,
        match w.head() {
            b"token" => !matches!(
                before,
                b"page" | b"continuation" | b"pagination" | b"sync" | b"scroll" | b"cursor" | b"next"
                | b"previous" | b"prev" | b"public" | b"per" | b"end" | b"start" | b"eos" | b"bos" | b"pad"
                | b"unk" | b"stop" | b"mask" | b"cls" | b"sep" | b"special" | b"unexpected" | b"lock"
                | b"fencing" | b"first" | b"last"
            ),
            b"tokens" => matches!(
                before,
                b"access" | b"refresh" | b"reset" | b"device" | b"push" | b"api" | b"auth" | b"bearer"
                | b"session" | b"csrf" | b"secret" | b"id" | b"oauth" | b"fcm" | b"apns"
            ),
            b"secret" | b"secrets" | b"apikey" | b"apikeys" | b"authorization" | b"authorisation"
            | b"signature" | b"sig" | b"hmac" | b"cookie" | b"cookies" | b"sid" | b"sessid"
            | b"sessionid" | b"jwt" | b"bearer" | b"salt" | b"pepper" | b"mnemonic" | b"privkey"
            | b"credential" | b"credentials" | b"cred" | b"creds" | b"assertion" => true,
            b"auth" => {
                w.len() == 1 || matches!(before, b"basic" | b"proxy" | b"http" | b"x" | b"bearer" | b"user")
            }
            b"key" | b"keys" => is_key(w),
            b"id" => matches!(before, b"session" | b"sess") || (before == b"key" && w.last(2) == b"access"),
            b"phrase" => matches!(before, b"seed" | b"recovery" | b"mnemonic"),
            b"string" => before == b"connection",
            b"base" => before == b"key" && w.last(2) == b"secret",
            b"pem" => matches!(before, b"key" | b"private"),
            b"url" | b"uri" | b"link" => matches!(
                before,
                b"activation" | b"activate" | b"reset" | b"magic" | b"confirmation" | b"confirm"
                | b"verification" | b"verify" | b"invite" | b"invitation" | b"unsubscribe" | b"presigned"
                | b"signed" | b"recovery" | b"recover"
            ),
            _ => false,
        },
    )
}

fn is_key(w: &Words) -> bool {
    match w.last(1) {
        b"api" | b"secret" | b"private" | b"priv" | b"encryption" | b"decryption" | b"crypto" | b"cipher"
        | b"signing" | b"signature" | b"master" | b"auth" | b"authorization" | b"ssh" | b"hmac"
        | b"server" | b"shared" | b"consumer" | b"client" | b"storage" | b"security" | b"admin" | b"root"
        | b"deploy" | b"subscription" | b"license" | b"licence" | b"webhook" | b"session" | b"rsa"
        | b"aes" | b"host" | b"recovery" | b"stripe" | b"openai" | b"sendgrid" | b"twilio" | b"vapid"
        | b"wallet" => true,
        b"access" => w.last(0) != b"keys" || w.len() > 1,
        b"account" => matches!(w.last(2), b"storage" | b"service" | b"") || w.len() == 2,
        b"app" | b"application" => w.len() == 2,
        _ => false,
    }
}

fn code(w: &Words) -> Option<KeyClass> {
    let before = w.last(1);
    yes(
        KeyClass::Code,
        match w.head() {
            b"otp" | b"otps" | b"totp" | b"pin" | b"cvc" | b"cvv" | b"cvn" | b"csc" | b"passcode" => true,
            b"tan" => w.len() == 1 || matches!(before, b"sms" | b"mobile"),
            b"code" | b"codes" => matches!(
                before,
                b"security" | b"secret" | b"verification" | b"verify" | b"mfa" | b"otp" | b"sms" | b"access"
                | b"confirmation" | b"confirm" | b"recovery" | b"backup" | b"pin" | b"auth"
                | b"authorization" | b"authentication" | b"login" | b"time" | b"factor" | b"2fa" | b"totp"
                | b"cvc" | b"cvv" | b"activation" | b"reset" | b"invite" | b"unlock" | b"pass" | b"scratch"
            ),
            b"value" => matches!(before, b"otp" | b"pin"),
            b"answer" => before == b"security" || w.last(2) == b"security" || before == b"secret",
            _ => false,
        },
    )
}

fn person(w: &Words) -> Option<KeyClass> {
    let before = w.last(1);
    yes(
        KeyClass::Person,
        match w.head() {
            b"username" | b"firstname" | b"lastname" | b"fullname" | b"surname" | b"forename"
            | b"nickname" | b"displayname" | b"cardholder" | b"dob" | b"birthday" | b"birthdate"
            | b"gender" => true,
            b"sex" => w.len() == 1,
            b"name" | b"names" => matches!(
                before,
                b"user" | b"first" | b"last" | b"full" | b"display" | b"given" | b"family" | b"middle"
                | b"maiden" | b"nick" | b"real" | b"legal" | b"login" | b"customer" | b"contact"
                | b"recipient" | b"patient" | b"owner" | b"person" | b"applicant" | b"guest" | b"employee"
                | b"member" | b"holder" | b"sender" | b"payer" | b"payee" | b"buyer" | b"beneficiary"
                | b"passenger" | b"driver" | b"father" | b"mother" | b"spouse" | b"child" | b"billing"
                | b"shipping" | b"subscriber" | b"cardholder" | b"signer" | b"attendee" | b"birth"
                | b"to" | b"delivery"
            ),
            b"holder" => w.len() == 1 || matches!(before, b"card" | b"account" | b"policy"),
            b"birth" => before == b"of" && matches!(w.last(2), b"date" | b"place" | b"year" | b"day"),
            b"maiden" => before == b"mothers",
            b"date" => before == b"birth",
            _ => false,
        },
    )
}

fn contact(w: &Words) -> Option<KeyClass> {
    let before = w.last(1);
    yes(
        KeyClass::Contact,
        match w.head() {
            b"email" | b"emails" | b"phones" | b"telephone" | b"msisdn" | b"whatsapp" | b"postcode"
            | b"zipcode" | b"zip" | b"plz" | b"street" | b"strasse" | b"apartment" => true,
            b"mail" | b"mails" => {
                w.len() == 1
                    || matches!(
                        before,
                        b"e" | b"user" | b"customer" | b"contact" | b"to" | b"from" | b"reply"
                    )
            }
            b"phone" => !matches!(before, b"i" | b"smart" | b"micro" | b"head"),
            b"mobile" => w.len() == 1 || matches!(before, b"user" | b"customer" | b"contact" | b"phone"),
            b"cell" => before == b"phone",
            b"tel" | b"fax" => {
                w.len() == 1 || matches!(before, b"home" | b"work" | b"office" | b"user" | b"contact")
            }
            b"address" | b"addresses" => matches!(
                before,
                b"email" | b"mail" | b"e" | b"home" | b"billing" | b"shipping" | b"postal" | b"mailing"
                | b"residential" | b"delivery" | b"street" | b"user" | b"customer" | b"contact"
                | b"recipient" | b"work" | b"permanent" | b"current" | b"invoice" | b"physical" | b"full"
            ),
            b"city" | b"town" => {
                matches!(before, b"billing" | b"shipping" | b"delivery" | b"home" | b"birth" | b"user" | b"customer")
            }
            b"number" | b"no" | b"num" | b"nr" => matches!(
                before,
                b"phone" | b"mobile" | b"telephone" | b"cell" | b"fax" | b"contact" | b"house" | b"tel"
                | b"whatsapp" | b"sms"
            ),
            b"line" => w.is_numbered() || matches!(before, b"address" | b"street"),
            b"code" => matches!(before, b"postal" | b"post" | b"zip"),
            b"postal" => w.len() == 1,
            _ => false,
        },
    )
}

fn national_id(w: &Words) -> Option<KeyClass> {
    let before = w.last(1);
    yes(
        KeyClass::NationalId,
        match w.head() {
            b"ssn" | b"passport" | b"nino" | b"itin" | b"cpf" | b"cnpj" | b"nif" | b"dni" | b"aadhaar"
            | b"aadhar" | b"personnummer" | b"steuernummer" | b"curp" | b"bsn" | b"pesel" => true,
            b"nie" | b"nir" | b"ahv" | b"tin" => {
                w.len() == 1 || matches!(before, b"user" | b"customer" | b"applicant" | b"tax")
            }
            b"number" | b"no" | b"num" | b"nr" => {
                matches!(
                    before,
                    b"passport" | b"security" | b"insurance" | b"tax" | b"taxpayer" | b"license"
                    | b"licence" | b"identity" | b"identification" | b"national" | b"ssn" | b"aadhaar"
                    | b"citizen" | b"ahv" | b"personal"
                ) || (before == b"id"
                    && matches!(w.last(2), b"" | b"national" | b"tax" | b"government" | b"personal"))
            }
            b"id" => matches!(
                before,
                b"national" | b"tax" | b"taxpayer" | b"citizen" | b"steuer" | b"passport" | b"government"
            ),
            b"security" => before == b"social",
            b"license" | b"licence" => matches!(before, b"driver" | b"drivers" | b"driving"),
            b"card" => matches!(before, b"identity"),
            b"fiscale" => before == b"codice",
            _ => false,
        },
    )
}

fn financial(w: &Words) -> Option<KeyClass> {
    let before = w.last(1);
    yes(
        KeyClass::Financial,
        match w.head() {
            b"pan" | b"iban" | b"creditcard" => true,
            b"number" | b"no" | b"num" | b"nr" => {
                matches!(before, b"card" | b"account" | b"cc" | b"routing" | b"creditcard" | b"acct" | b"pan")
            }
            b"card" => matches!(before, b"credit" | b"debit"),
            b"account" => before == b"bank",
            b"cc" => w.last(0) != b"cc" || w.len() > 1,
            b"code" => before == b"sort",
            _ => false,
        },
    )
}

fn network(w: &Words) -> Option<KeyClass> {
    let before = w.last(1);
    let not_a_machine = !matches!(
        before,
        b"server" | b"pod" | b"host" | b"node" | b"cluster" | b"service" | b"listen" | b"bind" | b"local"
        | b"public" | b"private" | b"internal" | b"instance" | b"dest" | b"destination" | b"dst"
        | b"target" | b"upstream" | b"gateway" | b"worker"
    );
    yes(
        KeyClass::Network,
        match w.head() {
            b"ip" | b"ips" | b"ipaddr" => not_a_machine,
            b"addr" | b"address" | b"addresses" => {
                matches!(before, b"remote" | b"client" | b"peer" | b"caller")
                    || (before == b"ip"
                        && !matches!(
                            w.last(2),
                            b"server" | b"pod" | b"host" | b"node" | b"local" | b"listen" | b"bind"
                        ))
            }
            b"for" => before == b"forwarded",
            _ => false,
        },
    )
}

/// Words written as one: `accesstoken`, `newpassword`, `phonenumber`.
fn compound(w: &Words) -> Option<KeyClass> {
    let head = w.head();
    let ends = |suffix: &[u8]| head.len() > suffix.len() && head.ends_with(suffix);
    if ends(b"password") || ends(b"passwd") || ends(b"passphrase") {
        return Some(KeyClass::Password);
    }
    if (ends(b"token") && !matches!(head, b"pagetoken" | b"nextpagetoken" | b"synctoken" | b"publictoken"))
        || ends(b"secret")
        || ends(b"apikey")
        || ends(b"privatekey")
        || ends(b"secretkey")
        || ends(b"accesskey")
        || ends(b"cookie")
        || ends(b"sessionid")
        || ends(b"sessid")
        || head == b"authkey"
    {
        return Some(KeyClass::Secret);
    }
    match head {
        b"emailaddress" | b"useremail" | b"phonenumber" | b"mobilenumber" | b"mobilephone" | b"homephone"
        | b"workphone" | b"cellphone" | b"userphone" | b"streetaddress" | b"postalcode" | b"homeaddress" => {
            Some(KeyClass::Contact)
        }
        b"cardnumber" | b"accountnumber" | b"creditcardnumber" | b"ccnumber" => Some(KeyClass::Financial),
        b"ipaddress" | b"clientip" | b"remoteip" | b"remoteaddr" | b"userip" | b"sourceip" | b"realip" => {
            Some(KeyClass::Network)
        }
        b"dateofbirth" | b"loginname" | b"givenname" | b"familyname" | b"middlename" => {
            Some(KeyClass::Person)
        }
        b"passportnumber" | b"nationalid" | b"taxid" => Some(KeyClass::NationalId),
        b"otpcode" | b"pincode" | b"securitycode" | b"verificationcode" | b"authcode" => Some(KeyClass::Code),
        _ => None,
    }
}

/// The class of a name below the name `p`, for names that say little alone.
pub(crate) fn classify_under(w: &Words, p: &Words) -> Option<KeyClass> {
    let head = w.head();
    let parent = p.head();
    let single = w.len() == 1;
    if single && is_person(parent) {
        match head {
            b"name" | b"first" | b"last" | b"middle" | b"login" | b"fullname" => {
                return Some(KeyClass::Person);
            }
            b"address" | b"addresses" | b"mobile" | b"number" => return Some(KeyClass::Contact),
            _ => {}
        }
    }
    if single
        && (matches!(parent, b"address" | b"addresses" | b"addr")
            || (matches!(parent, b"billing" | b"shipping" | b"delivery")))
    {
        match head {
            b"city" | b"town" | b"number" | b"address" => return Some(KeyClass::Contact),
            b"name" => return Some(KeyClass::Person),
            _ => {}
        }
    }
    if single && matches!(parent, b"card" | b"account" | b"creditcard" | b"cards" | b"accounts") {
        match head {
            b"number" | b"no" | b"num" => return Some(KeyClass::Financial),
            b"code" => return yes(KeyClass::Code, matches!(parent, b"card" | b"creditcard" | b"cards")),
            b"name" => return yes(KeyClass::Person, matches!(parent, b"card" | b"creditcard" | b"cards")),
            _ => {}
        }
    }
    if single && matches!(head, b"value" | b"code" | b"codes" | b"number") {
        match parent {
            b"otp" | b"totp" | b"mfa" | b"2fa" | b"pin" | b"verification" | b"cvc" | b"cvv" => {
                return Some(KeyClass::Code);
            }
            b"phone" | b"phones" | b"mobile" | b"telephone" | b"email" | b"emails" => {
                return Some(KeyClass::Contact);
            }
            b"ssn" | b"passport" => return Some(KeyClass::NationalId),
            _ => {}
        }
    }
    if single
        && matches!(head, b"value" | b"key" | b"data")
        && matches!(classify(p), Some(KeyClass::Secret | KeyClass::Password))
    {
        return Some(KeyClass::Secret);
    }
    None
}

fn is_person(parent: &[u8]) -> bool {
    matches!(
        parent,
        b"user" | b"users" | b"customer" | b"customers" | b"contact" | b"contacts" | b"person" | b"persons"
        | b"people" | b"holder" | b"recipient" | b"recipients" | b"owner" | b"applicant" | b"applicants"
        | b"patient" | b"employee" | b"member" | b"members" | b"guest" | b"guests" | b"sender" | b"payer"
        | b"payee" | b"buyer" | b"subscriber" | b"cardholder" | b"attendee" | b"attendees" | b"passenger"
        | b"passengers" | b"beneficiary" | b"profile" | b"student" | b"candidate" | b"borrower"
    )
}
