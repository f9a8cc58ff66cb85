//! Tests that are run only where there is a server.

use libtest_mimic::{Completion, Failed, Trial};

use crate::NoServer;

/// A test that runs when there is a server. It fails by panicking.
pub fn trial<S>(name: &str, server: &Result<S, NoServer>, run: impl FnOnce() + Send + 'static) -> Trial {
    let server = server.as_ref().map(drop).map_err(Clone::clone);
    trial_with(name, || server, |()| run())
}

/// A test that looks for its server, or starts it, when it runs.
pub fn trial_with<S>(
    name: &str,
    server: impl FnOnce() -> Result<S, NoServer> + Send + 'static,
    run: impl FnOnce(S) + Send + 'static,
) -> Trial {
    let required = std::env::var("CI").is_ok_and(|value| value == "true");
    Trial::ignorable_test(name, move || outcome(server(), required, run))
}

fn outcome<S>(server: Result<S, NoServer>, required: bool, run: impl FnOnce(S)) -> Result<Completion, Failed> {
    match server {
        Err(missing) if required => Err(missing.into()),
        Err(missing) => Ok(Completion::ignored_with(missing)),
        Ok(server) => {
            run(server);
            Ok(Completion::Completed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_server_a_test_is_ignored_and_where_it_is_required_it_fails() {
        let run = |()| panic!("not to be run");
        let none = || Err(NoServer("none".to_owned()));
        let ignored = outcome(none(), false, run).expect("no failure");
        assert!(matches!(ignored, Completion::Ignored { reason: Some(why) } if why == "none"));
        assert!(outcome(none(), true, run).is_err());
        let mut ran = false;
        assert!(matches!(outcome(Ok(()), true, |()| ran = true), Ok(Completion::Completed)));
        assert!(ran);
    }
}
