//! Channels, cancellation and selection between the tasks of one host, under many schedules.

use shakedown_core::sync::notify::Notify;
use shakedown_core::sync::{Closed, mpsc, oneshot, watch};
use shakedown_core::task::{Aborted, Cause, Either2, Elapsed, TaskCx, select2};
use shakedown_core::time::Duration;
use shakedown_core::vocab::Requester;
use shakedown_sim::choose::Seeded;
use shakedown_sim::{Limits, Simulator, WorldConfig};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Plays a task under 300 seeds; every run must end well.
fn check<F: Future<Output = ()> + 'static>(test: impl Fn(TaskCx) -> F) {
    let mut sim: Simulator<Seeded> = Simulator::new(WorldConfig::default(), Limits::default(), Seeded::new(0));
    for seed in 0..300 {
        let run = sim.run(Seeded::new(seed), None, |host| {
            host.spawn("main", &test);
        });
        assert!(run.is_ok(), "seed {seed}: {run:#?}");
    }
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn each_senders_messages_come_in_order_and_none_is_lost() {
    check(|cx| async move {
        let (tx, mut rx) = mpsc::bounded(2);
        for sender in 0..3u32 {
            let tx = tx.clone();
            cx.spawn("sender", move |_| async move {
                for n in 0..20 {
                    tx.send((sender, n)).await.expect("the receiver lives");
                }
            });
        }
        drop(tx);
        let mut next = [0; 3];
        while let Some((sender, n)) = rx.recv().await {
            assert_eq!(next[sender as usize], n);
            next[sender as usize] += 1;
        }
        assert_eq!((next, rx.try_recv()), ([20; 3], Err(Closed)));
    });
}

#[test]
fn a_sender_that_gave_up_takes_no_wake_up_with_it() {
    check(|cx| async move {
        let (tx, mut rx) = mpsc::bounded(1);
        tx.send(0).await.expect("there is room");
        let (first, second) = (tx.clone(), tx.clone());
        let gives_up = cx.spawn("gives up", |cx| async move { cx.timeout(ms(2), first.send(1)).await.is_err() });
        let waits = cx.spawn("waits", |cx| async move {
            cx.sleep(ms(1)).await;
            second.send(2).await
        });
        assert_eq!(gives_up.await, Ok(true));
        assert_eq!(rx.recv().await, Some(0));
        assert_eq!((waits.await, rx.recv().await), (Ok(Ok(())), Some(2)));
    });
}

#[test]
fn a_sender_without_a_receiver_gets_its_message_back() {
    check(|_| async move {
        let (tx, rx) = mpsc::unbounded();
        drop(rx);
        assert_eq!((tx.try_send(1), tx.send(2).await), (Err(1), Err(2)));
        let (tx, rx) = oneshot::channel();
        drop(rx);
        assert_eq!(tx.send(3), Err(3));
        let (tx, rx) = oneshot::channel::<()>();
        drop(tx);
        assert_eq!(rx.await, Err(Closed));
    });
}

#[test]
fn a_watcher_sees_the_latest_value_and_the_end() {
    check(|cx| async move {
        let (tx, mut rx) = watch::channel(0);
        let watcher = cx.spawn("watcher", move |_| async move {
            let mut last = 0;
            while rx.changed().await.is_ok() {
                let now = *rx.borrow();
                assert!(now > last, "{now} after {last}");
                last = now;
            }
            last
        });
        for n in 1..=5 {
            tx.send(n);
            cx.yield_now().await;
        }
        drop(tx);
        assert_eq!(watcher.await, Ok(5));
    });
}

#[test]
fn a_permit_is_kept_for_one_and_handed_on_by_who_was_dropped() {
    check(|cx| async move {
        let notify = Notify::new();
        notify.notify_one();
        notify.notify_one();
        notify.notified().await;
        assert_eq!(cx.timeout(ms(1), notify.notified()).await, Err(Elapsed), "permits do not add up");
        let woken = Rc::new(RefCell::new(0));
        let waiters = [(); 2].map(|()| {
            let (notify, woken) = (notify.clone(), woken.clone());
            cx.spawn("waiter", move |_| async move {
                notify.notified().await;
                *woken.borrow_mut() += 1;
            })
        });
        cx.settle().await;
        // One of the two is chosen, and is ended before it runs: the other gets the permit.
        notify.notify_one();
        waiters[0].abort();
        let [first, second] = waiters;
        assert_eq!(first.await, Err(Aborted));
        assert_eq!((second.await, *woken.borrow()), (Ok(()), 1));
    });
}

#[test]
fn a_task_that_is_aborted_twice_takes_nobody_with_it() {
    struct SpawnsWhenDropped(TaskCx, mpsc::Sender<u32>);
    impl Drop for SpawnsWhenDropped {
        fn drop(&mut self) {
            let tx = self.1.clone();
            self.0.spawn("heir", |_| async move { tx.try_send(7) });
        }
    }
    check(|cx| async move {
        let (tx, mut rx) = mpsc::unbounded();
        let guard = SpawnsWhenDropped(cx.clone(), tx);
        let victim = cx.spawn("victim", |cx| async move {
            let _guard = guard;
            cx.sleep(Duration::from_secs(9)).await;
        });
        cx.yield_now().await;
        victim.abort();
        victim.abort();
        assert_eq!(victim.await, Err(Aborted));
        assert_eq!(rx.recv().await, Some(7), "the heir took the slot and lives");
    });
}

/// Wakes through a waker of its own, as many combinators do.
struct Relay(Waker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

#[test]
fn who_joins_is_woken_also_through_a_waker_that_is_not_its_own_and_it_is_the_last_one_that_counts() {
    for (relays, aborts) in [([true, true], false), ([true, false], true), ([false, true], false), ([true, true], true)]
    {
        check(move |cx| async move {
            let mut task = cx.spawn("joined", |cx| async move { cx.sleep(ms(3)).await });
            for (poll, is_relayed) in relays.into_iter().enumerate() {
                let result = poll_fn(|joiner| {
                    let relay = Waker::from(Arc::new(Relay(joiner.waker().clone())));
                    let waker = if is_relayed { &relay } else { joiner.waker() };
                    match Pin::new(&mut task).poll(&mut Context::from_waker(waker)) {
                        Poll::Pending if poll == 0 => Poll::Ready(None),
                        result => result.map(Some),
                    }
                });
                let result = result.await;
                if poll > 0 {
                    assert_eq!(result, Some(if aborts { Err(Aborted) } else { Ok(()) }));
                } else if aborts {
                    task.abort();
                }
            }
        });
    }
}

#[test]
fn cancellation_reaches_what_was_spawned_with_its_cause() {
    check(|cx| async move {
        let (child, source) = cx.cancellable();
        let deep = child.spawn("child", |cx| async move {
            let deeper = cx.spawn("grandchild", |cx| async move { cx.cancelled().await });
            (cx.cancelled().await, deeper.await)
        });
        cx.sleep(ms(3)).await;
        source.cancel(Cause::Stop(Requester::User));
        source.cancel(Cause::Parent);
        let cause = Cause::Stop(Requester::User);
        assert_eq!(deep.await, Ok((cause, Ok(cause))), "the first cause counts");
        assert_eq!((source.cause(), cx.cancel_cause()), (Some(cause), None), "and it does not reach upwards");
    });
}

#[test]
fn of_two_futures_that_are_ready_either_may_be_first_and_only_the_seed_decides() {
    let seen = Rc::new(RefCell::new(BTreeSet::new()));
    let out = seen.clone();
    check(move |cx| {
        let out = out.clone();
        async move {
            let first = matches!(select2(&cx, ready(()), ready(())).await, Either2::A(()));
            out.borrow_mut().insert(first);
        }
    });
    assert_eq!(seen.borrow().len(), 2);
}

#[test]
fn a_finished_result_wins_over_a_timer_of_the_same_instant() {
    check(|cx| async move {
        assert_eq!(cx.timeout(Duration::ZERO, ready(7)).await, Ok(7));
        assert_eq!(cx.timeout(ms(5), cx.sleep(ms(5))).await, Ok(()));
        assert_eq!(cx.timeout(ms(5), cx.sleep(Duration::from_nanos(5_000_001))).await, Err(Elapsed));
    });
}
