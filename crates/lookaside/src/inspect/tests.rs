use super::*;

#[derive(Debug)]
struct Wrapped(TimeoutExpired);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("transport error")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn lost(cause: impl Error + Send + Sync + 'static) -> Status {
    Status::from_error(Box::new(cause))
}

fn said(status: &Status) -> String {
    let balancer = "127.0.0.1:7400".parse().unwrap();
    unanswered(&balancer, status).to_string()
}

#[test]
fn who_does_not_answer_in_time_is_not_called_lost() {
    // As tonic's transport wraps it.
    let wrapped = Wrapped(TimeoutExpired(()));
    for status in [lost(TimeoutExpired(())), lost(wrapped)] {
        let said = said(&status);
        assert_eq!(said, "balancer 127.0.0.1:7400: no answer within 5s");
    }
}

#[test]
fn a_connection_that_breaks_at_once_says_what_may_listen_there() {
    let said = said(&lost(std::io::Error::other("broken pipe")));
    assert!(said.starts_with("balancer 127.0.0.1:7400: connection lost: broken pipe: "));
    assert!(
        said.contains("a balancer's port") && said.contains("--ca"),
        "{said}"
    );
    assert!(!said.contains('\n'), "{said}");
}

#[test]
fn another_grpc_server_is_told_from_a_balancer_that_refuses() {
    let other = said(&Status::unimplemented("unknown service"));
    assert!(
        other.ends_with("no balancer, or one of another version"),
        "{other}"
    );
    let refused = said(&Status::not_found("no service x is known"));
    assert_eq!(
        refused,
        "balancer 127.0.0.1:7400: NOT_FOUND: no service x is known"
    );
}
