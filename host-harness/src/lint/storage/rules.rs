//! The rules for files and folders of logs.

use crate::lint::rule::rules;

rules! {
    WORLD_READABLE "storage/world-readable" High {
        "all users of the machine can read a log"
        "whoever gets any account, or makes any service read a file, has it"
        "chmod o-rwx, and let the program or logrotate create files with mode 0640"
    }
    WORLD_WRITABLE "storage/world-writable" High {
        "all users of the machine can change or replace a log"
        "traces can be removed and false ones made"
        "chmod o-w on the file and its directory"
    }
    PARENT_ONLY "storage/parent-only" Low {
        "only a directory above keeps other users from a log"
        "moved, copied or mounted elsewhere the file is open"
        "chmod o-rwx on the files"
    }
    OPEN_DIRECTORY "storage/open-directory" Low {
        "all users can enter the directory of the logs"
        "a file that is created with another umask is readable at once, and names tell when and what is logged"
        "give the logs a directory of their own with mode 0750"
    }
    SHARED_DIRECTORY "storage/shared-directory" Medium {
        "the logs are below a directory in which all users can make files"
        "somebody else can make the file, or a link in its place, before the program does"
        "move the logs to a directory of their own, such as /var/log/NAME"
    }
    UNKNOWN_OWNER "storage/unknown-owner" Medium {
        "a log belongs to a user that does not exist"
        "the next account that gets this number owns it"
        "chown it to the program's user, or to root"
    }
    FOREIGN_PARENT "storage/foreign-parent" Medium {
        "a directory above belongs to neither root nor the owner of the log"
        "who owns a directory can put other files in the place of those in it"
        "chown the directory to root or to the owner of the logs"
    }
    NO_ROTATION "storage/no-rotation" Medium {
        "no entry of logrotate covers a log"
        "it grows for ever, and keeps what it holds for ever"
        "add an entry to /etc/logrotate.d with daily, rotate N, maxage N and create 0640"
    }
    ROTATION_KEEPS "storage/rotation-keeps" Medium {
        "rotation never removes old logs, or keeps them longer than --retention"
        "data that should be gone is still there"
        "set rotate and maxage to what the retention limit allows"
    }
    ROTATION_MODE "storage/rotation-mode" Medium {
        "rotation creates logs that all users can read"
        "each rotation undoes a chmod"
        "write create 0640 USER GROUP"
    }
    JOURNAL_RETENTION "storage/journal-retention" Medium {
        "journald keeps its files longer than --retention, or without a limit of time"
        "data that should be gone is still there"
        "set MaxRetentionSec in /etc/systemd/journald.conf"
    }
    RETENTION "storage/retention" High {
        "a log is older than --retention"
        "data that should be gone is still there"
        "remove it, and set maxage in logrotate"
    }
    NOT_ENCRYPTED "storage/not-encrypted" Medium {
        "no encrypted volume is below the logs"
        "who gets the disk, or a backup or snapshot of it, has the logs"
        "put them on a volume with LUKS (cryptsetup) or on another encrypted file system"
    }
    ENCRYPTION_UNKNOWN "storage/encryption-unknown" Low {
        "it cannot be told from here whether the logs are on an encrypted volume"
        "it may not be"
        "look on the machine that has the disk: the host of a container or the server of a network file system"
    }
}
