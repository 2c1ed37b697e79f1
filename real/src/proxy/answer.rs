//! One request, from its head to the head of its answer: passed on, tunnelled, or answered by the proxy itself where nobody else could.

use super::net::Net;
use super::tap::{Content, Flight};
use super::upstream::dial;
use super::{Office, Tunnel};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use hyper::http::uri::{PathAndQuery, Uri};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use shakedown_core::proxy::{ConnId, Role};
use std::convert::Infallible;
use std::rc::Rc;

/// Answers a request. Never an error: what goes wrong has a status.
pub(super) async fn answer<N: Net>(
    office: Rc<Office<N>>,
    id: ConnId,
    flight: Flight,
    tunnel: Rc<Tunnel>,
    request: Request<Incoming>,
) -> Result<Response<Content>, Infallible> {
    // The answer before this one has landed in the same turn.
    if let Some(given) = flight.overtaken() {
        office.with(|desk, now| desk.drain.answered(id, given.status, given.by_upstream, now));
    }
    let taken_on = office.with(|desk, now| {
        let target = request.uri();
        match target.authority() {
            None => desk.drain.head(id, request.method().as_str(), target.path(), now),
            Some(_) => desk.drain.head(id, request.method().as_str(), &target.to_string(), now),
        }
    });
    let mut response = if !taken_on {
        with_status(StatusCode::SERVICE_UNAVAILABLE, Content::nothing())
    } else {
        match whom(&office, &request) {
            None => refuse(StatusCode::BAD_REQUEST, "this request says nobody to pass it on to\n", &flight),
            Some(to) if *request.method() == Method::CONNECT => {
                connect(&office, id, &flight, &tunnel, request, &to).await
            }
            Some(to) => pass_on(&office, id, &flight, &tunnel, request, to).await,
        }
    };
    if office.desk.borrow().drain.is_ending() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Who is to answer.
fn whom<N: Net>(office: &Office<N>, request: &Request<Incoming>) -> Option<Rc<str>> {
    match &office.spec.role {
        Role::Reverse(upstream) => upstream.address.map(|address| address.to_string().into()),
        Role::Forward => {
            let authority = request.uri().authority()?;
            let port =
                authority.port_u16().unwrap_or(if request.uri().scheme_str() == Some("https") { 443 } else { 80 });
            Some(format!("{}:{port}", authority.host()).into())
        }
    }
}

/// CONNECT: bytes in both directions, until one end closes (RFC 9110, section 9.3.6). Before an upstream it leads there, whatever it names.
async fn connect<N: Net>(
    office: &Rc<Office<N>>,
    id: ConnId,
    flight: &Flight,
    tunnel: &Tunnel,
    request: Request<Incoming>,
    to: &str,
) -> Response<Content> {
    let Ok(mut far) = dial(&office.net, to).await else {
        return refuse(StatusCode::BAD_GATEWAY, "nobody accepts there\n", flight);
    };
    let near = hyper::upgrade::on(request);
    *tunnel.borrow_mut() = Some(Box::pin(async move {
        if let Ok(near) = near.await {
            // However it ends, it has ended.
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut far).await;
        }
    }));
    office.with(|desk, _| desk.drain.upgraded(id, 200));
    with_status(StatusCode::OK, Content::nothing())
}

async fn pass_on<N: Net>(
    office: &Rc<Office<N>>,
    id: ConnId,
    flight: &Flight,
    tunnel: &Tunnel,
    mut request: Request<Incoming>,
    to: Rc<str>,
) -> Response<Content> {
    let asks_for = request.headers().get(UPGRADE).cloned();
    let near = asks_for.is_some().then(|| hyper::upgrade::on(&mut request));
    prepare(&mut request, asks_for);
    let Ok((mut response, connection)) = office.pool.send(&office.net, &to, request).await else {
        return refuse(StatusCode::BAD_GATEWAY, "nobody answers there\n", flight);
    };
    if let (StatusCode::SWITCHING_PROTOCOLS, Some(near)) = (response.status(), near) {
        let far = hyper::upgrade::on(&mut response);
        *tunnel.borrow_mut() = Some(Box::pin(async move {
            if let (Ok(near), Ok(far)) = (near.await, far.await) {
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(near), &mut TokioIo::new(far)).await;
            }
            drop(connection);
        }));
        office.with(|desk, _| desk.drain.upgraded(id, 101));
        return response.map(|_| Content::nothing());
    }
    let upgrade = response.headers().get(UPGRADE).cloned();
    strip(response.headers_mut());
    if let Some(upgrade) = upgrade {
        response.headers_mut().insert(UPGRADE, upgrade);
    }
    let (status, pool) = (response.status().as_u16(), office.clone());
    let keep = Box::new(move || pool.pool.keep(&to, connection));
    response.map(|body| Content::streamed(body, status, flight, keep))
}

/// What is sent to the other end: a path instead of a whole address, and nothing that concerns this connection only.
fn prepare(request: &mut Request<Incoming>, upgrade: Option<HeaderValue>) {
    strip(request.headers_mut());
    if let Some(protocol) = upgrade {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(UPGRADE, protocol);
    }
    let Some(authority) = request.uri().authority().cloned() else { return };
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    if let Ok(host) = HeaderValue::from_str(authority.as_str().rsplit('@').next().unwrap_or("")) {
        request.headers_mut().insert(HOST, host);
    }
}

/// Takes out what is meant for the next one alone (RFC 9110, section 7.6.1).
fn strip(headers: &mut HeaderMap) {
    if let Some(named) = headers.remove(CONNECTION) {
        for name in named.to_str().unwrap_or("").split(',').map(str::trim) {
            if let Ok(name) = name.parse::<HeaderName>() {
                headers.remove(name);
            }
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(*name);
    }
}

fn refuse(status: StatusCode, text: &'static str, flight: &Flight) -> Response<Content> {
    with_status(status, Content::own(text, status.as_u16(), flight))
}

fn with_status(status: StatusCode, content: Content) -> Response<Content> {
    let mut response = Response::new(content);
    *response.status_mut() = status;
    response
}

const HOP_BY_HOP: &[&str] =
    &["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade"];
