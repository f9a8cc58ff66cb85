//! Panics that a test injects into a server that runs. There are none in a release build.
//!
//! `FLIGHTDECK_TEST_PANIC` names a folder. Who makes a file in it with the name of a worker (blanks as `-`) has one worker of
//! this name panic once, and the file goes.

#[cfg(debug_assertions)]
pub(crate) use self::real::{into, pulse};

#[cfg(not(debug_assertions))]
pub(crate) fn into<T: Future>(_name: &'static str, work: T) -> T {
    work
}

#[cfg(not(debug_assertions))]
pub(crate) const fn pulse(_name: &'static str) {}

#[cfg(debug_assertions)]
mod real {
    use std::convert::Infallible;
    use std::future::Future;
    use std::path::PathBuf;
    use std::sync::LazyLock;
    use std::time::Duration;

    static FOLDER: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var_os("FLIGHTDECK_TEST_PANIC").map(PathBuf::from));

    pub(crate) fn pulse(name: &'static str) {
        let Some(folder) = &*FOLDER else { return };
        let wanted = std::fs::remove_file(folder.join(name.replace(' ', "-"))).is_ok();
        assert!(!wanted, "a test wants {name} to panic");
    }

    pub(crate) async fn into<T: Future>(name: &'static str, work: T) -> T::Output {
        if FOLDER.is_none() {
            return work.await;
        }
        tokio::select! {
            value = work => value,
            never = look(name) => match never {},
        }
    }

    async fn look(name: &'static str) -> Infallible {
        loop {
            pulse(name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
