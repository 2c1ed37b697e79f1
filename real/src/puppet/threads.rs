//! `thread` and `leader-exit`: threads of the C library, so that thread-local variables work, but ended by the bare system call:
//! the library's own end would give memory back while somebody forks, and main's would end the process.
//!
//! A thread that has ended leaves its stack behind; scripts have few.
//!
//! Sources: pthread_create(3), exit(2) (`SYS_exit` ends the thread, `exit_group` the process), clone(2) CLONE_THREAD.

use super::player::Player;
use super::process;
use super::report::What;
use super::sigset::SigSet;
use libc::c_void;
use shakedown_core::puppet::Block;
use shakedown_core::vocab::Errno;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a thread is to play, with its creator's mask.
struct Orders {
    block: Block,
    mask: SigSet,
    held: bool,
    up: Arc<AtomicBool>,
}

impl Player {
    /// Where the system has no room for a thread there is none, and the script goes on.
    pub(super) fn thread(&mut self, body: &Block) {
        let up = Arc::new(AtomicBool::new(false));
        let orders = Orders { block: body.clone(), mask: self.mask, held: self.held, up: up.clone() };
        let orders = Box::into_raw(Box::new(orders));
        match create(orders) {
            Ok(()) => {
                self.own_mut().threads += 1;
                // The C library starts a thread with every signal blocked. clone(2) does not, so nobody goes on before that is over:
                // else two signals may find no thread that takes the first.
                while !up.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
            }
            Err(errno) => {
                // SAFETY: made above, and no thread has got it.
                drop(unsafe { Box::from_raw(orders) });
                if errno != Errno::EAGAIN {
                    self.fail("create a thread", errno)
                }
            }
        }
    }

    /// Ends the calling thread, and with the last one the process.
    pub(super) fn end_thread(&mut self) -> ! {
        let own = self.own_mut();
        own.threads -= 1;
        if own.threads == 0 {
            self.say(What::Exiting(0));
        }
        self.away_for_good();
        // SAFETY: this thread holds no lock, and whatever stands on its stack is its own.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
        unreachable!("exit(2) does not return")
    }
}

/// Starts a thread that nobody joins.
fn create(orders: *mut Orders) -> Result<(), Errno> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread: libc::pthread_t = 0;
    // SAFETY: the attributes are initialised before they are used, and given back; `orders` becomes the thread's.
    let answer = unsafe {
        let attributes = attributes.as_mut_ptr();
        match libc::pthread_attr_init(attributes) {
            0 => {}
            failed => return Err(Errno::from_raw(failed)),
        }
        libc::pthread_attr_setstacksize(attributes, STACK);
        libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
        let answer = libc::pthread_create(&raw mut thread, attributes, enter, orders.cast());
        libc::pthread_attr_destroy(attributes);
        answer
    };
    if answer == 0 { Ok(()) } else { Err(Errno::from_raw(answer)) }
}

/// Where a thread begins. Before it has the lock it touches nothing that allocates.
extern "C" fn enter(orders: *mut c_void) -> *mut c_void {
    let orders = orders.cast::<Orders>();
    // SAFETY: `create` passes a box that is this thread's alone.
    unsafe { &*orders }.up.store(true, Ordering::Release);
    let process = process::lock();
    // SAFETY: as above; the borrow is over.
    let Orders { block, mask, held, up: _ } = *unsafe { Box::from_raw(orders) };
    let mut player = Player::new(process, mask, held);
    player.play_block(&block);
    player.checkpoint();
    player.end_thread()
}

/// As much as the deepest script needs, many times over.
const STACK: usize = 1 << 20;
