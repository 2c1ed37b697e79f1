//! The first of several futures. Which one is looked at first is a choice, drawn once an activation.

use crate::task::TaskCx;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

macro_rules! first_of {
    ($(#[$doc:meta])* $name:ident, $either:ident, $n:literal; $($variant:ident $future:ident $index:literal),+) => {
        /// Which future was first, and what it gave.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $either<$($variant),+> {
            $(#[doc = concat!("Number ", stringify!($index), ", counted from 0.")] $variant($variant)),+
        }

        $(#[$doc])*
        #[allow(non_snake_case)]
        pub async fn $name<$($variant: Future),+>(cx: &TaskCx, $($future: $variant),+) -> $either<$($variant::Output),+> {
            let first = cx.pick($n);
            $(let mut $future = pin!($future);)+
            poll_fn(move |context| {
                for turn in 0..$n {
                    match (first + turn) % $n {
                        $($index => if let Poll::Ready(value) = $future.as_mut().poll(context) {
                            return Poll::Ready($either::$variant(value));
                        },)+
                        _ => unreachable!("a remainder is less than its divisor"),
                    }
                }
                Poll::Pending
            })
            .await
        }
    };
}

first_of! {
    /// The first of two; the other is dropped.
    select2, Either2, 2; A a 0, B b 1
}
first_of! {
    /// The first of three; the others are dropped.
    select3, Either3, 3; A a 0, B b 1, C c 2
}
first_of! {
    /// The first of four; the others are dropped.
    select4, Either4, 4; A a 0, B b 1, C c 2, D d 3
}

/// Runs the arm of whichever future is first; the other futures are dropped. Two to four arms.
///
/// ```
/// # use shakedown_core::{select, task::{Process, TaskCx}, time::Duration};
/// # async fn stop(cx: &TaskCx, process: &Process) {
/// select!(cx;
///     _status = process.wait() => {},
///     () = cx.sleep(Duration::from_secs(3)) => process.kill(),
/// )
/// # }
/// ```
#[macro_export]
macro_rules! select {
    ($cx:expr; $p0:pat = $f0:expr => $b0:expr, $p1:pat = $f1:expr => $b1:expr $(,)?) => {
        match $crate::task::select2(&$cx, $f0, $f1).await {
            $crate::task::Either2::A($p0) => $b0,
            $crate::task::Either2::B($p1) => $b1,
        }
    };
    ($cx:expr; $p0:pat = $f0:expr => $b0:expr, $p1:pat = $f1:expr => $b1:expr, $p2:pat = $f2:expr => $b2:expr $(,)?) => {
        match $crate::task::select3(&$cx, $f0, $f1, $f2).await {
            $crate::task::Either3::A($p0) => $b0,
            $crate::task::Either3::B($p1) => $b1,
            $crate::task::Either3::C($p2) => $b2,
        }
    };
    ($cx:expr; $p0:pat = $f0:expr => $b0:expr, $p1:pat = $f1:expr => $b1:expr, $p2:pat = $f2:expr => $b2:expr, $p3:pat = $f3:expr => $b3:expr $(,)?) => {
        match $crate::task::select4(&$cx, $f0, $f1, $f2, $f3).await {
            $crate::task::Either4::A($p0) => $b0,
            $crate::task::Either4::B($p1) => $b1,
            $crate::task::Either4::C($p2) => $b2,
            $crate::task::Either4::D($p3) => $b3,
        }
    };
}
