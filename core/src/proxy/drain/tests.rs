use super::*;
use alloc::vec::Vec;

fn ms(n: u64) -> Instant {
    Instant::from_nanos(n * 1_000_000)
}

/// Plays what happens to one proxy, a word each: `fresh`, `active`, `idle` and `tunnel` are new connections that have come so far.
fn stage(connections: &[&str]) -> Drain {
    let mut drain = Drain::new(Limits::DEFAULT);
    for connection in connections {
        let Admission::Admitted(id) = drain.accepted() else { panic!("it accepts") };
        if *connection != "fresh" {
            assert!(drain.head(id, "GET", "/", ms(0)));
        }
        match *connection {
            "fresh" | "active" => {}
            "idle" => drain.answered(id, 200, true, ms(1)),
            "tunnel" => drain.upgraded(id, 101),
            other => panic!("{other} is no connection"),
        }
    }
    drain.traffic();
    drain
}

fn orders(drain: &mut Drain) -> Vec<Order> {
    core::iter::from_fn(|| drain.next_order()).collect()
}

fn words(drain: &mut Drain) -> Vec<&'static str> {
    drain.traffic().told.iter().map(|told| told.stage.word()).collect()
}

#[test]
fn a_drain_closes_what_is_at_rest_at_once_and_cuts_the_rest_when_its_time_is_over() {
    let (close, cut) = (|n| Order::Close(ConnId(n)), |n| Order::Cut(ConnId(n)));
    let rows: &[(&[&str], &[Order], &[Order])] = &[
        (&[], &[], &[]),
        (&["fresh", "idle"], &[close(0), close(1)], &[]),
        (&["active"], &[], &[cut(0)]),
        (&["tunnel"], &[], &[cut(0)]),
        (&["active", "fresh", "tunnel", "idle"], &[close(1), close(3)], &[cut(0), cut(2)]),
    ];
    for (connections, at_once, later) in rows {
        let mut drain = stage(connections);
        drain.begin(ms(10), Duration::from_millis(50));
        assert_eq!(orders(&mut drain), [&[Order::CloseListener], *at_once].concat(), "{connections:?}");
        drain.tick(ms(59));
        assert_eq!(orders(&mut drain), [], "{connections:?}");
        drain.invariant().unwrap();
        drain.tick(ms(60));
        assert_eq!(orders(&mut drain), *later, "{connections:?}");
        drain.listener_closed();
        for id in 0..connections.len() as u32 {
            assert!(!drain.is_over());
            drain.closed(ConnId(id), Cutter::Client, ms(60));
        }
        assert!(drain.is_over() && drain.invariant().is_ok(), "{connections:?}");
    }
}

#[test]
fn a_request_in_flight_is_answered_and_its_connection_closed_after_it() {
    let mut drain = stage(&["active"]);
    drain.begin(ms(10), Duration::from_secs(2));
    assert_eq!(orders(&mut drain), [Order::CloseListener]);
    drain.answered(ConnId(0), 200, true, ms(30));
    assert_eq!(orders(&mut drain), [Order::Close(ConnId(0))]);
    drain.closed(ConnId(0), Cutter::Client, ms(30));
    assert!(!drain.is_over(), "its port is not free");
    drain.listener_closed();
    assert!(drain.is_over());
    assert_eq!(words(&mut drain), ["request-finished"]);
}

#[test]
fn a_normal_close_emits_no_failure_fact() {
    for connections in [&["fresh"][..], &["idle"], &["idle", "fresh", "idle"], &[]] {
        let mut drain = stage(connections);
        drain.begin(ms(10), Duration::from_secs(2));
        drain.listener_closed();
        for id in 0..connections.len() as u32 {
            drain.closed(ConnId(id), Cutter::Client, ms(11));
        }
        assert!(drain.is_over() && words(&mut drain).is_empty(), "{connections:?}");
    }
    // A client that has had its answer, and one that has had its tunnel, may go.
    let mut drain = stage(&["idle", "tunnel"]);
    drain.closed(ConnId(0), Cutter::Client, ms(5));
    drain.closed(ConnId(1), Cutter::Client, ms(5));
    assert_eq!(words(&mut drain), ["request-finished"]);
}

#[test]
fn what_comes_too_late_is_refused_and_said_to_be() {
    let mut drain = stage(&["idle"]);
    drain.begin(ms(10), Duration::from_secs(2));
    // Its bytes were on the way when the order was given.
    assert!(!drain.head(ConnId(0), "GET", "/late", ms(10)));
    assert_eq!(drain.accepted(), Admission::Refused);
    assert_eq!(words(&mut drain), ["request-refused"]);
}

#[test]
fn one_connection_more_than_the_limit_is_refused_and_said_to_be() {
    let mut drain = Drain::new(Limits { connections_max: 1, ..Limits::DEFAULT });
    assert_eq!(drain.accepted(), Admission::Admitted(ConnId(0)));
    assert_eq!(drain.accepted(), Admission::Refused);
    drain.closed(ConnId(0), Cutter::Client, ms(0));
    assert_eq!(drain.accepted(), Admission::Admitted(ConnId(1)));
    assert_eq!(words(&mut drain), ["request-refused"]);
}

#[test]
fn a_kill_cuts_at_once_also_in_a_drain_and_a_second_drain_never_extends_the_first() {
    let mut drain = stage(&["active", "idle"]);
    drain.kill(ms(7));
    assert_eq!(orders(&mut drain).last(), Some(&Order::Cut(ConnId(0))));
    let mut drain = stage(&["active"]);
    drain.begin(ms(0), Duration::from_millis(50));
    drain.begin(ms(20), Duration::from_millis(500));
    assert_eq!(drain.deadline(), Some(ms(50)));
    drain.begin(ms(20), Duration::from_millis(10));
    assert_eq!(drain.deadline(), Some(ms(30)));
    drain.kill(ms(25));
    assert_eq!((drain.deadline(), words(&mut drain)), (None, ["request-cut"].to_vec()));
}

#[test]
fn who_does_not_fetch_what_is_told_loses_the_oldest() {
    let mut drain = Drain::new(Limits { untold_max: 2, ..Limits::DEFAULT });
    let Admission::Admitted(id) = drain.accepted() else { panic!("it accepts") };
    for n in 0..3 {
        assert!(drain.head(id, "GET", "/", ms(n)));
        drain.answered(id, 200, true, ms(n));
    }
    let traffic = drain.traffic();
    assert_eq!(traffic.told.iter().map(|told| told.number).collect::<Vec<_>>(), [3, 3]);
    assert!(!drain.has_traffic());
}

/// kubernetes#67592: whoever is led here still, because news of the end are on their way, is not refused.
#[test]
fn a_lag_accepts_and_answers_until_it_is_over_and_drains_then() {
    let (lag, within) = (Duration::from_millis(20), Duration::from_millis(50));
    let mut drain = stage(&["active", "idle"]);
    drain.begin_after(ms(10), lag, within);
    assert_eq!((orders(&mut drain), drain.is_ending(), drain.deadline()), (Vec::new(), true, Some(ms(30))));
    let Admission::Admitted(late) = drain.accepted() else { panic!("it accepts") };
    assert!(drain.head(late, "GET", "/", ms(20)));
    drain.answered(late, 200, true, ms(25));
    drain.tick(ms(29));
    assert_eq!(orders(&mut drain), []);
    drain.tick(ms(30));
    assert_eq!(orders(&mut drain), [Order::CloseListener, Order::Close(ConnId(1)), Order::Close(late)]);
    assert_eq!((drain.accepted(), drain.deadline()), (Admission::Refused, Some(ms(80))));
    // A kill waits for nothing.
    let mut killed = stage(&["active"]);
    killed.begin_after(ms(10), lag, within);
    killed.kill(ms(11));
    assert_eq!(orders(&mut killed), [Order::CloseListener, Order::Cut(ConnId(0))]);
    // Of two stops the earlier end counts.
    let mut hastened = stage(&[]);
    hastened.begin_after(ms(10), lag, within);
    hastened.begin_after(ms(12), Duration::ZERO, within);
    assert_eq!(orders(&mut hastened), [Order::CloseListener]);
}
