//! Descriptors laid by for looking into /proc, and for holding who is to be signalled, when the program has none left. A supervisor that
//! leaks them, or is at its limit for a while, can start nobody; it must still find and end whom it has started.
//!
//! One reserve a program, as the limit is one a program: getrlimit(2) RLIMIT_NOFILE.

use shakedown_core::vocab::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A pidfd and the file by which it is verified, and as many again for whoever else took one of them meanwhile.
const SIZE: usize = 4;

struct Reserve {
    kept: Vec<OwnedFd>,
    /// How many are to be kept: none in a program that starts nobody.
    wanted: usize,
}

static RESERVE: Mutex<Reserve> = Mutex::new(Reserve { kept: Vec::new(), wanted: 0 });

/// Lays descriptors by, from here on: for whoever is about to start processes. Where it can have fewer it keeps fewer.
pub(crate) fn lay_by() {
    let mut reserve = lock();
    reserve.wanted = SIZE;
    reserve.fill();
}

/// Does what needs a descriptor, with one of the reserve where no other is left. What it opens it closes before it comes back, or soon after:
/// whatever else the program opens then would have it for good. Not to be called within itself.
///
/// # Errors
/// Those of `act`; `EMFILE` or `ENFILE` where the reserve is in use, too.
pub(crate) fn lend<T>(mut act: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let mut done = act();
    let mut reserve = lock();
    while matches!(done, Err(Errno::EMFILE | Errno::ENFILE)) && reserve.kept.pop().is_some() {
        done = act();
    }
    reserve.fill();
    done
}

fn lock() -> MutexGuard<'static, Reserve> {
    RESERVE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reserve {
    fn fill(&mut self) {
        while self.kept.len() < self.wanted {
            match File::open("/dev/null") {
                Ok(file) => self.kept.push(file.into()),
                // Whoever has the last ones gives them back, or the reserve is smaller.
                Err(_) => return,
            }
        }
    }
}
