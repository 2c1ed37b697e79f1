//! The numbers by which Linux says why a call has failed (errno(3)).

use core::fmt;

macro_rules! errnos {
    ($($(#[$d:meta])* $name:ident = $n:literal, $text:literal;)*) => {
        /// An error number of Linux, as far as the lifecycle of processes knows it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[allow(clippy::upper_case_acronyms)]
        pub enum Errno {
            $(#[doc = $text] $name,)*
            /// Another one, by number.
            Other(i32),
        }

        impl Errno {
            /// From a raw number.
            pub const fn from_raw(n: i32) -> Errno {
                match n { $($n => Errno::$name,)* other => Errno::Other(other) }
            }

            /// Its number.
            pub const fn raw(self) -> i32 {
                match self { $(Errno::$name => $n,)* Errno::Other(n) => n }
            }

            /// What it means, in words.
            pub const fn explain(self) -> &'static str {
                match self { $(Errno::$name => $text,)* Errno::Other(_) => "another error" }
            }
        }

        impl fmt::Display for Errno {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Errno::$name => f.write_str(stringify!($name)),)* Errno::Other(n) => write!(f, "errno {n}") }
            }
        }
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such file or directory";
    ESRCH = 3, "no such process";
    EINTR = 4, "interrupted by a signal";
    EIO = 5, "input/output error";
    E2BIG = 7, "argument list too long";
    ENOEXEC = 8, "not an executable format";
    EBADF = 9, "bad file descriptor";
    ECHILD = 10, "no such child";
    EAGAIN = 11, "resource temporarily unavailable";
    ENOMEM = 12, "out of memory";
    EACCES = 13, "permission denied";
    EBUSY = 16, "device or resource busy";
    EEXIST = 17, "file exists";
    EXDEV = 18, "leads out of the folder, or to another file system";
    ENOTDIR = 20, "not a folder";
    EISDIR = 21, "is a folder";
    EINVAL = 22, "invalid argument";
    ENFILE = 23, "too many open files in the system";
    EMFILE = 24, "too many open files";
    ENOTTY = 25, "not a terminal, or not its own";
    ETXTBSY = 26, "text file busy";
    ENOSPC = 28, "no space left on the disk";
    EROFS = 30, "read-only file system";
    EPIPE = 32, "broken pipe";
    ENAMETOOLONG = 36, "file name too long";
    ENOSYS = 38, "not provided here";
    ENOTEMPTY = 39, "folder not empty";
    ETIMEDOUT = 110, "took too long";
    ELOOP = 40, "too many symbolic links";
    EDESTADDRREQ = 89, "destination address required";
    EADDRINUSE = 98, "address already in use";
    EADDRNOTAVAIL = 99, "cannot assign requested address";
}
