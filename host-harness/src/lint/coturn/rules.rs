//! The rules for `turnserver.conf`, by what coturn 4.5 to 4.17 was seen to log.

use crate::lint::rule::rules;

rules! {
    VERBOSE "coturn/verbose" High (fix) {
        "verbose is on"
        "25 to 30 lines for each allocation tell user names, client, peer and relay addresses, and traffic"
        "leave it out"
    }
    EXTRA_VERBOSE "coturn/extra-verbose" High (fix) {
        "Verbose is on"
        "on top of what verbose tells come pointers and the subjects of client certificates, on standard output"
        "leave it out"
    }
    LOG_LEVEL "coturn/log-level" High (fix) {
        "log-level or log-mobility is set, which no version of coturn has"
        "coturn answers `Bad configuration format` and changes nothing: logs that were meant to be short are not"
        "from 4.15 on set log-min-level=warning; before, leave verbose out"
    }
    LOG_MIN_LEVEL "coturn/log-min-level" Low (fix) {
        "log-min-level is debug or info, or is not set where coturn has it (4.15 and later)"
        "informational lines hold users and addresses; warnings and errors hold some, too, for which the filter is there"
        "set log-min-level=warning"
    }
    UNKNOWN_OPTION "coturn/unknown-option" Medium {
        "an option that coturn does not have"
        "coturn answers `Bad configuration format` and goes on without it"
        "correct the name, or leave it out"
    }
    OPTION_VERSION "coturn/option-version" Medium {
        "an option that this version of coturn does not have"
        "coturn answers `Bad configuration format` and goes on without it"
        "leave it out, or use a version that has it"
    }
    BAD_VALUE "coturn/bad-value" Medium {
        "a value that the option does not take"
        "coturn ends at its start, or goes on with another value than was meant"
        "use one of the values that it takes"
    }
    LOG_FILE "coturn/log-file" Medium (fix) {
        "no log-file and no syslog, or a log-file in a directory that all users share"
        "coturn then writes where it can: /var/log/turnserver, /var/log, /var/tmp, /tmp, the working directory"
        "name a file in a directory of its own, or log-file=stdout in front of a filter"
    }
    STDOUT_COPY "coturn/stdout-copy" Medium (fix) {
        "a file or syslog is written, and standard output as well"
        "each line goes to two places; a filter that sits on one of them misses the other"
        "set no-stdout-log"
    }
    ROTATION "coturn/rotation" Low (fix) {
        "a log-file without simple-log"
        "coturn then starts a new file each day and never removes one, and logrotate does not know their names"
        "set simple-log, and rotate the file with logrotate"
    }
    SYSLOG "coturn/syslog" Low {
        "lines go to syslog"
        "they spread unfiltered to journald, to files of other programs and to remote hosts"
        "log to a file or to standard output in front of a filter, or filter what syslog passes on"
    }
    LOG_BINDING "coturn/log-binding" Medium (fix) {
        "log-binding is on"
        "with verbose each STUN Binding gives lines with the client's address, and attackers can fill the disk"
        "leave it out"
    }
    PACKET_DUMP "coturn/packet-dump" High (fix) {
        "drop-invalid-packets-log is on"
        "packets are dumped in hexadecimal, with whatever is in them; no filter can read that"
        "leave it out"
    }
    SECURE_STUN "coturn/secure-stun" Low {
        "secure-stun is on"
        "plain STUN then asks for a login, so the log ties user names to what needs none"
        "leave it out unless you need it"
    }
    REST_USERS "coturn/rest-users" Low {
        "user names are made by an application (use-auth-secret)"
        "the part behind the timestamp is in each line that names the user; often it is an e-mail address or an account id"
        "let the application make a random id for each session, and filter the log"
    }
    SECRET_SEMICOLON "coturn/secret-semicolon" Critical {
        "a line with a secret ends with a semicolon"
        "coturn writes the whole line into its log: `The following line ends with semicolon`"
        "choose a secret that does not end so, and change the one that was logged"
    }
    SEMICOLON "coturn/semicolon" Low (fix) {
        "a line ends with a semicolon"
        "coturn takes it for a part of the value, and writes the whole line into its log"
        "leave the semicolon out"
    }
    STATIC_USER "coturn/static-user" Medium {
        "user=NAME:PASSWORD with a password in clear"
        "up to 4.12 coturn logs both if it does not like the name, and who reads the file has the password"
        "write the key instead (user=NAME:0x..., made by turnadmin -k), or use a database"
    }
    DATABASE_PASSWORD "coturn/database-password" High {
        "a connection string with a password that coturn does not hide when it logs it"
        "each (re)connect writes the string; before 4.6.2 in clear, since then only some spellings are masked"
        "use a socket, a certificate or a password file; else for PostgreSQL and MySQL host=... password=... without blanks or @ in the password"
    }
    REDIS_STATSDB "coturn/redis-statsdb" Medium {
        "redis-statsdb is set"
        "user names, realms and client addresses of each allocation go to a database, past any log filter"
        "leave it out, or use an instance of its own whose keys expire"
    }
    PROMETHEUS_USERS "coturn/prometheus-users" High (fix) {
        "prometheus-username-labels is on"
        "each user name becomes a label, kept for as long as metrics are"
        "leave it out"
    }
    PROMETHEUS_ADDRESS "coturn/prometheus-address" Medium {
        "Prometheus metrics are served on more than the loopback address"
        "who reaches the port reads realms and traffic"
        "set prometheus-address=127.0.0.1, or close the port to all but the scraper"
    }
    CLI "coturn/cli" Medium (fix) {
        "the telnet console is on (before 4.10 it is unless no-cli is set)"
        "its command ps lists users, client and peer addresses; each login puts the operator's address into the log"
        "set no-cli; from 4.10 on leave cli out"
    }
    CLI_OPEN "coturn/cli-open" High (fix) {
        "the telnet console listens on more than the loopback address, or has no hashed password"
        "who reaches it lists all sessions with users and addresses"
        "set cli-ip=127.0.0.1 and a cli-password made by turnadmin -P"
    }
    WEB_ADMIN "coturn/web-admin" High (fix) {
        "web-admin is on"
        "each HTTPS request is logged whole, also without verbose: cookies, passwords in queries, forwarded addresses"
        "leave it out"
    }
    WEB_ADMIN_OPEN "coturn/web-admin-open" High (fix) {
        "the admin pages are served on more than the loopback address"
        "anybody can make coturn log requests, and try passwords; 4.6.1 crashes on plain HTTP to a worker port"
        "set web-admin-ip=127.0.0.1 and leave web-admin-listen-on-workers out"
    }
}
