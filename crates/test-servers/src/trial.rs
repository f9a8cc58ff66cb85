//! Tests that are run only where there is a server.

use libtest_mimic::{Completion, Failed, Trial};

use crate::NoServer;

/// A test that runs when there is a server.
pub fn trial<S>(name: &str, server: &Result<S, NoServer>, run: impl FnOnce() + Send + 'static) -> Trial {
    let missing = server.as_ref().err().map(ToString::to_string);
    let required = std::env::var("CI").is_ok_and(|value| value == "true");
    Trial::ignorable_test(name, move || outcome(missing, required, run))
}

fn outcome(missing: Option<String>, required: bool, run: impl FnOnce()) -> Result<Completion, Failed> {
    match missing {
        Some(why) if required => Err(why.into()),
        Some(why) => Ok(Completion::ignored_with(why)),
        None => {
            run();
            Ok(Completion::Completed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_server_a_test_is_ignored_and_where_it_is_required_it_fails() {
        let run = || panic!("not to be run");
        let ignored = outcome(Some("none".to_owned()), false, run).expect("no failure");
        assert!(matches!(ignored, Completion::Ignored { reason: Some(why) } if why == "none"));
        assert!(outcome(Some("none".to_owned()), true, run).is_err());
        let mut ran = false;
        assert!(matches!(outcome(None, true, || ran = true), Ok(Completion::Completed)));
        assert!(ran);
    }
}
