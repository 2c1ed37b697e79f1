use super::*;
use crate::control::message::{LINE_BYTES_MAX, pieces};
use shakedown_core::journal::What;
use shakedown_core::vocab::Stream;

#[test]
fn messages_come_back_as_they_were_and_no_part_of_one_is_one() {
    let id = WorkerId(7);
    for command in [
        Command::Start(Start {
            name: "a".into(),
            argv: vec!["ls".into(), "-l".into()],
            env: vec![("K".into(), "V".into())],
            dir: Some("/".into()),
        }),
        Command::Stop(id),
        Command::Kill(id),
        Command::Restart(id),
        Command::Signal(id, -1),
        Command::Send(id, b"\0x".to_vec()),
        Command::CloseInput(id),
        Command::List,
        Command::Follow,
        Command::StopSession,
        Command::KillSession,
        Command::History(Past { from: 3, max: 4, filter: vec!["worker=api".into()] }),
        Command::Who,
    ] {
        let request = Request { id: 9, command };
        let bytes = request.encode();
        assert_eq!(Request::decode(&bytes), Ok(request.clone()));
        for shorter in 0..bytes.len() {
            assert!(Request::decode(&bytes[..shorter]).is_err(), "{request:?} cut at {shorter}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Request::decode(&longer), Err((Some(9), Malformed::Long(1))));
    }
    let exit = Some("exited(3)".into());
    let (kind, state) = ("process".into(), "ready".into());
    let member = Member { id, name: "n".into(), kind, state, incarnation: 2, pid: Some(3), exit, is_over: false };
    let other = Member { pid: None, exit: None, is_over: true, ..member.clone() };
    let line = Entry::line(Duration::from_nanos(5), &"s".into(), &"api".into(), Stream::Stderr, b"\xff");
    let event = Entry::event(Duration::ZERO, &"s".into(), "stopped");
    let identity = Identity { session: "s".into(), nonce: 1, pid: 2, began: Duration::from_secs(3), journal: None };
    for reply in [
        Reply::Done,
        Reply::Started(id),
        Reply::Refused("no".into()),
        Reply::Listed(vec![member, other]),
        Reply::Fact(event.clone()),
        Reply::Missed(4),
        Reply::Over,
        Reply::Page(Page { entries: vec![line, event], next: 9, passed_over: 1 }),
        Reply::Is(identity.clone()),
        Reply::Is(Identity { journal: Some(String::new()), ..identity }),
    ] {
        let bytes = encode_reply(1, &reply);
        assert_eq!(decode_reply(&bytes), Ok((1, reply.clone())));
        for shorter in 0..bytes.len() {
            assert!(decode_reply(&bytes[..shorter]).is_err(), "{reply:?} cut at {shorter}");
        }
    }
}

#[test]
fn strangers_and_other_versions_are_told_apart() {
    assert_eq!(heard_greeting(&greeting()), Ok(()));
    assert_eq!(heard_greeting(b"shakedown-control\x01"), Err(Malformed::Version(1)));
    assert_eq!(heard_greeting(b"GET / HTTP/1.1"), Err(Malformed::NoGreeting));
    assert_eq!(Request::decode(&[0, 0, 0, 0, 0, 0, 0, 1, 77]), Err((Some(1), Malformed::Unknown(77))));
    let absurd = [&[0; 8][..], &[0, 0, 0, 0, 1, b'n', 255, 255, 255, 255]].concat();
    let told = Malformed::TooMany { field: "argument", count: u32::MAX, max: WORDS_MAX };
    assert_eq!(Request::decode(&absurd), Err((Some(0), told)));
}

#[test]
fn what_could_never_be_started_is_refused_with_its_reason() {
    let good = Start { name: "a".into(), argv: vec!["ls".into()], ..Start::default() };
    assert_eq!(good.fault(), None);
    for (bad, says) in [
        (Start { name: String::new(), ..good.clone() }, "1 to 128 bytes"),
        (Start { name: "x".repeat(129), ..good.clone() }, "1 to 128 bytes"),
        (Start { name: "a\nb".into(), ..good.clone() }, "control a terminal"),
        (Start { argv: Vec::new(), ..good.clone() }, "no program"),
        (Start { argv: vec!["a\0".into()], ..good.clone() }, "NUL"),
        (Start { dir: Some("\0".into()), ..good.clone() }, "NUL"),
        (Start { env: vec![("A=B".into(), String::new())], ..good.clone() }, "`A=B` is no variable"),
    ] {
        assert!(bad.fault().is_some_and(|fault| fault.contains(says)), "{bad:?}");
    }
}

#[test]
fn a_long_line_is_told_in_pieces_that_make_it_up() {
    let bytes: Vec<u8> = (0..LINE_BYTES_MAX * 2 + 1).map(|n| n as u8).collect();
    let line = Entry::line(Duration::ZERO, &"s".into(), &"w".into(), Stream::Stdout, &bytes);
    let pieces = pieces(line);
    let parts: Vec<(Vec<u8>, bool)> = pieces
        .iter()
        .map(|piece| match &piece.what {
            What::Line { bytes, complete, .. } => (bytes.to_vec(), *complete),
            What::Event { .. } => panic!("{piece:?}"),
        })
        .collect();
    assert_eq!(parts.iter().map(|(_, complete)| *complete).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(parts.into_iter().flat_map(|(part, _)| part).collect::<Vec<u8>>(), bytes);
}
